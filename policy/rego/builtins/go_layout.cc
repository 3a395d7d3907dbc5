// A layout is read left to right; what is not one of the known parts is literal text. The parts are
// few, so the search is a table: longer spellings stand before their beginnings, and the two that
// may not be followed by a lower-case letter (Jan, Mon) say so.
#include "policy/rego/builtins/go_layout.h"

#include <array>
#include <utility>

#include "base/strings.h"

namespace nacre::rego {
namespace {

struct Spelling {
  std::string_view text;
  LayoutPart part;
  bool word = false;  // not when a lower-case letter follows
};

constexpr Spelling kSpellings[] = {
    {"January", LayoutPart::kLongMonth},
    {"Jan", LayoutPart::kMonth, true},
    {"Monday", LayoutPart::kLongWeekDay},
    {"Mon", LayoutPart::kWeekDay, true},
    {"MST", LayoutPart::kZoneName},
    {"01", LayoutPart::kZeroMonth},
    {"02", LayoutPart::kZeroDay},
    {"03", LayoutPart::kZeroHour12},
    {"04", LayoutPart::kZeroMinute},
    {"05", LayoutPart::kZeroSecond},
    {"06", LayoutPart::kYear},
    {"002", LayoutPart::kZeroYearDay},
    {"15", LayoutPart::kHour},
    {"1", LayoutPart::kNumericMonth},
    {"2006", LayoutPart::kLongYear},
    {"2", LayoutPart::kDay},
    {"__2", LayoutPart::kUnderYearDay},
    {"_2", LayoutPart::kUnderDay},
    {"3", LayoutPart::kHour12},
    {"4", LayoutPart::kMinute},
    {"5", LayoutPart::kSecond},
    {"PM", LayoutPart::kUpperPm},
    {"pm", LayoutPart::kLowerPm},
    {"-070000", LayoutPart::kZone},
    {"-07:00:00", LayoutPart::kZone},
    {"-0700", LayoutPart::kZone},
    {"-07:00", LayoutPart::kZone},
    {"-07", LayoutPart::kZone},
    {"Z070000", LayoutPart::kIsoZone},
    {"Z07:00:00", LayoutPart::kIsoZone},
    {"Z0700", LayoutPart::kIsoZone},
    {"Z07:00", LayoutPart::kIsoZone},
    {"Z07", LayoutPart::kIsoZone},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

const Spelling* SpellingAt(std::string_view text) {
  if (text.empty() || std::string_view("JM0123456789_Pp-Z").find(text[0]) == text.npos) {
    return nullptr;
  }
  for (const Spelling& spelling : kSpellings) {
    if (!text.starts_with(spelling.text)) continue;
    std::string_view after = text.substr(spelling.text.size());
    if (spelling.word && !after.empty() && after[0] >= 'a' && after[0] <= 'z') continue;
    return &spelling;
  }
  return nullptr;
}

// ".000", ",999": one digit repeated, to the end of the digits. 0 when there is none.
size_t FractionLength(std::string_view text) {
  if (text.size() < 2 || (text[0] != '.' && text[0] != ',')) return 0;
  if (text[1] != '0' && text[1] != '9') return 0;
  size_t end = 1;
  while (end < text.size() && text[end] == text[1]) ++end;
  if (end < text.size() && IsDigit(text[end])) return 0;
  return end;
}

}  // namespace

LayoutChunk NextLayoutChunk(std::string_view layout) {
  for (size_t i = 0; i < layout.size(); ++i) {
    std::string_view here = layout.substr(i);
    if (here.starts_with("_2006")) {  // an underscore and a year
      return {layout.substr(0, i + 1), LayoutPart::kLongYear, here.substr(1, 4), here.substr(5)};
    }
    if (const Spelling* found = SpellingAt(here)) {
      size_t size = found->text.size();
      return {layout.substr(0, i), found->part, here.substr(0, size), here.substr(size)};
    }
    if (size_t size = FractionLength(here)) {
      auto part = here[1] == '0' ? LayoutPart::kFraction : LayoutPart::kTrimmedFraction;
      return {layout.substr(0, i), part, here.substr(0, size), here.substr(size)};
    }
  }
  return {layout, LayoutPart::kLiteral, {}, {}};
}

ZoneForm ZoneFormOf(std::string_view text) {
  return {.minutes = text.size() > 3,
          .seconds = text.size() >= 7,
          .colon = text.find(':') != text.npos};
}

std::string_view NamedLayout(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"ANSIC", "Mon Jan _2 15:04:05 2006"},
      {"UnixDate", "Mon Jan _2 15:04:05 MST 2006"},
      {"RubyDate", "Mon Jan 02 15:04:05 -0700 2006"},
      {"RFC822", "02 Jan 06 15:04 MST"},
      {"RFC822Z", "02 Jan 06 15:04 -0700"},
      {"RFC850", "Monday, 02-Jan-06 15:04:05 MST"},
      {"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"},
      {"RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"},
      {"RFC3339", "2006-01-02T15:04:05Z07:00"},
      {"RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"},
  };
  for (const auto& [known, layout] : kNames) {
    if (name == known) return layout;
  }
  return name;
}

absl::StatusOr<absl::TimeZone> LoadZone(std::string_view name) {
  if (name.empty() || name == "UTC") return absl::UTCTimeZone();
  if (name == "Local") return absl::LocalTimeZone();
  absl::Status unknown = absl::NotFoundError(StrCat("unknown time zone ", name));
  if (name.size() > 100 || name[0] == '/' || name.find("..") != name.npos) {
    return absl::InvalidArgumentError("time: invalid location name");
  }
  for (char c : name) {  // a colon would name a file or a library of the loader's own
    bool good = IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' ||
                c == '_' || c == '-' || c == '+';
    if (!good) return unknown;
  }
  absl::TimeZone zone;
  if (name.starts_with("Fixed") || !absl::LoadTimeZone(std::string(name), &zone)) return unknown;
  return zone;
}

}  // namespace nacre::rego
