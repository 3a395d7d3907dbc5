// The keys and certificates of an emulated chip, in AMD's shape: ARK, ASK and ASVK with RSA-4096
// keys, a VCEK and a VLEK with P-384 keys, every signature RSASSA-PSS with SHA-384, AMD's
// extensions, serial number 0 on the leaf. Only the keys differ from real ones, so a verifier
// trusts them only by configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

namespace nacre::tee::emulator {

struct IdentityOptions {
  sev::Product product = sev::Product::kMilan;
  sev::TcbComponents tcb = {.fmc = 0, .bootloader = 4, .tee = 0, .snp = 24, .microcode = 219};
  int64_t now = 0;      // certificates begin a day before
  int rsa_bits = 4096;  // tests take less
};

// What signs: a chip's own key (VCEK), or a provider's (VLEK), under their intermediates.
enum class Endorsement { kVcek, kVlek };
std::string_view EndorsementName(Endorsement endorsement);  // "vcek", "vlek"
absl::StatusOr<Endorsement> ParseEndorsement(std::string_view name);

// One folder holds ark.pem, ask.pem, vcek.pem, vcek.key, and, once AddVlek has made them, asvk.pem,
// vlek.pem, vlek.key. (Also ark.key, ask.key, asvk.key, which signing reports does not need.) Keys
// have mode 0600.
struct Identity {
  sev::Product product = sev::Product::kMilan;
  Endorsement endorsement = Endorsement::kVcek;
  sev::TcbVersion tcb;
  std::array<uint8_t, 64> chip_id{};  // zeros for a VLEK
  crypto::Certificate ark;
  crypto::Certificate intermediate;  // ASK or ASVK
  crypto::Certificate leaf;          // VCEK or VLEK
  crypto::PrivateKey leaf_key;
};

// Makes a new identity in `folder` (made when absent). kAlreadyExists when it holds one. Two RSA
// keys of 4096 bits: some seconds.
absl::Status CreateIdentity(const std::string& folder, const IdentityOptions& options);

// Makes ASVK and VLEK beside an identity; OK when they are there already. One more RSA key.
absl::Status AddVlek(const std::string& folder, int64_t now, int rsa_bits = 4096,
                     const std::string& csp_id = "CN=emulated.nacre");

// Reads what CreateIdentity (and AddVlek) wrote. kNotFound names the file that is missing;
// kInvalidArgument when key and certificate do not belong together.
absl::StatusOr<Identity> LoadIdentity(const std::string& folder,
                                      Endorsement endorsement = Endorsement::kVcek);

// The same key certified again, for another TCB or another time. Needs the intermediate's key in
// `folder`.
struct LeafTerms {
  sev::TcbVersion tcb;
  int64_t not_before = 0;
  int64_t not_after = 0;
};
absl::StatusOr<crypto::Certificate> CertifyLeaf(const std::string& folder, const Identity& identity,
                                                const LeafTerms& terms);

// A CRL of the ARK, DER. Needs its key in `folder`.
absl::StatusOr<Bytes> MakeArkCrl(const std::string& folder, const Identity& identity,
                                 const crypto::CrlRequest& request);

// Leaf, intermediate and ARK; and the GHCB certificate table of them.
std::vector<sev::CertificateEntry> IdentityCertificates(const Identity& identity);
absl::StatusOr<Bytes> IdentityTable(const Identity& identity);

}  // namespace nacre::tee::emulator
