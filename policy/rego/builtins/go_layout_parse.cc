// Reading a time after a layout. One Reader holds what is left of the text and what was found; each
// part of the layout takes its piece off the front. Whether the day exists in its month is known
// only at the end, as the year may come last.
#include <array>
#include <optional>

#include "base/strings.h"
#include "policy/rego/builtins/go_layout.h"
#include "policy/rego/builtins/go_layout_internal.h"
#include "policy/rego/builtins/go_quote.h"

namespace nacre::rego {
namespace {

bool IsDigit(std::string_view text, size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

bool SameLetters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    bool letter = (a[i] | 0x20) >= 'a' && (a[i] | 0x20) <= 'z';
    if (a[i] != b[i] && (!letter || (a[i] | 0x20) != (b[i] | 0x20))) return false;
  }
  return true;
}

int DaysIn(int month, int64_t year) {
  absl::CivilMonth first(year, month);
  return static_cast<int>(absl::CivilDay(first + 1) - absl::CivilDay(first));
}

class Reader {
 public:
  Reader(std::string_view layout, std::string_view value)
      : layout_(layout), value_(value), rest_(value) {}

  absl::StatusOr<absl::Time> Read() {
    std::string_view layout = layout_;
    while (true) {
      LayoutChunk chunk = NextLayoutChunk(layout);
      if (!SkipLiteral(chunk.prefix)) return CannotParse(rest_, chunk.prefix);
      if (chunk.part == LayoutPart::kLiteral) break;
      layout = chunk.rest;
      std::string_view before = rest_;
      bool good = ReadPart(chunk, layout);
      if (!range_.empty()) return Fault(StrCat(": ", range_, " out of range"));
      if (!good) return CannotParse(before, chunk.text);
    }
    if (!rest_.empty()) return Fault(StrCat(": extra text: ", GoQuote(rest_)));
    return Assemble();
  }

 private:
  absl::Status Fault(const std::string& what) const {
    return absl::InvalidArgumentError(StrCat("parsing time ", GoQuote(value_), what));
  }
  absl::Status CannotParse(std::string_view rest, std::string_view element) const {
    return Fault(StrCat(" as ", GoQuote(layout_), ": cannot parse ", GoQuote(rest), " as ",
                        GoQuote(element)));
  }
  bool OutOfRange(std::string_view what) {
    range_ = what;
    return false;
  }

  // Literal text must stand as written; spaces stand for any number of spaces.
  bool SkipLiteral(std::string_view prefix) {
    while (!prefix.empty()) {
      if (prefix[0] == ' ') {
        if (!rest_.empty() && rest_[0] != ' ') return false;
        while (!prefix.empty() && prefix[0] == ' ') prefix.remove_prefix(1);
        while (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
        continue;
      }
      if (rest_.empty() || rest_[0] != prefix[0]) return false;
      prefix.remove_prefix(1);
      rest_.remove_prefix(1);
    }
    return true;
  }

  // Between `least` and `most` digits.
  bool Digits(size_t least, size_t most, int* out) {
    size_t size = 0;
    int number = 0;
    while (size < most && IsDigit(rest_, size)) number = number * 10 + (rest_[size++] - '0');
    if (size < least) return false;
    rest_.remove_prefix(size);
    *out = number;
    return true;
  }

  template <typename Names>
  bool Name(const Names& names, size_t shorten, int* out) {
    for (size_t i = 0; i < std::size(names); ++i) {
      std::string_view name = shorten ? names[i].substr(0, shorten) : names[i];
      if (SameLetters(rest_.substr(0, name.size()), name)) {
        rest_.remove_prefix(name.size());
        *out = static_cast<int>(i);
        return true;
      }
    }
    return false;
  }

  bool Month(bool found) {
    if (found && (month_ < 1 || month_ > 12)) return OutOfRange("month");
    return found;
  }
  bool Limited(size_t least, int* number, int limit, std::string_view what) {
    bool found = Digits(least, 2, number);
    if (found && *number >= limit) return OutOfRange(what);
    return found;
  }

  bool ReadPart(const LayoutChunk& chunk, std::string_view layout_rest) {
    int ignored = 0;
    switch (chunk.part) {
      case LayoutPart::kYear:
        return ReadShortYear();
      case LayoutPart::kLongYear:
        return Digits(4, 4, &year_);
      case LayoutPart::kMonth:
      case LayoutPart::kLongMonth:
        return ReadMonthName(chunk.part == LayoutPart::kMonth ? 3 : 0);
      case LayoutPart::kNumericMonth:
        return Month(Digits(1, 2, &month_));
      case LayoutPart::kZeroMonth:
        return Month(Digits(2, 2, &month_));
      case LayoutPart::kWeekDay:
        return Name(kWeekDayNames, 3, &ignored);
      case LayoutPart::kLongWeekDay:
        return Name(kWeekDayNames, 0, &ignored);
      case LayoutPart::kUnderDay:
        if (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
        [[fallthrough]];
      case LayoutPart::kDay:
        return Digits(1, 2, &day_);
      case LayoutPart::kZeroDay:
        return Digits(2, 2, &day_);
      case LayoutPart::kUnderYearDay:
        for (int i = 0; i < 2 && !rest_.empty() && rest_[0] == ' '; ++i) rest_.remove_prefix(1);
        return Digits(1, 3, &year_day_);
      case LayoutPart::kZeroYearDay:
        return Digits(3, 3, &year_day_);
      case LayoutPart::kHour:
        return Limited(1, &hour_, 24, "hour");
      case LayoutPart::kHour12:
        return Limited(1, &hour_, 13, "hour");
      case LayoutPart::kZeroHour12:
        return Limited(2, &hour_, 13, "hour");
      case LayoutPart::kMinute:
        return Limited(1, &minute_, 60, "minute");
      case LayoutPart::kZeroMinute:
        return Limited(2, &minute_, 60, "minute");
      case LayoutPart::kSecond:
        return ReadSecond(1, layout_rest);
      case LayoutPart::kZeroSecond:
        return ReadSecond(2, layout_rest);
      case LayoutPart::kUpperPm:
        return ReadHalf("AM", "PM");
      case LayoutPart::kLowerPm:
        return ReadHalf("am", "pm");
      case LayoutPart::kIsoZone:
        if (rest_.starts_with('Z')) {
          rest_.remove_prefix(1);
          offset_ = 0;
          return true;
        }
        return ReadOffset(ZoneFormOf(chunk.text));
      case LayoutPart::kZone:
        return ReadOffset(ZoneFormOf(chunk.text));
      case LayoutPart::kZoneName:
        return ReadZoneName();
      case LayoutPart::kFraction:
        return ReadFraction(chunk.text.size());
      case LayoutPart::kTrimmedFraction:
        return ReadOptionalFraction();
      default:
        return false;
    }
  }

  bool ReadShortYear() {
    if (!Digits(2, 2, &year_)) return false;
    year_ += year_ >= 69 ? 1900 : 2000;
    return true;
  }

  bool ReadMonthName(size_t shorten) {
    if (!Name(kMonthNames, shorten, &month_)) return false;
    ++month_;
    return true;
  }

  // A fraction may follow the seconds although the layout does not ask for one.
  bool ReadSecond(size_t least, std::string_view layout_rest) {
    if (!Limited(least, &second_, 60, "second")) return false;
    LayoutPart next = NextLayoutChunk(layout_rest).part;
    if (next == LayoutPart::kFraction || next == LayoutPart::kTrimmedFraction) return true;
    return ReadOptionalFraction();
  }

  bool ReadOptionalFraction() {
    if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || !IsDigit(rest_, 1)) return true;
    size_t size = 1;
    while (IsDigit(rest_, size)) ++size;
    return ReadFraction(size);
  }

  // `size` characters: the point and so many digits; what is below a nanosecond is cut off.
  bool ReadFraction(size_t size) {
    if (rest_.size() < size || (rest_[0] != '.' && rest_[0] != ',')) return false;
    nanoseconds_ = 0;
    for (size_t i = 1; i <= 9; ++i) {
      if (i < size && !IsDigit(rest_, i)) return false;
      nanoseconds_ = nanoseconds_ * 10 + (i < size ? rest_[i] - '0' : 0);
    }
    rest_.remove_prefix(size);
    return true;
  }

  bool ReadHalf(std::string_view am, std::string_view pm) {
    if (rest_.starts_with(pm)) {
      pm_ = true;
    } else if (rest_.starts_with(am)) {
      am_ = true;
    } else {
      return false;
    }
    rest_.remove_prefix(2);
    return true;
  }

  bool ReadOffset(const ZoneForm& form) {
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) return false;
    int sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    int hours = 0, minutes = 0, seconds = 0;
    if (!Digits(2, 2, &hours)) return false;
    if (form.minutes && (!ReadColon(form) || !Digits(2, 2, &minutes))) return false;
    if (form.seconds && (!ReadColon(form) || !Digits(2, 2, &seconds))) return false;
    if (hours > 24) return OutOfRange("time zone offset hour");
    if (minutes > 60) return OutOfRange("time zone offset minute");
    if (seconds > 60) return OutOfRange("time zone offset second");
    offset_ = sign * ((hours * 60 + minutes) * 60 + seconds);
    return true;
  }

  bool ReadColon(const ZoneForm& form) {
    if (!form.colon) return true;
    if (!rest_.starts_with(':')) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Three to five capitals ending in T (three of any; WITA), ChST, MeST, GMT+3, +03: Go's rules for
  // what looks like the name of a zone.
  bool ReadZoneName() {
    if (rest_.starts_with("UTC")) {
      rest_.remove_prefix(3);
      offset_ = 0;
      return true;
    }
    size_t size = ZoneNameLength();
    rest_.remove_prefix(size);
    return size > 0;
  }

  size_t ZoneNameLength() const {
    if (rest_.size() < 3) return 0;
    if (rest_.starts_with("ChST") || rest_.starts_with("MeST")) return 4;
    if (rest_.starts_with("GMT")) return 3 + SignedOffsetLength(rest_.substr(3));
    if (rest_[0] == '+' || rest_[0] == '-') return SignedOffsetLength(rest_);
    size_t capitals = 0;
    while (capitals < 6 && capitals < rest_.size() && rest_[capitals] >= 'A' &&
           rest_[capitals] <= 'Z') {
      ++capitals;
    }
    if (capitals == 3) return 3;
    if (capitals == 4 && (rest_[3] == 'T' || rest_.starts_with("WITA"))) return 4;
    if (capitals == 5 && rest_[4] == 'T') return 5;
    return 0;
  }

  // "+3" to "-23"; 0 when it is nothing of the kind.
  static size_t SignedOffsetLength(std::string_view text) {
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return 0;
    size_t size = 1;
    int64_t hours = 0;
    while (IsDigit(text, size)) {
      hours = std::min<int64_t>(hours * 10 + (text[size] - '0'), 1000);
      ++size;
    }
    return size > 1 && hours < 24 ? size : 0;
  }

  absl::StatusOr<absl::Time> Assemble() {
    if (pm_ && hour_ < 12) hour_ += 12;
    if (am_ && hour_ == 12) hour_ = 0;
    if (!PlaceYearDay()) return Fault(StrCat(": ", range_));
    int month = month_ < 0 ? 1 : month_;
    int day = day_ < 0 ? 1 : day_;
    if (day < 1 || day > DaysIn(month, year_)) return Fault(": day out of range");
    absl::CivilSecond civil(year_, month, day, hour_, minute_, second_);
    return absl::FromCivil(civil, absl::UTCTimeZone()) + absl::Nanoseconds(nanoseconds_) -
           absl::Seconds(offset_);
  }

  // The day of the year decides month and day, or must agree with them.
  bool PlaceYearDay() {
    if (year_day_ < 0) return true;
    int64_t days = absl::CivilDay(year_ + 1, 1, 1) - absl::CivilDay(year_, 1, 1);
    if (year_day_ < 1 || year_day_ > days) return OutOfRange("day-of-year out of range");
    absl::CivilDay date = absl::CivilDay(year_, 1, 1) + (year_day_ - 1);
    if (month_ >= 0 && month_ != date.month()) {
      return OutOfRange("day-of-year does not match month");
    }
    if (day_ >= 0 && day_ != date.day()) return OutOfRange("day-of-year does not match day");
    month_ = date.month();
    day_ = date.day();
    return true;
  }

  std::string_view layout_;
  std::string_view value_;
  std::string_view rest_;
  std::string_view range_;  // what was out of range
  int year_ = 0;
  int month_ = -1, day_ = -1, year_day_ = -1;  // not given
  int hour_ = 0, minute_ = 0, second_ = 0;
  int64_t nanoseconds_ = 0;
  bool pm_ = false, am_ = false;
  int offset_ = 0;
};

}  // namespace

absl::StatusOr<absl::Time> ParseTime(std::string_view layout, std::string_view value) {
  return Reader(layout, value).Read();
}

}  // namespace nacre::rego
