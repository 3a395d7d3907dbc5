// A TPM 2.0, through tpm2-tss's ESAPI: what a guest does with its own. In a library of its own
// (nacre_tpm_device), because tpm2-tss comes as shared libraries only and the guest's agent links
// none but the C library.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tee/tpm/attest.h"
#include "tee/tpm/credential.h"
#include "tee/tpm/verify.h"

namespace nacre::tee::tpm {

// NV indexes (TCG EK Credential Profile, section 2.2.1.4).
inline constexpr uint32_t kRsaEkCertificate = 0x01c00002;
// Of Azure's paravisor: the HCL report.
inline constexpr uint32_t kHclReportIndex = 0x01400001;

// One thread at a time. The endorsement key is the RSA-2048 one of the default template (L-1); the
// attestation key is a P-256 restricted signing key made from the endorsement hierarchy's seed, the
// same at every boot until the TPM is cleared. Both are made on first use and flushed at the end.
class TpmDevice {
 public:
  // `path`: /dev/tpmrm0, or the Unix socket of swtpm's server channel. kUnavailable when the TPM
  // does not answer; every later failure of a TPM command is kInternal with the command's name and
  // the TPM's response code.
  static absl::StatusOr<std::unique_ptr<TpmDevice>> Open(const std::string& path);
  ~TpmDevice();
  TpmDevice(const TpmDevice&) = delete;
  TpmDevice& operator=(const TpmDevice&) = delete;

  // All of an NV area that the owner may read. kNotFound when there is none.
  absl::StatusOr<Bytes> ReadNv(uint32_t index);
  absl::StatusOr<Bytes> EkCertificate() { return ReadNv(kRsaEkCertificate); }
  // TPMT_PUBLIC of the attestation key.
  absl::StatusOr<Bytes> AkPublic();
  // The secret of a credential made for the endorsement key and the attestation key's name;
  // kInternal when this TPM does not hold both.
  absl::StatusOr<Bytes> ActivateCredential(const Credential& credential);

  // Banks that are in use.
  absl::StatusOr<std::vector<Bank>> Banks();
  absl::StatusOr<PcrValues> ReadPcrs(const PcrSelection& selection);
  // Attest, signature and PCR values that belong together; read again when a PCR changed between.
  // `nonce` has at most 64 bytes.
  absl::StatusOr<TpmEvidence> Quote(const PcrSelection& selection, ByteView nonce);

  // `digests`: one for each bank in use.
  absl::Status Extend(uint32_t pcr, const std::map<Bank, Bytes>& digests);

 private:
  class Esys;
  explicit TpmDevice(std::unique_ptr<Esys> esys);
  std::unique_ptr<Esys> esys_;
};

}  // namespace nacre::tee::tpm
