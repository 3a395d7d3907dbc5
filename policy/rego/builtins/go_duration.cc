// Durations are sums of decimal numbers with units, exact to the nanosecond: whole part and
// fraction are kept apart, as a double would lose nanoseconds past a quarter of a year.
#include <charconv>
#include <limits>

#include "base/strings.h"
#include "policy/rego/builtins/go_layout.h"
#include "policy/rego/builtins/go_quote.h"

namespace nacre::rego {
namespace {

constexpr uint64_t kLimit = uint64_t{1} << 63;  // the magnitude of the smallest duration
constexpr uint64_t kHour = 3'600'000'000'000;

// 0 for an unknown unit.
uint64_t UnitSize(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "µs" || unit == "μs") return 1'000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  if (unit == "h") return kHour;
  return 0;
}

// Hours in one of Rego's longer units; 0 for others.
double LongUnitHours(std::string_view unit) {
  if (unit == "d") return 24;
  if (unit == "w") return 7 * 24;
  if (unit == "y") return 365 * 24;
  return 0;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class DurationReader {
 public:
  explicit DurationReader(std::string_view text)
      : text_(text), long_units_(text.find_first_of("dwy") != text.npos) {}

  absl::StatusOr<int64_t> Read() {
    std::string_view rest = text_;
    bool negative = rest.starts_with('-');
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest == "0") return 0;
    if (rest.empty()) return Invalid();
    while (!rest.empty()) {
      RETURN_IF_ERROR(ReadSegment(&rest));
    }
    if (sum_ == kLimit && negative) return std::numeric_limits<int64_t>::min();
    if (sum_ >= kLimit) return Invalid();
    return negative ? -static_cast<int64_t>(sum_) : static_cast<int64_t>(sum_);
  }

 private:
  absl::Status Invalid() const {
    return absl::InvalidArgumentError(StrCat("time: invalid duration ", GoQuote(text_)));
  }

  absl::Status ReadSegment(std::string_view* rest) {
    size_t digits = 0;
    while (digits < rest->size() && (IsDigit((*rest)[digits]) || (*rest)[digits] == '.')) ++digits;
    std::string_view number = rest->substr(0, digits);
    rest->remove_prefix(digits);
    size_t letters = 0;
    while (letters < rest->size() && !IsDigit((*rest)[letters]) && (*rest)[letters] != '.') {
      ++letters;
    }
    if (long_units_) letters = ShortUnitLength(rest->substr(0, letters));
    std::string_view unit = rest->substr(0, letters);
    rest->remove_prefix(letters);
    if (double hours = long_units_ ? LongUnitHours(unit) : 0; hours != 0) {
      return AddLongUnit(number, hours);
    }
    if (number.empty() || number == "." || number.find('.') != number.rfind('.')) return Invalid();
    if (unit.empty()) {
      return absl::InvalidArgumentError(StrCat("time: missing unit in duration ", GoQuote(text_)));
    }
    uint64_t size = UnitSize(unit);
    if (size == 0) {
      return absl::InvalidArgumentError(
          StrCat("time: unknown unit ", GoQuote(unit), " in duration ", GoQuote(text_)));
    }
    return Add(number, size);
  }

  // With longer units about, a unit is one letter or one of ms, us, µs, ns: "1d2h" has no spaces to
  // go by.
  static size_t ShortUnitLength(std::string_view text) {
    for (std::string_view two : {"ms", "us", "µs", "ns"}) {
      if (text.starts_with(two)) return two.size();
    }
    return text.empty() ? 0 : 1;
  }

  absl::Status AddLongUnit(std::string_view number, double hours) {
    double amount = 0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), amount);
    if (error != std::errc() || end != number.data() + number.size()) return Invalid();
    char buffer[400];
    auto printed =
        std::to_chars(buffer, buffer + sizeof buffer, amount * hours, std::chars_format::fixed);
    if (printed.ec != std::errc()) return Invalid();
    return Add({buffer, static_cast<size_t>(printed.ptr - buffer)}, kHour);
  }

  absl::Status Add(std::string_view number, uint64_t size) {
    size_t point = std::min(number.find('.'), number.size());
    unsigned __int128 whole = 0;
    for (char digit : number.substr(0, point)) {
      whole = whole * 10 + static_cast<unsigned>(digit - '0');
      if (whole > kLimit) return Invalid();
    }
    whole *= size;
    if (whole > kLimit) return Invalid();
    uint64_t fraction = 0;
    double scale = 1;
    for (char digit : number.substr(std::min(point + 1, number.size()))) {
      if (fraction > (kLimit - 1) / 10) break;
      uint64_t next = fraction * 10 + static_cast<unsigned>(digit - '0');
      if (next > kLimit) break;
      fraction = next;
      scale *= 10;
    }
    if (fraction > 0) {
      whole += static_cast<uint64_t>(static_cast<double>(fraction) *
                                     (static_cast<double>(size) / scale));
    }
    whole += sum_;
    if (whole > kLimit) return Invalid();
    sum_ = static_cast<uint64_t>(whole);
    return absl::OkStatus();
  }

  std::string_view text_;
  bool long_units_;
  uint64_t sum_ = 0;
};

}  // namespace

absl::StatusOr<int64_t> ParseDuration(std::string_view text) { return DurationReader(text).Read(); }

}  // namespace nacre::rego
