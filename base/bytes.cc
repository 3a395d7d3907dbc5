#include "base/bytes.h"

#include "base/strings.h"

namespace nacre {
namespace {

template <typename T>
T FromLittle(ByteView bytes) {
  T value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = static_cast<T>(value << 8 | bytes[i]);
  return value;
}

template <typename T>
T FromBig(ByteView bytes) {
  T value = 0;
  for (uint8_t byte : bytes) value = static_cast<T>(value << 8 | byte);
  return value;
}

template <typename T>
void AppendLittle(Bytes& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

template <typename T>
void AppendBig(Bytes& out, T value) {
  for (size_t i = sizeof(T); i-- > 0;) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace

bool ConstantTimeEqual(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  // volatile keeps the compiler from stopping at the first difference.
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = difference | (a[i] ^ b[i]);
  return difference == 0;
}

absl::StatusOr<ByteView> ByteReader::Take(size_t size, std::string_view what) {
  if (size > remaining()) {
    return absl::OutOfRangeError(StrCat(what, ": needs ", size, " bytes at offset ", offset_,
                                        ", only ", remaining(), " left"));
  }
  ByteView view = data_.subspan(offset_, size);
  offset_ += size;
  return view;
}

absl::Status ByteReader::Skip(size_t size, std::string_view what) {
  return Take(size, what).status();
}

absl::StatusOr<uint8_t> ByteReader::U8(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(1, what));
  return view[0];
}
absl::StatusOr<uint16_t> ByteReader::U16Le(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(2, what));
  return FromLittle<uint16_t>(view);
}
absl::StatusOr<uint32_t> ByteReader::U32Le(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(4, what));
  return FromLittle<uint32_t>(view);
}
absl::StatusOr<uint64_t> ByteReader::U64Le(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(8, what));
  return FromLittle<uint64_t>(view);
}
absl::StatusOr<uint16_t> ByteReader::U16Be(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(2, what));
  return FromBig<uint16_t>(view);
}
absl::StatusOr<uint32_t> ByteReader::U32Be(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(4, what));
  return FromBig<uint32_t>(view);
}
absl::StatusOr<uint64_t> ByteReader::U64Be(std::string_view what) {
  ASSIGN_OR_RETURN(ByteView view, Take(8, what));
  return FromBig<uint64_t>(view);
}

ByteWriter& ByteWriter::Put(ByteView bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return *this;
}
ByteWriter& ByteWriter::Zeros(size_t count) {
  out_.resize(out_.size() + count);
  return *this;
}
ByteWriter& ByteWriter::U8(uint8_t value) {
  out_.push_back(value);
  return *this;
}
ByteWriter& ByteWriter::U16Le(uint16_t value) {
  AppendLittle(out_, value);
  return *this;
}
ByteWriter& ByteWriter::U32Le(uint32_t value) {
  AppendLittle(out_, value);
  return *this;
}
ByteWriter& ByteWriter::U64Le(uint64_t value) {
  AppendLittle(out_, value);
  return *this;
}
ByteWriter& ByteWriter::U16Be(uint16_t value) {
  AppendBig(out_, value);
  return *this;
}
ByteWriter& ByteWriter::U32Be(uint32_t value) {
  AppendBig(out_, value);
  return *this;
}
ByteWriter& ByteWriter::U64Be(uint64_t value) {
  AppendBig(out_, value);
  return *this;
}

}  // namespace nacre
