#include "attestation/protocol/binding.h"

#include "crypto/digest.h"

namespace nacre::attestation {

namespace {

constexpr size_t kPeersTpmNonceSize = 32;

absl::StatusOr<Bytes> CanonicalDigest(const Json& object) {
  ASSIGN_OR_RETURN(std::string canonical, CanonicalJson(object), "report data");
  return crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes(canonical));
}

}  // namespace

absl::StatusOr<Bytes> PrimaryBinding(std::string_view nonce, const Json& tee_pubkey,
                                     std::string_view additional_evidence) {
  return CanonicalDigest(
      {{"additional-evidence", additional_evidence}, {"nonce", nonce}, {"tee-pubkey", tee_pubkey}});
}

absl::StatusOr<Bytes> DeviceBinding(std::string_view nonce, const Json& tee_pubkey) {
  return CanonicalDigest({{"nonce", nonce}, {"tee-pubkey", tee_pubkey}});
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
