#include "policy/rego/builtins/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "crypto/openssl_util.h"
#include "policy/rego/builtins/pem.h"

namespace nacre::rego {
namespace {

constexpr SignatureAlgorithm kAlgorithms[] = {
    {"HS256", SignatureFamily::kHmac, "SHA256", 0},
    {"HS384", SignatureFamily::kHmac, "SHA384", 0},
    {"HS512", SignatureFamily::kHmac, "SHA512", 0},
    {"RS256", SignatureFamily::kRsa, "SHA256", 0},
    {"RS384", SignatureFamily::kRsa, "SHA384", 0},
    {"RS512", SignatureFamily::kRsa, "SHA512", 0},
    {"PS256", SignatureFamily::kRsaPss, "SHA256", 0},
    {"PS384", SignatureFamily::kRsaPss, "SHA384", 0},
    {"PS512", SignatureFamily::kRsaPss, "SHA512", 0},
    {"ES256", SignatureFamily::kEcdsa, "SHA256", 256},
    {"ES384", SignatureFamily::kEcdsa, "SHA384", 384},
    {"ES512", SignatureFamily::kEcdsa, "SHA512", 521},
    {"EdDSA", SignatureFamily::kEdwards, nullptr, 0},
};

const uint8_t* Data(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

bool Fits(const SignatureAlgorithm& algorithm, const SignatureKey& key) {
  EVP_PKEY* pkey = key.key.get();
  if (algorithm.family == SignatureFamily::kHmac) return pkey == nullptr;
  if (pkey == nullptr) return false;
  int kind = EVP_PKEY_get_base_id(pkey);
  switch (algorithm.family) {
    case SignatureFamily::kRsa:
    case SignatureFamily::kRsaPss:
      return kind == EVP_PKEY_RSA;
    case SignatureFamily::kEcdsa:
      return kind == EVP_PKEY_EC && EVP_PKEY_get_bits(pkey) == algorithm.ec_bits;
    default:
      return kind == EVP_PKEY_ED25519;
  }
}

// Padding of RSASSA-PSS; when verifying, any length of salt.
bool SetPadding(const SignatureAlgorithm& algorithm, EVP_PKEY_CTX* context, int salt_length) {
  if (algorithm.family != SignatureFamily::kRsaPss) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt_length) == 1;
}

// r || s of JWS as the DER sequence OpenSSL verifies.
std::string EcdsaToDer(std::string_view raw) {
  size_t half = raw.size() / 2;
  crypto::EcdsaSigPtr signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(Data(raw), static_cast<int>(half), nullptr);
  BIGNUM* s = BN_bin2bn(Data(raw) + half, static_cast<int>(raw.size() - half), nullptr);
  ECDSA_SIG_set0(signature.get(), r, s);
  uint8_t* der = nullptr;
  int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string EcdsaFromDer(std::string_view der, int bits) {
  const uint8_t* data = Data(der);
  crypto::EcdsaSigPtr signature(d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  if (signature == nullptr) return {};
  int width = (bits + 7) / 8;
  std::string out(static_cast<size_t>(2 * width), '\0');
  auto* bytes = reinterpret_cast<uint8_t*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes, width);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes + width, width);
  return out;
}

}  // namespace

const SignatureAlgorithm* FindSignatureAlgorithm(std::string_view name) {
  for (const SignatureAlgorithm& algorithm : kAlgorithms) {
    if (algorithm.name == name) return &algorithm;
  }
  return nullptr;
}

SignatureKey AdoptKey(EVP_PKEY* key) {
  return {{}, std::shared_ptr<EVP_PKEY>(key, crypto::Freer<EVP_PKEY_free>())};
}

absl::StatusOr<SignatureKey> KeyFromPem(std::string_view pem) {
  absl::StatusOr<PemBlock> block = TakePemBlock(&pem);
  if (!block.ok()) return block.status();
  if (!pem.empty()) {
    return absl::InvalidArgumentError("extra data after a PEM certificate block");
  }
  const uint8_t* data = Data(block->der);
  const uint8_t* end = data + block->der.size();
  EVP_PKEY* key = nullptr;
  if (block->type == "CERTIFICATE") {
    X509* certificate = d2i_X509(nullptr, &data, static_cast<long>(block->der.size()));
    if (certificate != nullptr && data == end) key = X509_get_pubkey(certificate);
    X509_free(certificate);
    if (key == nullptr) return absl::InvalidArgumentError("failed to parse a PEM certificate");
  } else if (block->type == "PUBLIC KEY") {
    key = d2i_PUBKEY(nullptr, &data, static_cast<long>(block->der.size()));
    if (key == nullptr) return absl::InvalidArgumentError("failed to parse a PEM public key");
  } else {
    return absl::InvalidArgumentError("failed to extract a Key from the PEM certificate");
  }
  return AdoptKey(key);
}

bool VerifySignature(const SignatureAlgorithm& algorithm, const SignatureKey& key,
                     std::string_view data, std::string_view signature) {
  if (!Fits(algorithm, key)) return false;
  if (algorithm.family == SignatureFamily::kHmac) {
    std::string mac = HmacBytes(algorithm.digest, key.secret, data);
    return ConstantTimeEqual(AsBytes(mac), AsBytes(signature));
  }
  std::string der;
  if (algorithm.family == SignatureFamily::kEcdsa) {
    if (signature.size() != static_cast<size_t>((algorithm.ec_bits + 7) / 8) * 2) return false;
    der = EcdsaToDer(signature);
    signature = der;
  }
  crypto::MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  bool good = EVP_DigestVerifyInit_ex(context.get(), &key_context, algorithm.digest, nullptr,
                                      nullptr, key.key.get(), nullptr) == 1 &&
              SetPadding(algorithm, key_context, RSA_PSS_SALTLEN_AUTO) &&
              EVP_DigestVerify(context.get(), Data(signature), signature.size(), Data(data),
                               data.size()) == 1;
  return good;
}

absl::StatusOr<std::string> MakeSignature(const SignatureAlgorithm& algorithm,
                                          const SignatureKey& key, std::string_view data) {
  if (!Fits(algorithm, key)) {
    return absl::InvalidArgumentError(
        StrCat("key does not go with signature algorithm ", algorithm.name));
  }
  if (algorithm.family == SignatureFamily::kHmac) {
    return HmacBytes(algorithm.digest, key.secret, data);
  }
  crypto::MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  size_t size = 0;
  bool good = EVP_DigestSignInit_ex(context.get(), &key_context, algorithm.digest, nullptr, nullptr,
                                    key.key.get(), nullptr) == 1 &&
              SetPadding(algorithm, key_context, RSA_PSS_SALTLEN_DIGEST) &&
              EVP_DigestSign(context.get(), nullptr, &size, Data(data), data.size()) == 1;
  std::string out(size, '\0');
  good = good && EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(out.data()), &size,
                                Data(data), data.size()) == 1;
  if (!good) return absl::InvalidArgumentError("the key cannot sign");
  out.resize(size);
  if (algorithm.family == SignatureFamily::kEcdsa) return EcdsaFromDer(out, algorithm.ec_bits);
  return out;
}

std::string DigestBytes(const char* digest, std::string_view data) {
  uint8_t out[EVP_MAX_MD_SIZE];
  size_t size = 0;
  if (EVP_Q_digest(nullptr, digest, nullptr, data.data(), data.size(), out, &size) != 1) return {};
  return {reinterpret_cast<char*>(out), size};
}

std::string HmacBytes(const char* digest, std::string_view key, std::string_view data) {
  uint8_t out[EVP_MAX_MD_SIZE];
  size_t size = 0;
  const char* key_data = key.empty() ? "" : key.data();
  if (EVP_Q_mac(nullptr, "HMAC", nullptr, digest, nullptr, key_data, key.size(), Data(data),
                data.size(), out, sizeof out, &size) == nullptr) {
    return {};
  }
  return {reinterpret_cast<char*>(out), size};
}

}  // namespace nacre::rego
