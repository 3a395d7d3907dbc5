// The annotations of an encrypted layer as a hostile registry may write them. The first byte says
// which annotation gets the rest, whether it comes as it stands or is put into base64 first, so
// that what is inside is reached too, and whether the guest has its RSA key: an operation with that
// takes as long as a hundred inputs without, and all parsing comes before it.
#include <cstdlib>

#include "base/encoding.h"
#include "base/fuzz_testing.h"
#include "crypto/jwe.h"
#include "crypto/keys_testing.h"
#include "crypto/pkcs7.h"
#include "crypto/x509_make.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/testing/key_table.h"

namespace nacre::image {
namespace {

constexpr std::string_view kNames[] = {kPublicOptionsAnnotation, kProviderAnnotation,
                                       kJweAnnotation, kPkcs7Annotation};
constexpr uint8_t kEncode = 4;
constexpr uint8_t kHighBits = 0xf0;
constexpr uint8_t kWithRsa = 0xa0;  // of the high bits: one input in sixteen
constexpr char kRsaKey[] = "kbs:///a/b/rsa";
constexpr char kEcKey[] = "kbs:///a/b/ec";

void Require(bool condition) {
  if (!condition) std::abort();
}

SecretBytes Options() {
  LayerKey key;
  key.symmetric_key = SecretBytes(32);
  key.nonce = Bytes(16);
  return *FormatPrivateOptions(key);
}

const crypto::PrivateKey& Ec() { return crypto::EcKey(crypto::Curve::kP256); }

testing::KeyTable& Keys() {
  static testing::KeyTable* table =
      new testing::KeyTable({{"kbs:///a/b/c", Bytes(32, 1)},
                             {kRsaKey, ToBytes(crypto::RsaKey().ToPem()->view())},
                             {kEcKey, ToBytes(Ec().ToPem()->view())}});
  return *table;
}

// The guest's EC key is at hand: even to read it each time would cost more than what is tried.
const LayerKeyOptions& CheapKeys() {
  static const LayerKeyOptions* const options = [] {
    auto* out = new LayerKeyOptions{.resolver = &Keys(), .private_key_uris = {}};
    out->private_keys.push_back({"ec", *crypto::PrivateKey::FromPem(Ec().ToPem()->view())});
    return out;
  }();
  return *options;
}

const LayerKeyOptions& AllKeys() {
  static const LayerKeyOptions options{.resolver = &Keys(), .private_key_uris = {kRsaKey, kEcKey}};
  return options;
}

void Try(ByteView data) {
  if (data.empty()) return;
  const ByteView rest = data.subspan(1);
  Descriptor layer{
      "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", BlobDigest::OfSha256({}), 1, {}};
  layer.annotations[std::string(kPublicOptionsAnnotation)] =
      Base64Encode(AsBytes(*FormatPublicOptions(Bytes(32))));
  layer.annotations[std::string(kNames[data[0] % 4])] =
      (data[0] & kEncode) != 0 ? Base64Encode(rest) : ToString(rest);
  const auto keys =
      UnwrapLayerKeys({layer}, (data[0] & kHighBits) == kWithRsa ? AllKeys() : CheapKeys());
  if (!keys.ok()) return;
  Require(keys->size() == 1 && (*keys)[0].has_value());
  const LayerKey& key = *(*keys)[0];
  Require(key.symmetric_key.size() == 32 && key.nonce.size() == 16 && key.hmac.size() == 32);
}

std::vector<std::string> Seeds() {
  const SecretBytes options = Options();
  crypto::CertificateRequest request;
  request.subject = {{"CN", "owner"}};
  request.not_after = 4'000'000'000;
  const crypto::Certificate certificate =
      *crypto::MakeCertificate(request, crypto::RsaKey().public_key(), nullptr, crypto::RsaKey(),
                               crypto::SignatureScheme::kRsaPssSha256);
  const std::string packet =
      *FormatAnnotationPacket(*WrapOptions("kbs:///a/b/c", Bytes(32, 1), options.view()));
  const std::string rsa = *crypto::JweEncrypt(crypto::RsaKey().public_key(),
                                              crypto::JweAlgorithm::kRsaOaep, options.view());
  const std::string ec =
      *crypto::JweEncrypt(Ec().public_key(), crypto::JweAlgorithm::kEcdhEsA256Kw, options.view());
  const Bytes message = *crypto::Pkcs7Seal({&certificate, 1}, options.view());
  return {"\x04" + *FormatPublicOptions(Bytes(32)),
          "\x05" + packet,
          "\x01" + Base64Encode(AsBytes(packet)) + ",e30=," + Base64Encode(AsBytes(packet)),
          "\x06" + rsa,
          "\xa6" + rsa,
          "\x06" + ec,
          "\x07" + ToString(message),
          "\xa7" + ToString(message)};
}

NACRE_FUZZ_TARGET(ImageAnnotations, Try, Seeds)

}  // namespace
}  // namespace nacre::image
