// The layer cipher of ocicrypt, AES_256_CTR_HMAC_SHA256: AES-256-CTR over the layer as it would be
// stored plain (that is, compressed), and HMAC-SHA-256 over the ciphertext with the same key.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "crypto/aes_ctr.h"
#include "crypto/hmac.h"

namespace nacre::image {

inline constexpr std::string_view kLayerCipher = "AES_256_CTR_HMAC_SHA256";

// Everything needed to open one layer.
struct LayerKey {
  SecretBytes symmetric_key;  // 32 bytes
  Bytes nonce;                // 16 bytes: the first counter block
  Bytes hmac;                 // 32 bytes: over the ciphertext
  std::string plain_digest;   // of the layer before encryption, "sha256:..."; empty when unknown
};

// A stream. Plain bytes come out before the HMAC is known: see LayerPipeline for who may see them.
class LayerDecryptor {
 public:
  // kInvalidArgument for parts of the wrong size.
  static absl::StatusOr<LayerDecryptor> Create(const LayerKey& key);

  // The next ciphertext, opened into `plain`, which has the same size.
  absl::Status Write(ByteView ciphertext, std::span<uint8_t> plain);
  // The same for bytes whose plain form nobody wants any more: they still count for the HMAC.
  void Skip(ByteView ciphertext) { hmac_.Update(ciphertext); }
  // kUnauthenticated when the ciphertext is not what the holder of the key encrypted.
  absl::Status Finish();

 private:
  LayerDecryptor(crypto::Aes256Ctr cipher, ByteView key, Bytes expected_hmac)
      : cipher_(std::move(cipher)), hmac_(key), expected_hmac_(std::move(expected_hmac)) {}
  crypto::Aes256Ctr cipher_;
  crypto::HmacSha256 hmac_;
  Bytes expected_hmac_;
};

// The other direction; `key.hmac` is not used.
class LayerEncryptor {
 public:
  static absl::StatusOr<LayerEncryptor> Create(const LayerKey& key);
  absl::Status Write(ByteView plain, absl::FunctionRef<absl::Status(ByteView)> sink);
  // The HMAC of all that was written.
  Bytes Finish() { return hmac_.Finish(); }

 private:
  LayerEncryptor(crypto::Aes256Ctr cipher, ByteView key) : cipher_(std::move(cipher)), hmac_(key) {}
  crypto::Aes256Ctr cipher_;
  crypto::HmacSha256 hmac_;
  Bytes buffer_;
};

}  // namespace nacre::image
