// Times as text in the way Go's package time writes and reads them: a layout shows how the moment
// Mon Jan 2 15:04:05 MST 2006 would look. Used by time.format, time.parse_ns and the like, whose
// layouts are Go's by definition of Rego.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "base/status.h"

namespace nacre::rego {

enum class LayoutPart {
  kLiteral,  // the end of the layout
  kLongMonth,
  kMonth,
  kNumericMonth,
  kZeroMonth,
  kLongWeekDay,
  kWeekDay,
  kDay,
  kUnderDay,
  kZeroDay,
  kUnderYearDay,
  kZeroYearDay,
  kHour,
  kHour12,
  kZeroHour12,
  kMinute,
  kZeroMinute,
  kSecond,
  kZeroSecond,
  kLongYear,
  kYear,
  kUpperPm,
  kLowerPm,
  kZoneName,
  kIsoZone,          // Z0700 and its variants: "Z" for UTC
  kZone,             // -0700 and its variants
  kFraction,         // .000: so many digits
  kTrimmedFraction,  // .999: up to so many digits, without trailing zeros
};

// The first part of a layout that stands for something, what is before it and what is after.
struct LayoutChunk {
  std::string_view prefix;
  LayoutPart part = LayoutPart::kLiteral;
  std::string_view text;  // the part itself: "Z07:00", ".000"
  std::string_view rest;
};
LayoutChunk NextLayoutChunk(std::string_view layout);

// How a zone part is spelled: which fields, with colons between them or not.
struct ZoneForm {
  bool minutes = true;
  bool seconds = false;
  bool colon = false;
};
ZoneForm ZoneFormOf(std::string_view text);

// "ANSIC", "RFC3339Nano"... as the layout they name; anything else is a layout already.
std::string_view NamedLayout(std::string_view name);

std::string FormatTime(std::string_view layout, absl::Time time, const absl::TimeZone& zone);

// kInvalidArgument with Go's sentence: parsing time "x" as "2006": cannot parse "x" as "2006". A
// zone name other than UTC says nothing of an offset and is read as UTC.
absl::StatusOr<absl::Time> ParseTime(std::string_view layout, std::string_view value);

// Go's durations ("-1h2.5m", "300ms") and Rego's longer units d (24h), w (7d) and y (365d); result
// in nanoseconds.
absl::StatusOr<int64_t> ParseDuration(std::string_view text);

// A zone by its name in the tz database: "" and "UTC" always, "Local" the process's. kNotFound for
// a name that is not there, also when the machine has no database (/usr/share/zoneinfo); names that
// could leave the database's folder are refused.
absl::StatusOr<absl::TimeZone> LoadZone(std::string_view name);

}  // namespace nacre::rego
