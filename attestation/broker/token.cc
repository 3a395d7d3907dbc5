#include "attestation/broker/token.h"

#include "attestation/protocol/jwt.h"
#include "base/encoding.h"
#include "base/json_members.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxParsedKeys = 16;

using ParsedKey = std::shared_ptr<const crypto::PrivateKey>;

absl::StatusOr<crypto::JwsAlgorithm> AlgorithmOf(const crypto::PublicKey& key) {
  const auto curve = key.curve();
  if (curve.ok() && *curve == crypto::Curve::kP256) return crypto::JwsAlgorithm::kEs256;
  if (curve.ok() && *curve == crypto::Curve::kP384) return crypto::JwsAlgorithm::kEs384;
  return absl::InvalidArgumentError("token key is not an EC P-256 or P-384 key");
}

}  // namespace

struct TokenSigner::State {
  // Parsing a key costs as much as signing with it, so each is parsed once.
  absl::StatusOr<ParsedKey> Parsed(const ServiceKey& key) {
    std::lock_guard lock(mutex);
    if (auto found = parsed.find(key.id); found != parsed.end()) return found->second;
    ASSIGN_OR_RETURN(crypto::PrivateKey made, crypto::PrivateKey::FromPem(key.material.view()),
                     "token key");
    if (parsed.size() >= kMaxParsedKeys) parsed.clear();
    ParsedKey shared = std::make_shared<const crypto::PrivateKey>(std::move(made));
    parsed.emplace(key.id, shared);
    return shared;
  }
  Json CertificateList() const {
    Json list = Json::array();
    for (const Bytes& certificate : certificates) list.push_back(Base64Encode(certificate));
    return list;
  }

  std::unique_ptr<KeySource> keys;
  std::string issuer;
  std::vector<Bytes> certificates;
  std::mutex mutex;
  std::map<std::string, ParsedKey> parsed;
};

TokenSigner::TokenSigner(std::unique_ptr<KeySource> keys, std::string issuer)
    : state_(std::make_unique<State>()) {
  state_->keys = std::move(keys);
  state_->issuer = std::move(issuer);
}
TokenSigner::TokenSigner(TokenSigner&&) noexcept = default;
TokenSigner::~TokenSigner() = default;

absl::StatusOr<TokenSigner> TokenSigner::Create(crypto::PrivateKey key, std::string issuer,
                                                std::vector<Bytes> certificates) {
  RETURN_IF_ERROR(AlgorithmOf(key.public_key()).status());
  if (!certificates.empty()) {
    ASSIGN_OR_RETURN(const crypto::Certificate first, crypto::Certificate::FromDer(certificates[0]),
                     "token certificate");
    ASSIGN_OR_RETURN(const crypto::PublicKey certified, first.public_key(), "token certificate");
    if (!(certified == key.public_key())) {
      return absl::InvalidArgumentError("token certificate is for another key");
    }
  }
  ASSIGN_OR_RETURN(std::string id, crypto::JwkThumbprint(key.public_key()));
  ASSIGN_OR_RETURN(SecretBytes pem, key.ToPem());
  TokenSigner signer(OneKey(std::move(id), std::move(pem)), std::move(issuer));
  signer.state_->certificates = std::move(certificates);
  return signer;
}

const std::string& TokenSigner::issuer() const { return state_->issuer; }

absl::StatusOr<std::string> TokenSigner::Sign(const Json& claims) const {
  ASSIGN_OR_RETURN(const std::string text, DumpJson(claims));
  return SignText(text);
}

absl::StatusOr<std::string> TokenSigner::SignText(std::string_view claims) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ServiceKey> key, state_->keys->Current());
  ASSIGN_OR_RETURN(const ParsedKey parsed, state_->Parsed(*key));
  ASSIGN_OR_RETURN(const crypto::JwsAlgorithm algorithm, AlgorithmOf(parsed->public_key()));
  Json header = JsonMembers().Set("kid", key->id).Set("typ", "JWT").Build();
  if (!state_->certificates.empty()) header["x5c"] = state_->CertificateList();
  return crypto::JwsSign(*parsed, algorithm, std::move(header), AsBytes(claims));
}

absl::StatusOr<Json> TokenSigner::Verify(std::string_view token, int64_t now) const {
  const absl::Status not_ours = absl::UnauthenticatedError("token has no valid signature");
  if (token.size() > kMaxTokenSize) return absl::UnauthenticatedError("token is too long");
  const auto header = crypto::UnverifiedJwsHeader(token);
  if (!header.ok()) return not_ours;
  const auto id = JsonString(*header, "kid", "token");
  if (!id.ok()) return not_ours;
  const auto key = state_->keys->Find(*id);
  if (absl::IsNotFound(key.status())) return not_ours;
  RETURN_IF_ERROR(key.status(), "token keys");
  ASSIGN_OR_RETURN(const ParsedKey parsed, state_->Parsed(**key));
  return VerifyJwt(token, parsed->public_key(), state_->issuer, now);
}

absl::StatusOr<std::string> TokenSigner::Jwks() const {
  ASSIGN_OR_RETURN(const ServiceKeys all, state_->keys->All());
  Json list = Json::array();
  for (const auto& key : all) {
    ASSIGN_OR_RETURN(const ParsedKey parsed, state_->Parsed(*key));
    ASSIGN_OR_RETURN(const crypto::JwsAlgorithm algorithm, AlgorithmOf(parsed->public_key()));
    ASSIGN_OR_RETURN(Json jwk, crypto::PublicKeyToJwk(parsed->public_key()));
    jwk["kid"] = key->id;
    jwk["alg"] = crypto::JwsAlgorithmName(algorithm);
    jwk["use"] = "sig";
    if (!state_->certificates.empty()) jwk["x5c"] = state_->CertificateList();
    list.push_back(std::move(jwk));
  }
  return DumpJson({{"keys", std::move(list)}});
}

}  // namespace nacre::attestation
