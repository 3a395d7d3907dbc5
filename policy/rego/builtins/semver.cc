// Semantic versions (semver.org 2.0.0): semver.compare, semver.is_valid. A "v" in front is allowed.
#include <algorithm>
#include <array>
#include <optional>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

struct Version {
  std::array<int64_t, 3> numbers;
  std::vector<std::string_view> pre_release;
};

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Identifiers between dots: letters, digits and hyphens, none empty.
bool ReadIdentifiers(std::string_view text, std::vector<std::string_view>* out) {
  *out = StrSplit(text, '.');
  return std::all_of(out->begin(), out->end(), [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
  });
}

std::optional<Version> ParseVersion(std::string_view text) {
  Version version;
  if (text.starts_with('v')) text.remove_prefix(1);
  if (size_t plus = text.find('+'); plus != text.npos) {
    std::vector<std::string_view> metadata;  // has no place in the order
    if (!ReadIdentifiers(text.substr(plus + 1), &metadata)) return std::nullopt;
    text = text.substr(0, plus);
  }
  if (size_t hyphen = text.find('-'); hyphen != text.npos) {
    if (!ReadIdentifiers(text.substr(hyphen + 1), &version.pre_release)) return std::nullopt;
    for (std::string_view part : version.pre_release) {
      if (part.size() > 1 && part[0] == '0' && AllDigits(part)) return std::nullopt;
    }
    text = text.substr(0, hyphen);
  }
  std::vector<std::string_view> numbers = StrSplit(text, '.');
  if (numbers.size() != 3) return std::nullopt;
  for (size_t i = 0; i < 3; ++i) {
    std::string_view digits = numbers[i];
    if (!AllDigits(digits) || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
    if (!ParseNumber(digits, &version.numbers[i])) return std::nullopt;
  }
  return version;
}

int Order(auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; }

// Numbers of any length by value, before words; words by their bytes.
int CompareIdentifiers(std::string_view a, std::string_view b) {
  bool number_a = AllDigits(a), number_b = AllDigits(b);
  if (number_a != number_b) return number_a ? -1 : 1;
  if (number_a && a.size() != b.size()) return Order(a.size(), b.size());
  return Order(a, b);
}

int CompareVersions(const Version& a, const Version& b) {
  if (a.numbers != b.numbers) return Order(a.numbers, b.numbers);
  if (a.pre_release.empty() || b.pre_release.empty()) {
    return Order(a.pre_release.empty(), b.pre_release.empty());
  }
  size_t common = std::min(a.pre_release.size(), b.pre_release.size());
  for (size_t i = 0; i < common; ++i) {
    int order = CompareIdentifiers(a.pre_release[i], b.pre_release[i]);
    if (order != 0) return order;
  }
  return Order(a.pre_release.size(), b.pre_release.size());
}

absl::StatusOr<Version> VersionArg(Args args, int operand) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, operand));
  std::optional<Version> version = ParseVersion(text);
  if (version.has_value()) return *std::move(version);
  // OPA quotes the operand as a Rego term.
  return BuiltinError(StrCat("operand ", operand, ": string ",
                             ToRego(args[static_cast<size_t>(operand) - 1]),
                             " is not a valid SemVer"));
}

Result Compare(BuiltinContext&, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kString));
  ASSIGN_OR_RETURN(Version a, VersionArg(args, 1));
  ASSIGN_OR_RETURN(Version b, VersionArg(args, 2));
  return Value::Int(CompareVersions(a, b));
}

Result IsValid(BuiltinContext&, Args args) {
  return Value::Bool(args[0].is_string() && ParseVersion(args[0].string()).has_value());
}

}  // namespace

void RegisterSemver(BuiltinRegistry& registry) {
  registry.Register({"semver.compare", {kString, kString}, kNumber, Compare});
  registry.Register({"semver.is_valid", {kAny}, kBoolean, IsValid});
}

}  // namespace nacre::rego
