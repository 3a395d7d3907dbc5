#include "policy/rego/builtins/jwk_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/encoding.h"
#include "crypto/openssl_util.h"

namespace nacre::rego {
namespace {

constexpr size_t kMaxKeyBytes = 2048;  // of one number: RSA with 16,384 bits
constexpr size_t kMaxKeys = 256;

absl::StatusOr<Bytes> MemberBytes(const Value& jwk, std::string_view name) {
  Value member = jwk.Get(name);
  if (!member.defined()) {
    return absl::InvalidArgumentError(StrCat("required field ", name, " is missing"));
  }
  if (!member.is_string() || member.size() > 2 * kMaxKeyBytes) {
    return absl::InvalidArgumentError(StrCat("field ", name, " is not a base64url string"));
  }
  ASSIGN_OR_RETURN(Bytes bytes, Base64UrlDecode(member.string()), StrCat("field ", name));
  return bytes;
}

// The numbers of a key on their way to OpenSSL.
class KeyParts {
 public:
  KeyParts() : builder_(OSSL_PARAM_BLD_new()) {}

  absl::Status AddNumber(const Value& jwk, std::string_view name, const char* parameter) {
    ASSIGN_OR_RETURN(Bytes bytes, MemberBytes(jwk, name));
    numbers_.emplace_back(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
    OSSL_PARAM_BLD_push_BN(builder_.get(), parameter, numbers_.back().get());
    return absl::OkStatus();
  }
  void AddBytes(const char* parameter, Bytes bytes) {
    kept_.push_back(std::move(bytes));
    OSSL_PARAM_BLD_push_octet_string(builder_.get(), parameter, kept_.back().data(),
                                     kept_.back().size());
  }
  void AddText(const char* parameter, const char* text) {
    OSSL_PARAM_BLD_push_utf8_string(builder_.get(), parameter, text, 0);
  }

  absl::StatusOr<SignatureKey> Build(const char* kind, bool with_private) {
    crypto::ParamsPtr params(OSSL_PARAM_BLD_to_param(builder_.get()));
    crypto::PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
    EVP_PKEY* key = nullptr;
    int selection = with_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) {
      return absl::InvalidArgumentError("the key's numbers make no key");
    }
    return AdoptKey(key);
  }

 private:
  crypto::ParamBuilderPtr builder_;
  std::vector<crypto::BnPtr> numbers_;
  std::vector<Bytes> kept_;
};

absl::StatusOr<SignatureKey> RsaKey(const Value& jwk) {
  KeyParts parts;
  RETURN_IF_ERROR(parts.AddNumber(jwk, "n", OSSL_PKEY_PARAM_RSA_N));
  RETURN_IF_ERROR(parts.AddNumber(jwk, "e", OSSL_PKEY_PARAM_RSA_E));
  bool with_private = jwk.Get("d").defined();
  if (with_private) {
    RETURN_IF_ERROR(parts.AddNumber(jwk, "d", OSSL_PKEY_PARAM_RSA_D));
    if (jwk.Get("p").defined() && jwk.Get("q").defined() && jwk.Get("qi").defined()) {
      RETURN_IF_ERROR(parts.AddNumber(jwk, "p", OSSL_PKEY_PARAM_RSA_FACTOR1));
      RETURN_IF_ERROR(parts.AddNumber(jwk, "q", OSSL_PKEY_PARAM_RSA_FACTOR2));
      RETURN_IF_ERROR(parts.AddNumber(jwk, "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1));
      RETURN_IF_ERROR(parts.AddNumber(jwk, "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2));
      RETURN_IF_ERROR(parts.AddNumber(jwk, "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1));
    }
  }
  return parts.Build("RSA", with_private);
}

absl::StatusOr<SignatureKey> EcKey(const Value& jwk) {
  Value curve = jwk.Get("crv");
  if (!curve.defined()) return absl::InvalidArgumentError("required field crv is missing");
  std::string_view name = curve.is_string() ? curve.string() : "";
  size_t width = name == "P-256" ? 32 : name == "P-384" ? 48 : name == "P-521" ? 66 : 0;
  if (width == 0) return absl::InvalidArgumentError("invalid elliptic curve");
  Bytes point{4};  // uncompressed
  for (std::string_view coordinate : {"x", "y"}) {
    ASSIGN_OR_RETURN(Bytes bytes, MemberBytes(jwk, coordinate));
    if (bytes.size() > width) return absl::InvalidArgumentError("coordinate is too long");
    point.resize(point.size() + width - bytes.size());
    point.insert(point.end(), bytes.begin(), bytes.end());
  }
  KeyParts parts;
  // OpenSSL keeps the pointer until the key is built.
  parts.AddText(OSSL_PKEY_PARAM_GROUP_NAME, width == 32   ? "P-256"
                                            : width == 48 ? "P-384"
                                                          : "P-521");
  parts.AddBytes(OSSL_PKEY_PARAM_PUB_KEY, std::move(point));
  bool with_private = jwk.Get("d").defined();
  if (with_private) RETURN_IF_ERROR(parts.AddNumber(jwk, "d", OSSL_PKEY_PARAM_PRIV_KEY));
  return parts.Build("EC", with_private);
}

absl::StatusOr<SignatureKey> OkpKey(const Value& jwk) {
  Value curve = jwk.Get("crv");
  if (!curve.is_string() || curve.string() != "Ed25519") {
    return absl::InvalidArgumentError("invalid curve of an octet key pair");
  }
  bool with_private = jwk.Get("d").defined();
  ASSIGN_OR_RETURN(Bytes bytes, MemberBytes(jwk, with_private ? "d" : "x"));
  EVP_PKEY* key =
      with_private
          ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size())
          : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size());
  if (key == nullptr) return absl::InvalidArgumentError("invalid Ed25519 key");
  return AdoptKey(key);
}

absl::StatusOr<Jwk> JwkFromValue(const Value& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("a key is not an object");
  Jwk out;
  for (auto [name, where] : {std::pair{"alg", &out.algorithm}, std::pair{"kid", &out.id}}) {
    Value member = value.Get(name);
    if (!member.defined()) continue;
    if (!member.is_string()) {
      return absl::InvalidArgumentError(StrCat("field ", name, " is not a string"));
    }
    *where = member.string();
  }
  Value kind = value.Get("kty");
  std::string_view name = kind.is_string() ? kind.string() : "";
  if (name == "RSA") {
    ASSIGN_OR_RETURN(out.key, RsaKey(value));
  } else if (name == "EC") {
    ASSIGN_OR_RETURN(out.key, EcKey(value));
  } else if (name == "OKP") {
    ASSIGN_OR_RETURN(out.key, OkpKey(value));
  } else if (name == "oct") {
    ASSIGN_OR_RETURN(Bytes bytes, MemberBytes(value, "k"));
    out.key.secret = AsText(bytes);
  } else {
    return absl::InvalidArgumentError(StrCat("invalid key type from JSON (", name, ")"));
  }
  return out;
}

void SetNumber(BuiltinContext& context, EVP_PKEY* key, const char* parameter, size_t width,
               std::string_view name, ObjectBuilder* out) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) return;
  crypto::BnPtr owned(number);
  Bytes bytes(std::max(width, static_cast<size_t>(BN_num_bytes(number))));
  BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
  out->Set(name, Text(context, Base64UrlEncode(bytes)));
}

}  // namespace

absl::StatusOr<std::vector<Jwk>> JwksFromValue(const Value& value) {
  std::vector<Jwk> out;
  if (!value.is_object()) return absl::InvalidArgumentError("not a JSON object");
  Value keys = value.Get("keys");
  if (!keys.defined()) {
    ASSIGN_OR_RETURN(Jwk jwk, JwkFromValue(value));
    out.push_back(std::move(jwk));
    return out;
  }
  if (!keys.is_array()) return absl::InvalidArgumentError("\"keys\" is not an array");
  if (keys.size() > kMaxKeys) return absl::InvalidArgumentError("too many keys");
  for (const Value& element : keys.elements()) {
    ASSIGN_OR_RETURN(Jwk jwk, JwkFromValue(element));
    out.push_back(std::move(jwk));
  }
  return out;
}

absl::StatusOr<Value> JwkFromPrivateKey(BuiltinContext& context, EVP_PKEY* key) {
  ObjectBuilder out(context.arena());
  int kind = EVP_PKEY_get_base_id(key);
  if (kind == EVP_PKEY_RSA) {
    out.Set("kty", Text(context, "RSA"));
    const std::pair<const char*, std::string_view> kNumbers[] = {
        {OSSL_PKEY_PARAM_RSA_N, "n"},          {OSSL_PKEY_PARAM_RSA_E, "e"},
        {OSSL_PKEY_PARAM_RSA_D, "d"},          {OSSL_PKEY_PARAM_RSA_FACTOR1, "p"},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, "q"},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp"},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq"}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi"}};
    for (const auto& [parameter, name] : kNumbers)
      SetNumber(context, key, parameter, 0, name, &out);
    return out.Build();
  }
  if (kind == EVP_PKEY_EC) {
    int bits = EVP_PKEY_get_bits(key);
    size_t width = static_cast<size_t>(bits + 7) / 8;
    out.Set("kty", Text(context, "EC"));
    out.Set("crv", Text(context, StrCat("P-", bits)));
    SetNumber(context, key, OSSL_PKEY_PARAM_EC_PUB_X, width, "x", &out);
    SetNumber(context, key, OSSL_PKEY_PARAM_EC_PUB_Y, width, "y", &out);
    SetNumber(context, key, OSSL_PKEY_PARAM_PRIV_KEY, width, "d", &out);
    return out.Build();
  }
  if (kind == EVP_PKEY_ED25519) {
    Bytes seed(32), point(32);
    size_t seed_size = 32, point_size = 32;
    EVP_PKEY_get_raw_private_key(key, seed.data(), &seed_size);
    EVP_PKEY_get_raw_public_key(key, point.data(), &point_size);
    out.Set("kty", Text(context, "OKP"));
    out.Set("crv", Text(context, "Ed25519"));
    out.Set("d", Text(context, Base64UrlEncode(seed)));
    out.Set("x", Text(context, Base64UrlEncode(point)));
    return out.Build();
  }
  return absl::InvalidArgumentError("key is of no kind that JSON web keys have");
}

}  // namespace nacre::rego
