#include "crypto/der.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"

namespace nacre::crypto::der {
namespace {

absl::Status Bad(std::string_view what, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(what, ": ", why));
}

constexpr uint8_t kLongTag = 0x1f;  // the number follows in further bytes
constexpr uint8_t kConstructed = 0x20;
constexpr uint8_t kClass = 0xc0;
constexpr size_t kMaxLengthBytes = 4;

// Days from 1970-01-01 to a date of the Gregorian calendar, by counting in years from March.
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year < 0 ? year - 399 : year) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

int64_t DaysInMonth(int64_t year, int64_t month) {
  constexpr int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

}  // namespace

absl::StatusOr<Element> Reader::Next(std::string_view what) {
  if (data_.size() < 2) return Bad(what, "not DER: it ends where an element belongs");
  const uint8_t tag = data_[0];
  if (tag == 0 || (tag & kLongTag) == kLongTag) return Bad(what, "not DER: tag");
  size_t size = data_[1];
  size_t header = 2;
  if (size > 0x80) {
    const size_t count = size - 0x80;
    if (count > kMaxLengthBytes || data_.size() < 2 + count || data_[2] == 0) {
      return Bad(what, "not DER: length");
    }
    size = 0;
    for (size_t i = 0; i < count; ++i) size = size << 8 | data_[2 + i];
    if (size < 0x80) return Bad(what, "not DER: length is not in its shortest form");
    header += count;
  } else if (size == 0x80) {
    return Bad(what, "not DER: indefinite length");
  }
  if (size > data_.size() - header) return Bad(what, "not DER: it ends within an element");
  const Element out{tag, data_.subspan(header, size), data_.first(header + size)};
  data_ = data_.subspan(header + size);
  return out;
}

absl::StatusOr<Element> Reader::Next(uint8_t tag, std::string_view what) {
  if (!data_.empty() && data_[0] != tag) {
    return Bad(what, StrCat("not DER of the kind: tag ", data_[0], ", must be ", tag));
  }
  return Next(what);
}

absl::StatusOr<std::optional<Element>> Reader::Optional(uint8_t tag, std::string_view what) {
  if (!NextIs(tag)) return std::nullopt;
  ASSIGN_OR_RETURN(const Element out, Next(what));
  return out;
}

absl::Status Reader::End(std::string_view what) const {
  return done() ? absl::OkStatus() : Bad(what, "bytes after the DER");
}

absl::StatusOr<Element> Whole(ByteView data, uint8_t tag, std::string_view what) {
  Reader reader(data);
  ASSIGN_OR_RETURN(const Element out, reader.Next(tag, what));
  RETURN_IF_ERROR(reader.End(what));
  return out;
}

absl::StatusOr<bool> Boolean(ByteView value, std::string_view what) {
  if (value.size() != 1 || (value[0] != 0 && value[0] != 0xff)) return Bad(what, "not a BOOLEAN");
  return value[0] != 0;
}

absl::StatusOr<ByteView> Unsigned(ByteView value, std::string_view what) {
  if (value.empty()) return Bad(what, "an INTEGER of no bytes");
  if (value[0] >= 0x80) return Bad(what, "a negative number");
  if (value.size() == 1) return value;
  if (value[0] != 0) return value;
  if (value[1] < 0x80) return Bad(what, "an INTEGER not in its shortest form");
  return value.subspan(1);
}

absl::StatusOr<uint32_t> Small(ByteView value, uint32_t max, std::string_view what) {
  ASSIGN_OR_RETURN(const ByteView bytes, Unsigned(value, what));
  uint64_t out = 0;
  for (uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 5))) out = out << 8 | byte;
  if (bytes.size() > 4 || out > max) return Bad(what, StrCat("a number above ", max));
  return static_cast<uint32_t>(out);
}

absl::StatusOr<Bits> BitString(ByteView value, std::string_view what) {
  if (value.empty() || value[0] > 7 || (value.size() == 1 && value[0] != 0)) {
    return Bad(what, "not a BIT STRING");
  }
  if (value.size() > 1 && (value.back() & ((1u << value[0]) - 1)) != 0) {
    return Bad(what, "a BIT STRING whose unused bits are not 0");
  }
  return Bits{value.subspan(1), value[0]};
}

absl::StatusOr<ByteView> WholeBytes(ByteView bit_string, std::string_view what) {
  ASSIGN_OR_RETURN(const Bits bits, BitString(bit_string, what));
  if (bits.unused != 0) return Bad(what, "a BIT STRING that is not of whole bytes");
  return bits.bytes;
}

absl::Status CheckOid(ByteView value, std::string_view what) {
  bool first = true;  // of the bytes of one number
  for (uint8_t byte : value) {
    if (first && byte == 0x80) return Bad(what, "not an OBJECT IDENTIFIER");
    first = byte < 0x80;
  }
  return first && !value.empty() ? absl::OkStatus() : Bad(what, "not an OBJECT IDENTIFIER");
}

absl::StatusOr<int64_t> Time(const Element& element, std::string_view what) {
  const size_t year_digits = element.tag == kUtcTime ? 2 : element.tag == kGeneralizedTime ? 4 : 0;
  const ByteView text = element.value;
  if (year_digits == 0 || text.size() != year_digits + 11 || text.back() != 'Z') {
    return Bad(what, "not a time of RFC 5280");
  }
  for (uint8_t byte : text.first(text.size() - 1)) {
    if (byte < '0' || byte > '9') return Bad(what, "not a time of RFC 5280");
  }
  const auto number = [text](size_t at, size_t digits) {
    int64_t out = 0;
    for (uint8_t byte : text.subspan(at, digits)) out = out * 10 + (byte - '0');
    return out;
  };
  int64_t year = number(0, year_digits);
  if (year_digits == 2) year += year < 50 ? 2000 : 1900;
  const int64_t month = number(year_digits, 2), day = number(year_digits + 2, 2);
  const int64_t hour = number(year_digits + 4, 2), minute = number(year_digits + 6, 2);
  const int64_t second = number(year_digits + 8, 2);
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month) || hour > 23 ||
      minute > 59 || second > 59) {
    return Bad(what, "a time that is none");
  }
  return DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

absl::Status CheckAny(const Element& element, std::string_view what) {
  if ((element.tag & kClass) != 0) return absl::OkStatus();
  const bool constructed = (element.tag & kConstructed) != 0;
  const uint8_t number = element.tag & kLongTag;
  const bool of_parts = number == (kSequence & kLongTag) || number == (kSet & kLongTag);
  if (constructed != of_parts) return Bad(what, "not DER: a string in pieces");
  const size_t size = element.value.size();
  switch (element.tag) {
    case kBoolean:
      return Boolean(element.value, what).status();
    case kInteger:
    case kEnumerated: {
      const ByteView value = element.value;
      const bool padded = size > 1 && ((value[0] == 0 && value[1] < 0x80) ||
                                       (value[0] == 0xff && value[1] >= 0x80));
      return size == 0 || padded ? Bad(what, "not an INTEGER") : absl::OkStatus();
    }
    case kBitString:
      return BitString(element.value, what).status();
    case kNull:
      return size == 0 ? absl::OkStatus() : Bad(what, "not a NULL");
    case kOid:
      return CheckOid(element.value, what);
    case kBmpString:
      return size % 2 == 0 ? absl::OkStatus() : Bad(what, "not a BMPString");
    case kUniversalString:
      return size % 4 == 0 ? absl::OkStatus() : Bad(what, "not a UniversalString");
    default:
      return absl::OkStatus();
  }
}

absl::StatusOr<Bytes> OidFromText(std::string_view dotted) {
  const auto bad = [dotted] {
    return absl::InvalidArgumentError(StrCat("not an object identifier: ", dotted));
  };
  Bytes out;
  uint64_t first = 0;
  size_t index = 0;
  const auto put = [&out](uint64_t number) {
    int shift = 63;
    while (shift > 0 && number >> shift == 0) shift -= 7;
    for (; shift > 0; shift -= 7) out.push_back(static_cast<uint8_t>(0x80 | (number >> shift)));
    out.push_back(static_cast<uint8_t>(number & 0x7f));
  };
  for (std::string_view part : StrSplit(dotted, '.')) {
    uint64_t number = 0;
    if (!ParseNumber(part, &number) || number > std::numeric_limits<uint32_t>::max()) return bad();
    if (index == 0) {
      if (number > 2) return bad();
      first = number;
    } else if (index == 1) {
      if (first < 2 && number > 39) return bad();
      put(first * 40 + number);
    } else {
      put(number);
    }
    ++index;
  }
  if (index < 2) return bad();
  return out;
}

std::string OidText(ByteView value) {
  if (!CheckOid(value, "").ok()) return "?";
  std::string out;
  uint64_t number = 0;
  for (uint8_t byte : value) {
    if (number > std::numeric_limits<uint64_t>::max() >> 8) return "?";
    number = number << 7 | (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (out.empty()) {
      const uint64_t first = std::min<uint64_t>(number / 40, 2);
      StrAppend(&out, first, ".", number - first * 40);
    } else {
      StrAppend(&out, ".", number);
    }
    number = 0;
  }
  return out;
}

}  // namespace nacre::crypto::der
