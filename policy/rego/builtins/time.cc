// time.*: moments are nanoseconds since 1970 in 64 bits (1677 to 2262), alone or as
// [nanoseconds, zone] or [nanoseconds, zone, layout].
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/go_layout.h"
#include "policy/rego/builtins/go_layout_internal.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

struct Moment {
  absl::Time time;
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string_view layout;
  absl::TimeZone::CivilInfo Civil() const { return zone.At(time); }
};

absl::StatusOr<Moment> MomentArg(Args args, int operand) {
  const Value& value = args[static_cast<size_t>(operand) - 1];
  std::span<const Value> parts(&value, 1);
  if (value.is_array()) parts = value.elements();
  if ((!value.is_array() && !value.is_number()) || parts.empty()) {
    return OperandTypeError(1, "either number (ns) or [number (ns), string (tz)]", value);
  }
  Moment moment;
  if (!parts[0].is_number()) return OperandTypeError(1, "number", parts[0]);
  for (const Value& text : parts.subspan(1)) {
    if (!text.is_string()) return OperandTypeError(1, "string", text);
  }
  if (parts.size() > 1) {
    auto zone = LoadZone(parts[1].string());
    if (!zone.ok()) return AsBuiltinError(zone.status());
    moment.zone = *zone;
  }
  if (parts.size() > 2) moment.layout = parts[2].string();
  std::optional<int64_t> nanoseconds = ToInt64(parts[0]);
  if (!nanoseconds.has_value()) return BuiltinError("timestamp too big");
  moment.time = absl::FromUnixNanos(*nanoseconds);
  return moment;
}

Result Nanoseconds(absl::Time time) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  if (time < absl::FromUnixNanos(kLeast) || time > absl::FromUnixNanos(kMost)) {
    return BuiltinError("time outside of valid range");
  }
  return Value::Int(absl::ToUnixNanos(time));
}

Result Now(BuiltinContext& context, Args) { return Value::Int(context.now_ns()); }

Result Parse(std::string_view layout, std::string_view text) {
  auto time = ParseTime(layout, text);
  if (!time.ok()) return AsBuiltinError(time.status());
  return Nanoseconds(*time);
}

Result ParseNs(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view layout, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  RETURN_IF_ERROR(context.Step(layout.size() + text.size()));
  return Parse(NamedLayout(layout), text);
}

Result ParseRfc3339(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  return Parse(NamedLayout("RFC3339"), text);
}

Result ParseDurationNs(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  auto duration = ParseDuration(text);
  if (!duration.ok()) return AsBuiltinError(duration.status());
  return Value::Int(*duration);
}

Result Format(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(Moment moment, MomentArg(args, 1));
  std::string_view layout = moment.layout.empty() ? "RFC3339Nano" : moment.layout;
  RETURN_IF_ERROR(context.Step(layout.size()));
  RETURN_IF_ERROR(CheckTextSize(layout.size() * 8));  // "MST" may become longer
  return Text(context, FormatTime(NamedLayout(layout), moment.time, moment.zone));
}

Value Three(BuiltinContext& context, int64_t a, int64_t b, int64_t c) {
  return Value::Array(context.arena(), {Value::Int(a), Value::Int(b), Value::Int(c)});
}

Result Date(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(Moment moment, MomentArg(args, 1));
  absl::CivilSecond civil = moment.Civil().cs;
  return Three(context, civil.year(), civil.month(), civil.day());
}

Result Clock(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(Moment moment, MomentArg(args, 1));
  absl::CivilSecond civil = moment.Civil().cs;
  return Three(context, civil.hour(), civil.minute(), civil.second());
}

Result Weekday(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(Moment moment, MomentArg(args, 1));
  return Text(context, WeekDayName(moment.Civil().cs));
}

// The moment at which clocks of the zone show `civil`; where they do so twice or never, by the
// offset in force before, as Go does it.
absl::Time ShownAt(const absl::CivilSecond& civil, const absl::TimeZone& zone) {
  absl::Time utc = absl::FromCivil(civil, absl::UTCTimeZone());
  int offset = zone.At(utc).offset;
  int checked = zone.At(utc - absl::Seconds(offset)).offset;
  return utc - absl::Seconds(checked);
}

Result AddDate(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(Moment moment, MomentArg(args, 1));
  ASSIGN_OR_RETURN(int64_t years, IntArg(args, 2));
  ASSIGN_OR_RETURN(int64_t months, IntArg(args, 3));
  ASSIGN_OR_RETURN(int64_t days, IntArg(args, 4));
  auto info = moment.Civil();
  __int128 month = (static_cast<__int128>(info.cs.year()) + years) * 12 + months;
  constexpr int64_t kFar = 1'000'000'000;
  if (month > kFar || month < -kFar || days > kFar || days < -kFar) {
    return BuiltinError("time outside of valid range");
  }
  absl::CivilMonth first =
      absl::CivilMonth(0, 1) + static_cast<int64_t>(month) + (info.cs.month() - 1);
  absl::CivilDay day = absl::CivilDay(first) + (info.cs.day() - 1) + days;
  absl::CivilSecond civil(day.year(), day.month(), day.day(), info.cs.hour(), info.cs.minute(),
                          info.cs.second());
  return Nanoseconds(ShownAt(civil, moment.zone) + info.subsecond);
}

// From the earlier to the later, as the clocks of the first operand's zone show both: years,
// months, days, hours, minutes and seconds, each borrowing from the next larger.
Result Diff(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(Moment a, MomentArg(args, 1));
  ASSIGN_OR_RETURN(Moment b, MomentArg(args, 2));
  b.zone = a.zone;
  if (a.time > b.time) std::swap(a.time, b.time);
  absl::CivilSecond from = a.Civil().cs, to = b.Civil().cs;
  int64_t parts[] = {to.year() - from.year(),     to.month() - from.month(),
                     to.day() - from.day(),       to.hour() - from.hour(),
                     to.minute() - from.minute(), to.second() - from.second()};
  absl::CivilMonth month(from);
  int64_t month_days = absl::CivilDay(month + 1) - absl::CivilDay(month);
  const int64_t sizes[] = {0, 12, month_days, 24, 60, 60};
  for (size_t i = 5; i > 0; --i) {
    if (parts[i] >= 0) continue;
    parts[i] += sizes[i];
    --parts[i - 1];
  }
  ArrayBuilder out(context.arena(), 6);
  for (int64_t part : parts) out.Add(Value::Int(part));
  return out.Build();
}

}  // namespace

void RegisterTime(BuiltinRegistry& registry) {
  constexpr KindMask kMoment = kNumber | kArray;
  registry.Register({.name = "time.now_ns",
                     .args = {},
                     .result = kNumber,
                     .function = Now,
                     .nondeterministic = true});
  registry.Register({"time.parse_ns", {kString, kString}, kNumber, ParseNs});
  registry.Register({"time.parse_rfc3339_ns", {kString}, kNumber, ParseRfc3339});
  registry.Register({"time.parse_duration_ns", {kString}, kNumber, ParseDurationNs});
  registry.Register({"time.format", {kMoment}, kString, Format});
  registry.Register({"time.date", {kMoment}, kArray, Date});
  registry.Register({"time.clock", {kMoment}, kArray, Clock});
  registry.Register({"time.weekday", {kMoment}, kString, Weekday});
  registry.Register({"time.add_date", {kNumber, kNumber, kNumber, kNumber}, kNumber, AddDate});
  registry.Register({"time.diff", {kMoment, kMoment}, kArray, Diff});
}

}  // namespace nacre::rego
