#include "crypto/key.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "base/strings.h"
#include "crypto/key_internal.h"

namespace nacre::crypto {
namespace {

struct CurveFacts {
  Curve curve;
  std::string_view name;  // as JWK and CurveName
  const char* openssl_name;
  size_t coordinate_size;
};
constexpr CurveFacts kCurves[] = {{Curve::kP256, "P-256", "prime256v1", 32},
                                  {Curve::kP384, "P-384", "secp384r1", 48},
                                  {Curve::kP521, "P-521", "secp521r1", 66}};

const CurveFacts& Facts(Curve curve) { return kCurves[static_cast<int>(curve)]; }

absl::Status CheckRsa(const EVP_PKEY* key) {
  ASSIGN_OR_RETURN(BnPtr modulus, KeyNumber(key, OSSL_PKEY_PARAM_RSA_N));
  ASSIGN_OR_RETURN(BnPtr exponent, KeyNumber(key, OSSL_PKEY_PARAM_RSA_E));
  return CheckRsaNumbers(modulus.get(), exponent.get());
}

}  // namespace

absl::Status CheckRsaNumbers(const BIGNUM* modulus, const BIGNUM* exponent) {
  const int bits = BN_num_bits(modulus);
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return absl::InvalidArgumentError(
        StrCat("key: RSA of ", bits, " bits, must be from ", kMinRsaBits, " to ", kMaxRsaBits));
  }
  if (!BN_is_odd(modulus) || !BN_is_odd(exponent) || BN_is_one(exponent) ||
      BN_num_bits(exponent) > kMaxExponentBits) {
    return absl::InvalidArgumentError("key: RSA modulus or exponent is not acceptable");
  }
  return absl::OkStatus();
}

size_t CoordinateSize(Curve curve) { return Facts(curve).coordinate_size; }
std::string_view CurveName(Curve curve) { return Facts(curve).name; }

absl::StatusOr<Curve> ParseCurve(std::string_view name) {
  for (const CurveFacts& facts : kCurves) {
    if (facts.name == name) return facts.curve;
  }
  return absl::InvalidArgumentError(StrCat("curve '", name, "', must be P-256, P-384 or P-521"));
}

const char* OpensslCurveName(Curve curve) { return Facts(curve).openssl_name; }

absl::StatusOr<Curve> CurveOf(const EVP_PKEY* key) {
  char name[64];
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, nullptr) !=
      1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: curve is not a named one");
  }
  for (const CurveFacts& facts : kCurves) {
    if (std::string_view(name) == facts.openssl_name) return facts.curve;
  }
  return absl::InvalidArgumentError(StrCat("key: curve ", name, ", must be P-256, P-384 or P-521"));
}

absl::StatusOr<BnPtr> KeyNumber(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, StrCat("key: reading ", parameter));
  }
  return BnPtr(number);
}

absl::Status CheckKey(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: {
      RETURN_IF_ERROR(CurveOf(key).status());
      // The curves all have a prime order: a point on the curve is in the group, and the check of
      // its order, which costs as much as a signature verification, would add nothing.
      PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
      if (!context || EVP_PKEY_public_check_quick(context.get()) != 1) {
        return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: point is not on its curve");
      }
      return absl::OkStatus();
    }
    case EVP_PKEY_RSA:
      return CheckRsa(key);
    default:
      return absl::InvalidArgumentError("key: neither EC nor RSA");
  }
}

absl::Status CheckKind(const EVP_PKEY* key, int base_id, std::string_view name) {
  if (EVP_PKEY_get_base_id(key) == base_id) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("key: not ", name));
}

bool SetPadding(EVP_PKEY_CTX* context, const EVP_MD* hash, Padding padding) {
  switch (padding) {
    case Padding::kNone:
      return true;
    case Padding::kPkcs1:
      return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    case Padding::kPss:
    case Padding::kPssAnySalt:
      return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, padding == Padding::kPss
                                                           ? RSA_PSS_SALTLEN_DIGEST
                                                           : RSA_PSS_SALTLEN_AUTO) == 1;
  }
  return false;
}

bool SetOaep(EVP_PKEY_CTX* context, const char* hash_name, ByteView label) {
  if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md_name(context, hash_name, nullptr) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, hash_name, nullptr) != 1) {
    return false;
  }
  if (label.empty()) return true;
  void* owned = OPENSSL_memdup(label.data(), label.size());  // the context frees it
  if (owned != nullptr &&
      EVP_PKEY_CTX_set0_rsa_oaep_label(context, owned, static_cast<int>(label.size())) == 1) {
    return true;
  }
  OPENSSL_free(owned);
  return false;
}

int NoPassPhrase(char*, int, int, void*) { return -1; }

}  // namespace nacre::crypto
