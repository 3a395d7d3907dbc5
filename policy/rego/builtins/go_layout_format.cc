// Writing a time after a layout.
#include <string>

#include "base/strings.h"
#include "policy/rego/builtins/go_layout.h"
#include "policy/rego/builtins/go_layout_internal.h"

namespace nacre::rego {
namespace {

// A number of at least `width` digits.
void AppendPadded(std::string* out, int64_t number, int width, char fill = '0') {
  if (number < 0) {
    out->push_back('-');
    number = -number;
  }
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i < static_cast<size_t>(width); ++i) out->push_back(fill);
  out->append(digits);
}

void AppendOffset(std::string* out, int offset, const ZoneForm& form) {
  out->push_back(offset < 0 ? '-' : '+');
  if (offset < 0) offset = -offset;
  AppendPadded(out, offset / 3600, 2);
  if (!form.minutes) return;
  if (form.colon) out->push_back(':');
  AppendPadded(out, offset / 60 % 60, 2);
  if (!form.seconds) return;
  if (form.colon) out->push_back(':');
  AppendPadded(out, offset % 60, 2);
}

void AppendFraction(std::string* out, int64_t nanoseconds, const LayoutChunk& chunk) {
  std::string digits;
  AppendPadded(&digits, nanoseconds, 9);
  if (chunk.text.size() - 1 < digits.size()) digits.resize(chunk.text.size() - 1);
  if (chunk.part == LayoutPart::kTrimmedFraction) {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return;
  }
  out->push_back(chunk.text[0]);
  out->append(digits);
}

// The parts that are a number of the date or the clock.
void AppendNumber(std::string* out, LayoutPart part, const absl::CivilSecond& civil) {
  int hour12 = civil.hour() % 12 == 0 ? 12 : civil.hour() % 12;
  int year_day = absl::GetYearDay(absl::CivilDay(civil));
  switch (part) {
    case LayoutPart::kNumericMonth:
      return AppendPadded(out, civil.month(), 1);
    case LayoutPart::kZeroMonth:
      return AppendPadded(out, civil.month(), 2);
    case LayoutPart::kDay:
      return AppendPadded(out, civil.day(), 1);
    case LayoutPart::kUnderDay:
      return AppendPadded(out, civil.day(), 2, ' ');
    case LayoutPart::kZeroDay:
      return AppendPadded(out, civil.day(), 2);
    case LayoutPart::kUnderYearDay:
      return AppendPadded(out, year_day, 3, ' ');
    case LayoutPart::kZeroYearDay:
      return AppendPadded(out, year_day, 3);
    case LayoutPart::kHour:
      return AppendPadded(out, civil.hour(), 2);
    case LayoutPart::kHour12:
      return AppendPadded(out, hour12, 1);
    case LayoutPart::kZeroHour12:
      return AppendPadded(out, hour12, 2);
    case LayoutPart::kMinute:
      return AppendPadded(out, civil.minute(), 1);
    case LayoutPart::kZeroMinute:
      return AppendPadded(out, civil.minute(), 2);
    case LayoutPart::kSecond:
      return AppendPadded(out, civil.second(), 1);
    case LayoutPart::kZeroSecond:
      return AppendPadded(out, civil.second(), 2);
    case LayoutPart::kLongYear:
      return AppendPadded(out, civil.year(), 4);
    case LayoutPart::kYear:
      return AppendPadded(out, civil.year() % 100, 2);
    default:
      return;
  }
}

}  // namespace

std::string FormatTime(std::string_view layout, absl::Time time, const absl::TimeZone& zone) {
  absl::TimeZone::CivilInfo info = zone.At(time);
  const absl::CivilSecond& civil = info.cs;
  std::string out;
  while (true) {
    LayoutChunk chunk = NextLayoutChunk(layout);
    out.append(chunk.prefix);
    layout = chunk.rest;
    switch (chunk.part) {
      case LayoutPart::kLiteral:
        return out;
      case LayoutPart::kLongMonth:
        out += kMonthNames[civil.month() - 1];
        break;
      case LayoutPart::kMonth:
        out += kMonthNames[civil.month() - 1].substr(0, 3);
        break;
      case LayoutPart::kLongWeekDay:
        out += WeekDayName(civil);
        break;
      case LayoutPart::kWeekDay:
        out += WeekDayName(civil).substr(0, 3);
        break;
      case LayoutPart::kUpperPm:
        out += civil.hour() >= 12 ? "PM" : "AM";
        break;
      case LayoutPart::kLowerPm:
        out += civil.hour() >= 12 ? "pm" : "am";
        break;
      case LayoutPart::kZoneName:
        out += info.zone_abbr;
        break;
      case LayoutPart::kIsoZone:
        if (info.offset == 0) {
          out.push_back('Z');
          break;
        }
        [[fallthrough]];
      case LayoutPart::kZone:
        AppendOffset(&out, info.offset, ZoneFormOf(chunk.text));
        break;
      case LayoutPart::kFraction:
      case LayoutPart::kTrimmedFraction:
        AppendFraction(&out, absl::ToInt64Nanoseconds(info.subsecond), chunk);
        break;
      default:
        AppendNumber(&out, chunk.part, civil);
    }
  }
}

std::string_view WeekDayName(const absl::CivilSecond& civil) {
  return kWeekDayNames[static_cast<int>(absl::GetWeekday(civil))];  // absl's Monday is 0
}

}  // namespace nacre::rego
