#include "attestation/reference/signed_reference.h"

#include "attestation/reference/reference_value.h"
#include "base/strings.h"
#include "crypto/jws.h"

namespace nacre::attestation {

bool IsSignedReference(std::string_view text) {
  const std::string_view begin = StripSpace(text);
  return !begin.empty() && begin.front() != '{' && begin.find('.') != std::string_view::npos;
}

absl::StatusOr<std::string> SignReference(std::string_view document,
                                          const crypto::PrivateKey& key) {
  if (document.size() > kMaxReferenceDocument) {
    return absl::InvalidArgumentError(
        StrCat("reference: ", document.size(), " bytes, the limit is ", kMaxReferenceDocument));
  }
  const auto curve = key.public_key().curve();
  const bool p384 = curve.ok() && *curve == crypto::Curve::kP384;
  if (!p384 && (!curve.ok() || *curve != crypto::Curve::kP256)) {
    return absl::InvalidArgumentError("reference values are signed with an EC key, P-256 or P-384");
  }
  const auto algorithm = p384 ? crypto::JwsAlgorithm::kEs384 : crypto::JwsAlgorithm::kEs256;
  return crypto::JwsSign(key, algorithm, {{"typ", kReferenceJwsType}}, AsBytes(document));
}

absl::StatusOr<std::string> UnverifiedReference(std::string_view text) {
  ASSIGN_OR_RETURN(const crypto::Jws jws, crypto::ParseUnverifiedJws(StripSpace(text)),
                   "signed reference");
  return std::string(AsText(jws.payload));
}

}  // namespace nacre::attestation
