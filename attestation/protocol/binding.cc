#include "attestation/protocol/binding.h"

#include <algorithm>

#include "crypto/digest.h"

namespace nacre::attestation {

absl::StatusOr<tee::ReportData> BindReportData(std::string_view nonce, const Json& tee_pubkey,
                                               std::string_view additional_evidence) {
  ASSIGN_OR_RETURN(std::string canonical,
                   CanonicalJson({{"additional-evidence", additional_evidence},
                                  {"nonce", nonce},
                                  {"tee-pubkey", tee_pubkey}}),
                   "report data");
  Bytes digest = crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes(canonical));
  tee::ReportData out{};
  std::copy(digest.begin(), digest.end(), out.bytes.begin());
  return out;
}

}  // namespace nacre::attestation
