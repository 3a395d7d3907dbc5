// Is this quote a TPM's, fresh, and of a machine that booted as its owner demands? In this order:
// format, the attestation key's signature, nonce, PCR values against the signed digest, the owner's
// policy, and the event log against the PCRs.
//
// A quote proves nothing without a key that is trusted for another reason than that it came along:
// TrustedAk can only be made from configuration, by credential activation (enrolment.h) or from a
// hardware-signed HCL report (azure.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crypto/key.h"
#include "tee/common/appraisal.h"
#include "tee/tpm/attest.h"
#include "tee/tpm/signature.h"

namespace nacre::tee::tpm {

class TrustedAk {
 public:
  // A key that the verifier's owner has written into its configuration.
  static TrustedAk Configured(std::string name, crypto::PublicKey key) {
    return TrustedAk(std::move(name), std::move(key));
  }
  const std::string& name() const { return name_; }  // for Appraisal::root
  const crypto::PublicKey& key() const { return key_; }

 private:
  friend class AkEnrolment;
  friend class AzureVerification;
  TrustedAk(std::string name, crypto::PublicKey key)
      : name_(std::move(name)), key_(std::move(key)) {}
  std::string name_;
  crypto::PublicKey key_;
};

using PcrValues = std::map<uint32_t, Bytes>;
using PcrBanks = std::map<Bank, PcrValues>;

struct TpmEvidence {
  Bytes attest;     // TPMS_ATTEST
  Bytes signature;  // TPMT_SIGNATURE
  PcrBanks pcrs;    // at least those that were quoted
  Bytes event_log;  // empty when there is none
};

// What an owner demands of a quote that is genuine. Defaults ask for nothing but SHA-256.
struct TpmPolicy {
  Bank bank = Bank::kSha256;          // the bank everything below is about; it must be quoted
  bool allow_sha1_signature = false;  // of an old attestation key
  bool require_safe_clock = false;
  std::set<uint32_t> required_pcrs{};                     // must be among the quoted
  std::map<uint32_t, std::vector<Bytes>> allowed_pcrs{};  // each must be one of its values
  bool require_event_log = false;
  bool require_secure_boot = false;  // needs an event log that says so
  // Registers the system extends after boot without an entry in the firmware's log. The log is
  // compared with PCRs 0 to 7 and every other PCR it extends, but for these.
  std::set<uint32_t> unlogged_pcrs{};
};

struct TpmReport {
  Attest attest;
  PcrValues pcrs;  // quoted, of the policy's bank
};

// Appends its checks and claims to `appraisal`, marked as kTpm with the key's name as root. nullopt
// when refused: appraisal->refusal and refusal_class say why. `nonce` is what the quote must carry,
// byte for byte.
std::optional<TpmReport> VerifyTpm(const TpmEvidence& evidence, const TrustedAk& ak, ByteView nonce,
                                   const TpmPolicy& policy, Appraisal* appraisal);

// The same without marking the appraisal, for a quote that is one link of a longer chain.
std::optional<TpmReport> VerifyTpmQuote(const TpmEvidence& evidence, const TrustedAk& ak,
                                        ByteView nonce, const TpmPolicy& policy,
                                        Appraisal* appraisal);

// The value of a PCR that was extended once, from zero, with `digest`: coco keeps initdata so, in
// PCR 8.
Bytes PcrExtendedOnce(Bank bank, ByteView digest);

}  // namespace nacre::tee::tpm
