#include "tee/tdx/signed_json.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tdx {
namespace {

constexpr int kMaxDepth = 16;
constexpr size_t kSignatureSize = 64;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// Past the string that begins at `at` (a quote).
size_t SkipString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// Past the value that begins at `at`.
size_t SkipValue(std::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;  // the end of the object around a number or word
      --depth;
      ++at;
    } else if (depth == 0 && (c == ',' || IsSpace(c))) {
      return at;
    } else {
      ++at;
      continue;  // inside a number or word
    }
    if (depth == 0) return at;
  }
  return at;
}

absl::StatusOr<SignedJson> Parse(std::string_view document, std::string_view name) {
  ASSIGN_OR_RETURN(Json whole,
                   ParseJson(document, {.max_size = kMaxCollateralSize, .max_depth = kMaxDepth}));
  RETURN_IF_ERROR(JsonOnlyMembers(whole, {name, "signature"}, "document"));
  RETURN_IF_ERROR(JsonObject(whole, name, "document").status());
  SignedJson out;
  ASSIGN_OR_RETURN(out.signature, JsonHexBytes(whole, "signature", kSignatureSize, "document"));
  out.signed_text = MemberText(document, name);
  if (out.signed_text.empty()) {
    return absl::InvalidArgumentError(StrCat("member '", name, "' is written with escapes"));
  }
  out.body = std::move(whole[std::string(name)]);
  return out;
}

int Digits(std::string_view text, size_t at, size_t count) {
  int value = 0;
  for (char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Days since 1970-01-01 of a day in the proleptic Gregorian calendar.
int64_t DaysOf(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400;
  const int year_of_era = y - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<int64_t>(era) * 146097 + day_of_era - 719468;
}

}  // namespace

absl::StatusOr<SignedJson> ParseSignedJson(std::string_view document, std::string_view name) {
  auto parsed = Parse(document, name);
  if (parsed.ok()) return parsed;
  return WithClass(Annotate(parsed.status(), name), RefusalClass::kFormat);
}

std::string_view MemberText(std::string_view object, std::string_view key) {
  size_t at = SkipSpace(object, 0) + 1;  // past the brace
  while (at < object.size()) {
    at = SkipSpace(object, at);
    if (at >= object.size() || object[at] != '"') return {};
    const size_t key_end = SkipString(object, at);
    const std::string_view found = object.substr(at + 1, key_end - at - 2);
    at = SkipSpace(object, SkipSpace(object, key_end) + 1);  // past the colon
    const size_t end = SkipValue(object, at);
    if (found == key) return object.substr(at, end - at);
    at = SkipSpace(object, end) + 1;  // past the comma or the closing brace
  }
  return {};
}

absl::StatusOr<int64_t> ParseCollateralTime(std::string_view text) {
  const absl::Status bad =
      absl::InvalidArgumentError(StrCat("time '", text, "' is not like 2026-03-16T22:06:09Z"));
  constexpr std::string_view kShape = "0000-00-00T00:00:00Z";
  if (text.size() != kShape.size()) return bad;
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '0' && text[i] != kShape[i]) return bad;
  }
  const int year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2), minute = Digits(text, 14, 2), second = Digits(text, 17, 2);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59) {
    return bad;
  }
  const int64_t first = DaysOf(year, month, 1);
  const int64_t next = month == 12 ? DaysOf(year + 1, 1, 1) : DaysOf(year, month + 1, 1);
  if (day > next - first) return bad;
  return ((first + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
}

absl::StatusOr<Bytes> JsonHexBytes(const Json& object, std::string_view key, size_t size,
                                   std::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, where));
  auto bytes = HexDecode(text);
  if (!bytes.ok() || bytes->size() != size) {
    return absl::InvalidArgumentError(
        StrCat(where, ": member '", key, "' is not ", size, " bytes of hex"));
  }
  return bytes;
}

absl::StatusOr<uint32_t> JsonNumber(const Json& object, std::string_view key, uint32_t max,
                                    std::string_view where) {
  ASSIGN_OR_RETURN(const uint64_t value, JsonUint(object, key, where));
  if (value > max) {
    return absl::InvalidArgumentError(
        StrCat(where, ": member '", key, "' is ", value, ", the limit is ", max));
  }
  return static_cast<uint32_t>(value);
}

}  // namespace nacre::tee::tdx
