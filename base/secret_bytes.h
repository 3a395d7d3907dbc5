// Key material. Wiped when it goes, moved but never copied by accident, and it has no way to be
// printed.
#pragma once

#include "base/bytes.h"

namespace nacre {

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t size) : data_(size) {}  // zeros
  static SecretBytes CopyOf(ByteView bytes);
  // Takes over `bytes` and leaves it empty; no copy stays behind.
  static SecretBytes TakeFrom(Bytes&& bytes);
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  SecretBytes Clone() const { return CopyOf(view()); }
  ByteView view() const { return data_; }
  std::span<uint8_t> mutable_view() { return data_; }
  size_t size() const { return data_.size(); }
  bool empty() const { return data_.empty(); }

 private:
  void Wipe();
  Bytes data_;
};

// Overwrites memory in a way the compiler may not remove.
void SecureWipe(std::span<uint8_t> memory);

}  // namespace nacre
