// Byte strings and the bounded cursors that every wire format is read and written with.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes ToBytes(ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); }
inline Bytes ToBytes(std::string_view text) { return ToBytes(AsBytes(text)); }
inline std::string ToString(ByteView bytes) { return std::string(AsText(bytes)); }

// Equal contents, in time that depends only on the lengths. For MACs, tokens and keys.
bool ConstantTimeEqual(ByteView a, ByteView b);

// Reads forward over bytes it does not own. Every read is checked; running out is kOutOfRange and
// names `what`.
class ByteReader {
 public:
  explicit ByteReader(ByteView data) : data_(data) {}

  absl::StatusOr<ByteView> Take(size_t size, std::string_view what);
  absl::Status Skip(size_t size, std::string_view what);
  absl::StatusOr<uint8_t> U8(std::string_view what);
  absl::StatusOr<uint16_t> U16Le(std::string_view what);
  absl::StatusOr<uint32_t> U32Le(std::string_view what);
  absl::StatusOr<uint64_t> U64Le(std::string_view what);
  absl::StatusOr<uint16_t> U16Be(std::string_view what);
  absl::StatusOr<uint32_t> U32Be(std::string_view what);
  absl::StatusOr<uint64_t> U64Be(std::string_view what);

  // Exactly N bytes into an array.
  template <size_t N>
  absl::StatusOr<std::array<uint8_t, N>> Array(std::string_view what) {
    ASSIGN_OR_RETURN(ByteView view, Take(N, what));
    std::array<uint8_t, N> out;
    std::copy(view.begin(), view.end(), out.begin());
    return out;
  }

  size_t offset() const { return offset_; }
  size_t remaining() const { return data_.size() - offset_; }
  bool done() const { return remaining() == 0; }

 private:
  ByteView data_;
  size_t offset_ = 0;
};

// Appends to a byte string it owns.
class ByteWriter {
 public:
  ByteWriter& Put(ByteView bytes);
  ByteWriter& Put(std::string_view text) { return Put(AsBytes(text)); }
  ByteWriter& Zeros(size_t count);
  ByteWriter& U8(uint8_t value);
  ByteWriter& U16Le(uint16_t value);
  ByteWriter& U32Le(uint32_t value);
  ByteWriter& U64Le(uint64_t value);
  ByteWriter& U16Be(uint16_t value);
  ByteWriter& U32Be(uint32_t value);
  ByteWriter& U64Be(uint64_t value);

  size_t size() const { return out_.size(); }
  const Bytes& bytes() const { return out_; }
  Bytes Release() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace nacre
