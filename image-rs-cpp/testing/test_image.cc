#include "image-rs-cpp/testing/test_image.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/testing/compress.h"

namespace nacre::image::testing {
namespace {

std::string MediaType(Compression compression) {
  return StrCat("application/vnd.oci.image.layer.v1.tar",
                compression == Compression::kGzip   ? "+gzip"
                : compression == Compression::kZstd ? "+zstd"
                                                    : "");
}

}  // namespace

TestImage::TestImage()
    : manifest({{"schemaVersion", 2}, {"mediaType", kOciManifest}, {"layers", Json::array()}}),
      config({{"os", "linux"},
              {"architecture", "amd64"},
              {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}},
              {"config", {{"Cmd", {"/bin/sh"}}, {"Env", {"PATH=/bin"}}}}}) {}

Json TestImage::AddBlob(ByteView content, std::string_view media_type) {
  const std::string digest = crypto::OciDigest(content);
  blobs[digest] = ToString(content);
  return {{"mediaType", media_type}, {"digest", digest}, {"size", content.size()}};
}

TestImage& TestImage::AddLayer(ByteView tar, Compression compression) {
  config["rootfs"]["diff_ids"].push_back(crypto::OciDigest(tar));
  manifest["layers"].push_back(AddBlob(Compress(compression, tar), MediaType(compression)));
  return *this;
}

TestImage& TestImage::AddEncryptedLayer(ByteView tar, const EncryptionKey& with,
                                        Compression compression) {
  config["rootfs"]["diff_ids"].push_back(crypto::OciDigest(tar));
  const Bytes plain = Compress(compression, tar);
  LayerKey key;
  key.symmetric_key = crypto::RandomSecret(32);
  key.nonce = crypto::RandomBytes(16);
  key.plain_digest = crypto::OciDigest(plain);
  auto encryptor = LayerEncryptor::Create(key);
  Bytes ciphertext;
  (void)encryptor->Write(plain, [&](ByteView piece) {
    ciphertext.insert(ciphertext.end(), piece.begin(), piece.end());
    return absl::OkStatus();
  });
  auto packet = WrapOptions(with.key_id, with.kek, FormatPrivateOptions(key)->view());
  Json layer = AddBlob(ciphertext, MediaType(compression) + "+encrypted");
  layer["annotations"] = {
      {std::string(kProviderAnnotation), Base64Encode(AsBytes(*FormatAnnotationPacket(*packet)))},
      {std::string(kPublicOptionsAnnotation),
       Base64Encode(AsBytes(*FormatPublicOptions(encryptor->Finish())))}};
  manifest["layers"].push_back(std::move(layer));
  return *this;
}

TestImage& TestImage::Seal() {
  if (!manifest.contains("config")) {
    manifest["config"] =
        AddBlob(AsBytes(config.dump()), "application/vnd.oci.image.config.v1+json");
  }
  manifest_digest = AddBlob(AsBytes(manifest.dump()), manifest_type)["digest"].get<std::string>();
  return *this;
}

}  // namespace nacre::image::testing
