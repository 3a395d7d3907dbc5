#include "image-rs-cpp/encrypt/recipients.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/jwk.h"
#include "crypto/pkcs7.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/provider_parameters.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxFile = 64 << 10;

// What the tools that read these take; ECDH-ES without a wrapped key is not among it.
constexpr crypto::JweAlgorithm kWritten[] = {
    crypto::JweAlgorithm::kRsaOaep, crypto::JweAlgorithm::kRsaOaep256,
    crypto::JweAlgorithm::kEcdhEsA128Kw, crypto::JweAlgorithm::kEcdhEsA192Kw,
    crypto::JweAlgorithm::kEcdhEsA256Kw};

absl::StatusOr<crypto::JweAlgorithm> AlgorithmOf(const Json& jwk, crypto::KeyKind kind) {
  using enum crypto::JweAlgorithm;
  if (!jwk.is_object() || !jwk.contains("alg")) {
    return kind == crypto::KeyKind::kRsa ? kRsaOaep : kEcdhEsA256Kw;
  }
  ASSIGN_OR_RETURN(std::string name, JsonString(jwk, "alg", "JWK"));
  for (crypto::JweAlgorithm algorithm : kWritten) {
    const bool for_rsa = algorithm == kRsaOaep || algorithm == kRsaOaep256;
    if (JweAlgorithmName(algorithm) == name && for_rsa == (kind == crypto::KeyKind::kRsa)) {
      return algorithm;
    }
  }
  return absl::InvalidArgumentError(
      StrCat("JWK: alg '", Printable(name, 40), "' cannot wrap a layer's key for this key"));
}

void Append(std::string_view annotation, ByteView wrapped, Annotations* annotations) {
  std::string& list = (*annotations)[std::string(annotation)];
  if (!list.empty()) list += ",";
  list += Base64Encode(wrapped);
}

}  // namespace

absl::Status Recipients::AddPublicKey(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes content, ReadFile(path, kMaxFile));
  const std::string_view text = AsText(content);
  Json jwk;
  absl::StatusOr<crypto::PublicKey> key = absl::InvalidArgumentError("not a public key");
  if (StripSpace(text).starts_with('{')) {
    ASSIGN_OR_RETURN(jwk, ParseJson(text), "JWK");
    key = crypto::PublicKeyFromJwk(jwk);
  } else if (text.find("-----BEGIN CERTIFICATE") != std::string_view::npos) {
    key = absl::InvalidArgumentError("is a certificate: give it as pkcs7:FILE");
  } else if (text.find("-----BEGIN") != std::string_view::npos) {
    key = crypto::PublicKey::FromPem(text);
  } else {
    key = crypto::PublicKey::FromSpkiDer(content);
  }
  RETURN_IF_ERROR(key.status());
  ASSIGN_OR_RETURN(crypto::JweAlgorithm algorithm, AlgorithmOf(jwk, key->kind()));
  jwe_.push_back({*std::move(key), algorithm});
  return absl::OkStatus();
}

absl::Status Recipients::AddCertificate(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes content, ReadFile(path, kMaxFile));
  const bool pem = AsText(content).find("-----BEGIN") != std::string_view::npos;
  ASSIGN_OR_RETURN(
      crypto::Certificate certificate,
      pem ? crypto::Certificate::FromPem(AsText(content)) : crypto::Certificate::FromDer(content));
  ASSIGN_OR_RETURN(crypto::PublicKey key, certificate.public_key());
  if (key.kind() != crypto::KeyKind::kRsa) {
    return absl::InvalidArgumentError("its key is not RSA: give the public key as jwe:FILE");
  }
  pkcs7_.push_back(std::move(certificate));
  return absl::OkStatus();
}

absl::Status Recipients::AddProvider(std::string_view text) {
  const size_t colon = text.find(':');
  if (text.substr(0, colon) != kProviderName) {
    return absl::InvalidArgumentError("the only key provider here is attestation-agent");
  }
  ASSIGN_OR_RETURN(
      ProviderParameters parameters,
      ParseProviderParameters(colon == std::string_view::npos ? "" : text.substr(colon + 1)));
  RETURN_IF_ERROR(NeedForWrapping(parameters));
  RETURN_IF_ERROR(CheckKeyUri(parameters.key_id));
  ASSIGN_OR_RETURN(SecretBytes key, ReadKeyFile(parameters.key_path));
  guests_.push_back({parameters.key_id, std::move(key)});
  return absl::OkStatus();
}

absl::Status Recipients::Add(std::string_view recipient) {
  const std::string what = StrCat("recipient ", Printable(recipient));
  const size_t colon = recipient.find(':');
  const std::string_view scheme = recipient.substr(0, colon);
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : recipient.substr(colon + 1);
  if (scheme == "jwe" && !rest.empty()) {
    RETURN_IF_ERROR(AddPublicKey(std::string(rest)), what);
  } else if (scheme == "pkcs7" && !rest.empty()) {
    RETURN_IF_ERROR(AddCertificate(std::string(rest)), what);
  } else if (scheme == "provider") {
    RETURN_IF_ERROR(AddProvider(rest), what);
  } else if (scheme == "pgp" || scheme == "pkcs11") {
    return absl::UnimplementedError(
        StrCat(what, ": scheme ", scheme, " is not supported, guests could not open the image"));
  } else {
    return absl::InvalidArgumentError(
        StrCat(what, ": want jwe:FILE, pkcs7:FILE or provider:attestation-agent:..."));
  }
  return absl::OkStatus();
}

absl::Status Recipients::Wrap(const LayerKey& key, Annotations* annotations) const {
  ASSIGN_OR_RETURN(const SecretBytes options, FormatPrivateOptions(key));
  for (const PublicKey& recipient : jwe_) {
    ASSIGN_OR_RETURN(std::string jwe,
                     crypto::JweEncrypt(recipient.key, recipient.algorithm, options.view()));
    Append(kJweAnnotation, AsBytes(jwe), annotations);
  }
  if (!pkcs7_.empty()) {
    ASSIGN_OR_RETURN(Bytes message, crypto::Pkcs7Seal(pkcs7_, options.view()));
    Append(kPkcs7Annotation, message, annotations);
  }
  for (const Guests& guests : guests_) {
    ASSIGN_OR_RETURN(AnnotationPacket packet,
                     WrapOptions(guests.key_id, guests.key.view(), options.view()));
    ASSIGN_OR_RETURN(std::string text, FormatAnnotationPacket(packet));
    Append(kProviderAnnotation, AsBytes(text), annotations);
  }
  return absl::OkStatus();
}

}  // namespace nacre::image
