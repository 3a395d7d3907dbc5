#include "attestation/protocol/binding.h"

#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {

namespace {

constexpr size_t kPeersTpmNonceSize = 32;

// RFC 8785 sorts members by name, so theirs are canonical texts between names in that order.
absl::StatusOr<std::string> CanonicalTail(std::string_view nonce, const Json& tee_pubkey) {
  ASSIGN_OR_RETURN(const std::string nonce_text, CanonicalJson(Json(nonce)), "report data");
  ASSIGN_OR_RETURN(const std::string key_text, CanonicalJson(tee_pubkey), "report data");
  return StrCat("\"nonce\":", nonce_text, ",\"tee-pubkey\":", key_text, "}");
}

Bytes Digest(std::string_view text) {
  return crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes(text));
}

}  // namespace

absl::StatusOr<Bytes> PrimaryBinding(std::string_view nonce, const Json& tee_pubkey,
                                     std::string_view additional_evidence) {
  ASSIGN_OR_RETURN(const std::string tail, CanonicalTail(nonce, tee_pubkey));
  ASSIGN_OR_RETURN(const std::string additional, CanonicalJson(Json(additional_evidence)),
                   "report data");
  return Digest(StrCat("{\"additional-evidence\":", additional, ",", tail));
}

absl::StatusOr<Bytes> DeviceBinding(std::string_view nonce, const Json& tee_pubkey) {
  ASSIGN_OR_RETURN(const std::string tail, CanonicalTail(nonce, tee_pubkey));
  return Digest(StrCat("{", tail));
}

absl::StatusOr<tee::ReportData> BindReportData(std::string_view nonce, const Json& tee_pubkey,
                                               std::string_view additional_evidence) {
  ASSIGN_OR_RETURN(Bytes binding, PrimaryBinding(nonce, tee_pubkey, additional_evidence));
  return tee::ReportData::FromBytes(binding);
}

Bytes TpmNonceFor(ByteView binding, size_t quoted_size) {
  Bytes out = ToBytes(binding);
  const bool whole = quoted_size == out.size() || quoted_size == tee::kReportDataSize;
  out.resize(whole ? quoted_size : kPeersTpmNonceSize);
  return out;
}

}  // namespace nacre::attestation
