#include "crypto/jwk.h"

#include <openssl/core_names.h>

#include <deque>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/key_internal.h"

namespace nacre::crypto {
namespace {

constexpr const char* kPrivateMembers[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

absl::StatusOr<Bytes> BinaryMember(const Json& jwk, std::string_view key) {
  ASSIGN_OR_RETURN(std::string text, JsonString(jwk, key, "JWK"));
  ASSIGN_OR_RETURN(Bytes value, Base64UrlDecode(text), StrCat("JWK: member '", key, "'"));
  return value;
}

// An unsigned number without leading zeros (RFC 7518 section 2, Base64urlUInt).
absl::StatusOr<Bytes> NumberMember(const Json& jwk, std::string_view key) {
  ASSIGN_OR_RETURN(Bytes value, BinaryMember(jwk, key));
  if (value.empty() || value[0] == 0 || value.size() > kMaxRsaBits / 8) {
    return absl::InvalidArgumentError(
        StrCat("JWK: member '", key, "' is empty, too long or starts with a zero byte"));
  }
  return value;
}

absl::StatusOr<EcPoint> PointOf(const Json& jwk) {
  ASSIGN_OR_RETURN(std::string curve, JsonString(jwk, "crv", "JWK"));
  EcPoint point;
  ASSIGN_OR_RETURN(point.curve, ParseCurve(curve), "JWK");
  ASSIGN_OR_RETURN(point.x, BinaryMember(jwk, "x"));
  ASSIGN_OR_RETURN(point.y, BinaryMember(jwk, "y"));
  return point;
}

absl::StatusOr<PublicKey> PublicPart(const Json& jwk) {
  ASSIGN_OR_RETURN(std::string type, JsonString(jwk, "kty", "JWK"));
  if (type == "EC") {
    ASSIGN_OR_RETURN(EcPoint point, PointOf(jwk));
    ASSIGN_OR_RETURN(PublicKey key, PublicKey::FromEcPoint(point), "JWK");
    return key;
  }
  if (type != "RSA") {
    return absl::InvalidArgumentError(StrCat("JWK: kty '", type, "', must be EC or RSA"));
  }
  RsaNumbers numbers;
  ASSIGN_OR_RETURN(numbers.modulus, NumberMember(jwk, "n"));
  ASSIGN_OR_RETURN(numbers.exponent, NumberMember(jwk, "e"));
  ASSIGN_OR_RETURN(PublicKey key, PublicKey::FromRsaNumbers(numbers), "JWK");
  return key;
}

// Collects the parts of a key for EVP_PKEY_fromdata. OpenSSL's builder keeps pointers to what it is
// given, so this owns all of it; secret numbers are wiped with it.
class KeyBuilder {
 public:
  KeyBuilder() : builder_(OSSL_PARAM_BLD_new()) { Must(builder_ != nullptr, "OSSL_PARAM_BLD_new"); }

  void Number(const char* parameter, ByteView value) {
    BnPtr number(BN_secure_new());
    Must(number &&
             BN_bin2bn(value.data(), static_cast<int>(value.size()), number.get()) != nullptr &&
             OSSL_PARAM_BLD_push_BN(builder_.get(), parameter, number.get()) == 1,
         "OSSL_PARAM_BLD_push_BN");
    numbers_.push_back(std::move(number));
  }
  // `value` must be a constant of the program.
  void Text(const char* parameter, const char* value) {
    Must(OSSL_PARAM_BLD_push_utf8_string(builder_.get(), parameter, value, 0) == 1,
         "OSSL_PARAM_BLD_push_utf8_string");
  }
  void Octets(const char* parameter, Bytes value) {
    const Bytes& kept = octets_.emplace_back(std::move(value));
    Must(OSSL_PARAM_BLD_push_octet_string(builder_.get(), parameter, kept.data(), kept.size()) == 1,
         "OSSL_PARAM_BLD_push_octet_string");
  }

  // Checked: both parts belong together.
  absl::StatusOr<PrivateKey> Build(const char* type) {
    ParamsPtr params(OSSL_PARAM_BLD_to_param(builder_.get()));
    PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()) != 1) {
      return OpensslStatus(absl::StatusCode::kInvalidArgument, "JWK: not a private key");
    }
    PkeyPtr key(made);
    PkeyCtxPtr check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!check || EVP_PKEY_check(check.get()) != 1) {
      return OpensslStatus(absl::StatusCode::kInvalidArgument,
                           "JWK: private and public part do not belong together");
    }
    return PrivateKey::Adopt(key.release());
  }

 private:
  ParamBuilderPtr builder_;
  std::vector<BnPtr> numbers_;
  std::deque<Bytes> octets_;
};

absl::StatusOr<PrivateKey> EcPrivate(const Json& jwk) {
  ASSIGN_OR_RETURN(EcPoint point, PointOf(jwk));
  ASSIGN_OR_RETURN(Bytes scalar_bytes, BinaryMember(jwk, "d"));
  SecretBytes scalar = SecretBytes::TakeFrom(std::move(scalar_bytes));
  if (scalar.size() != CoordinateSize(point.curve)) {
    return absl::InvalidArgumentError("JWK: member 'd' must be as wide as the curve");
  }
  KeyBuilder builder;
  builder.Text(OSSL_PKEY_PARAM_GROUP_NAME, OpensslCurveName(point.curve));
  builder.Octets(OSSL_PKEY_PARAM_PUB_KEY, ByteWriter().U8(4).Put(point.x).Put(point.y).Release());
  builder.Number(OSSL_PKEY_PARAM_PRIV_KEY, scalar.view());
  return builder.Build("EC");
}

absl::StatusOr<PrivateKey> RsaPrivate(const Json& jwk) {
  constexpr std::pair<const char*, const char*> kNumbers[] = {
      {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
      {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
      {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
      {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
  KeyBuilder builder;
  for (const auto& [member, parameter] : kNumbers) {
    ASSIGN_OR_RETURN(Bytes value, NumberMember(jwk, member));
    SecretBytes secret = SecretBytes::TakeFrom(std::move(value));
    builder.Number(parameter, secret.view());
  }
  return builder.Build("RSA");
}

}  // namespace

absl::StatusOr<Json> PublicKeyToJwk(const PublicKey& key) {
  if (key.kind() == KeyKind::kEc) {
    ASSIGN_OR_RETURN(EcPoint point, key.ToEcPoint());
    return Json{{"kty", "EC"},
                {"crv", std::string(CurveName(point.curve))},
                {"x", Base64UrlEncode(point.x)},
                {"y", Base64UrlEncode(point.y)}};
  }
  ASSIGN_OR_RETURN(RsaNumbers numbers, key.ToRsaNumbers());
  return Json{{"kty", "RSA"},
              {"n", Base64UrlEncode(numbers.modulus)},
              {"e", Base64UrlEncode(numbers.exponent)}};
}

absl::StatusOr<PublicKey> PublicKeyFromJwk(const Json& jwk) {
  for (const char* member : kPrivateMembers) {
    if (jwk.is_object() && jwk.contains(member)) {
      return absl::InvalidArgumentError(
          StrCat("JWK: member '", member, "' is private, a public key is wanted"));
    }
  }
  return PublicPart(jwk);
}

absl::StatusOr<PrivateKey> PrivateKeyFromJwk(const Json& jwk) {
  // Checks sizes, curve and modulus before anything costly is done with them.
  RETURN_IF_ERROR(PublicPart(jwk).status());
  return jwk["kty"] == "EC" ? EcPrivate(jwk) : RsaPrivate(jwk);
}

absl::StatusOr<std::string> JwkThumbprint(const PublicKey& key) {
  ASSIGN_OR_RETURN(Json jwk, PublicKeyToJwk(key));
  // Exactly the required members, sorted, without spaces: what DumpJson writes.
  ASSIGN_OR_RETURN(std::string text, DumpJson(jwk));
  return Base64UrlEncode(Digest(HashAlgorithm::kSha256, AsBytes(text)));
}

}  // namespace nacre::crypto
