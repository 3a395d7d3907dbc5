#include "crypto/aes_ctr.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

constexpr size_t kPiece = 1 << 30;  // OpenSSL counts in int

}  // namespace

void Aes256Ctr::Free::operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
Aes256Ctr::Aes256Ctr(Aes256Ctr&&) noexcept = default;
Aes256Ctr& Aes256Ctr::operator=(Aes256Ctr&&) noexcept = default;
Aes256Ctr::~Aes256Ctr() = default;

absl::StatusOr<Aes256Ctr> Aes256Ctr::Create(ByteView key, ByteView iv) {
  if (key.size() != 32 || iv.size() != 16) {
    return absl::InvalidArgumentError(StrCat("AES-256-CTR: key of ", key.size(), " and iv of ",
                                             iv.size(), " bytes, must be 32 and 16"));
  }
  Aes256Ctr out(EVP_CIPHER_CTX_new());
  Must(out.context_ && EVP_EncryptInit_ex2(out.context_.get(), EVP_aes_256_ctr(), key.data(),
                                           iv.data(), nullptr) == 1,
       "AES-256-CTR");
  return out;
}

absl::Status Aes256Ctr::Update(ByteView in, std::span<uint8_t> out) {
  if (in.size() != out.size()) {
    return absl::InvalidArgumentError("AES-256-CTR: output size differs from input size");
  }
  while (!in.empty()) {
    size_t piece = std::min(in.size(), kPiece);
    int size = 0;
    Must(EVP_EncryptUpdate(context_.get(), out.data(), &size, in.data(), static_cast<int>(piece)) ==
             1,
         "AES-256-CTR update");
    in = in.subspan(piece);
    out = out.subspan(piece);
  }
  return absl::OkStatus();
}

}  // namespace nacre::crypto
