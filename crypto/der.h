// DER (ITU-T X.690 section 10), read strictly and without copying: one-byte tags, definite lengths
// in their shortest form, nothing after the end. Elements view the input, which must outlive them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace nacre::crypto::der {

inline constexpr uint8_t kBoolean = 0x01, kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04,
                         kNull = 0x05, kOid = 0x06, kEnumerated = 0x0a, kUtf8String = 0x0c,
                         kNumericString = 0x12, kPrintableString = 0x13, kTeletexString = 0x14,
                         kIa5String = 0x16, kUtcTime = 0x17, kGeneralizedTime = 0x18,
                         kUniversalString = 0x1c, kBmpString = 0x1e, kSequence = 0x30, kSet = 0x31;
// Context-specific tags: [n] over a primitive type, and over a constructed one.
constexpr uint8_t Context(uint8_t n) { return static_cast<uint8_t>(0x80 | n); }
constexpr uint8_t ContextConstructed(uint8_t n) { return static_cast<uint8_t>(0xa0 | n); }

struct Element {
  uint8_t tag = 0;
  ByteView value;
  ByteView whole;  // tag and length too
};

// The elements of one constructed value, one after the other. Every error is kInvalidArgument and
// begins with `what`.
class Reader {
 public:
  explicit Reader(ByteView data) : data_(data) {}

  bool done() const { return data_.empty(); }
  bool NextIs(uint8_t tag) const { return !data_.empty() && data_[0] == tag; }
  absl::StatusOr<Element> Next(std::string_view what);
  absl::StatusOr<Element> Next(uint8_t tag, std::string_view what);
  // The element when it is of this tag, and nothing otherwise.
  absl::StatusOr<std::optional<Element>> Optional(uint8_t tag, std::string_view what);
  absl::Status End(std::string_view what) const;

 private:
  ByteView data_;
};

// The one element that is all of `data`.
absl::StatusOr<Element> Whole(ByteView data, uint8_t tag, std::string_view what);

// Values of elements of these types (the caller has looked at the tag).
absl::StatusOr<bool> Boolean(ByteView value, std::string_view what);
// An INTEGER from 0 up, without the zero byte that keeps it positive; {0} for 0.
absl::StatusOr<ByteView> Unsigned(ByteView value, std::string_view what);
absl::StatusOr<uint32_t> Small(ByteView value, uint32_t max, std::string_view what);
struct Bits {
  ByteView bytes;
  int unused = 0;  // low bits of the last byte, which are 0
};
absl::StatusOr<Bits> BitString(ByteView value, std::string_view what);
absl::StatusOr<ByteView> WholeBytes(ByteView bit_string, std::string_view what);  // unused == 0
absl::Status CheckOid(ByteView value, std::string_view what);
// UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 has them, as seconds since 1970.
absl::StatusOr<int64_t> Time(const Element& element, std::string_view what);
// That an element of unknown type is a well-formed value of whatever universal type its tag names.
absl::Status CheckAny(const Element& element, std::string_view what);

// An OBJECT IDENTIFIER in dotted numbers to the value of its DER and back. kInvalidArgument for
// what is none; "?" for a value that CheckOid would refuse or whose numbers pass 63 bits.
absl::StatusOr<Bytes> OidFromText(std::string_view dotted);
std::string OidText(ByteView value);

}  // namespace nacre::crypto::der
