#include "image-rs-cpp/decrypt/layer_cipher.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr size_t kPiece = 64 << 10;
constexpr size_t kKeySize = 32, kNonceSize = 16, kHmacSize = 32;

absl::StatusOr<crypto::Aes256Ctr> MakeCipher(const LayerKey& key) {
  if (key.symmetric_key.size() != kKeySize || key.nonce.size() != kNonceSize) {
    return absl::InvalidArgumentError(StrCat("layer key: key of ", key.symmetric_key.size(),
                                             " bytes and nonce of ", key.nonce.size(),
                                             ", expected 32 and 16"));
  }
  return crypto::Aes256Ctr::Create(key.symmetric_key.view(), key.nonce);
}

}  // namespace

absl::StatusOr<LayerDecryptor> LayerDecryptor::Create(const LayerKey& key) {
  if (key.hmac.size() != kHmacSize) {
    return absl::InvalidArgumentError(
        StrCat("layer key: HMAC of ", key.hmac.size(), " bytes, expected 32"));
  }
  ASSIGN_OR_RETURN(crypto::Aes256Ctr cipher, MakeCipher(key));
  return LayerDecryptor(std::move(cipher), key.symmetric_key.view(), key.hmac);
}

absl::Status LayerDecryptor::Write(ByteView ciphertext, std::span<uint8_t> plain) {
  // In pieces, so that the second reading of each finds it in the processor's cache.
  while (!ciphertext.empty()) {
    const size_t count = std::min(ciphertext.size(), kPiece);
    hmac_.Update(ciphertext.first(count));
    RETURN_IF_ERROR(cipher_.Update(ciphertext.first(count), plain.first(count)));
    ciphertext = ciphertext.subspan(count);
    plain = plain.subspan(count);
  }
  return absl::OkStatus();
}

absl::Status LayerDecryptor::Finish() {
  if (ConstantTimeEqual(hmac_.Finish(), expected_hmac_)) return absl::OkStatus();
  return absl::UnauthenticatedError(
      "HMAC does not match: the encrypted layer was changed, or its key is another one");
}

absl::StatusOr<LayerEncryptor> LayerEncryptor::Create(const LayerKey& key) {
  ASSIGN_OR_RETURN(crypto::Aes256Ctr cipher, MakeCipher(key));
  return LayerEncryptor(std::move(cipher), key.symmetric_key.view());
}

absl::Status LayerEncryptor::Write(ByteView plain, absl::FunctionRef<absl::Status(ByteView)> sink) {
  if (buffer_.empty()) buffer_.resize(kPiece);
  while (!plain.empty()) {
    const ByteView piece = plain.first(std::min(plain.size(), kPiece));
    const std::span<uint8_t> out = std::span(buffer_).first(piece.size());
    RETURN_IF_ERROR(cipher_.Update(piece, out));
    hmac_.Update(out);
    RETURN_IF_ERROR(sink(out));
    plain = plain.subspan(piece.size());
  }
  return absl::OkStatus();
}

}  // namespace nacre::image
