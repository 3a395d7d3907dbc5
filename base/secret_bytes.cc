#include "base/secret_bytes.h"

#include <cstring>
#include <utility>

namespace nacre {

void SecureWipe(std::span<uint8_t> memory) {
  if (!memory.empty()) explicit_bzero(memory.data(), memory.size());
}

SecretBytes SecretBytes::CopyOf(ByteView bytes) {
  SecretBytes out;
  out.data_.assign(bytes.begin(), bytes.end());
  return out;
}

SecretBytes SecretBytes::TakeFrom(Bytes&& bytes) {
  SecretBytes out;
  out.data_.swap(bytes);
  return out;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept { data_.swap(other.data_); }

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Wipe();
    data_.clear();
    data_.swap(other.data_);
  }
  return *this;
}

SecretBytes::~SecretBytes() { Wipe(); }

// The whole capacity: bytes past size() may be what is left of a longer secret taken over.
void SecretBytes::Wipe() {
  data_.resize(data_.capacity());
  SecureWipe(data_);
}

}  // namespace nacre
