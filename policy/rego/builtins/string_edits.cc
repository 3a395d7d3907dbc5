// Making text of text: concat, replace, trim, lower, format_int, strings.reverse...
#include <algorithm>
#include <bitset>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

Result Concat(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view separator, StringArg(args, 1));
  if (!args[1].is_array() && !args[1].is_set()) {
    return OperandTypeError(2, "one of {set, array}", args[1]);
  }
  const std::span<const Value> parts = args[1].elements();
  size_t size = parts.empty() ? 0 : separator.size() * (parts.size() - 1);
  for (const Value& part : parts) {
    if (!part.is_string()) return OperandElementError(2, args[1], part, "string");
    size += part.string().size();
  }
  RETURN_IF_ERROR(CheckTextSize(size));
  // Built where it will stay: policies put paths together in every decision.
  char* const text = context.arena().AllocateArray<char>(size + 1);
  if (text == nullptr) return Value::Null();
  char* end = text;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = parts[i].string();
    if (i > 0) end = std::copy(separator.begin(), separator.end(), end);
    end = std::copy(part.begin(), part.end(), end);
  }
  return Value::BorrowString({text, size});
}

struct Replacement {
  std::string_view old;
  std::string_view with;
};

// From left to right, at each place the first replacement that fits. An empty old text fits between
// characters, before each one and at the end, but not twice in one place.
Result ReplaceAll(BuiltinContext& context, std::string_view text,
                  std::span<const Replacement> replacements) {
  std::string out;
  bool after_empty = false;
  size_t at = 0;
  while (at <= text.size()) {
    RETURN_IF_ERROR(context.Step(1 + replacements.size() / 8));
    RETURN_IF_ERROR(CheckTextSize(out.size()));
    uint64_t compared = 0;
    auto found = std::find_if(replacements.begin(), replacements.end(), [&](const Replacement& r) {
      std::string_view here = text.substr(at);
      if ((r.old.empty() && after_empty) || !here.starts_with(r.old.substr(0, 32))) return false;
      compared += r.old.size() / 64;
      return here.starts_with(r.old);
    });
    RETURN_IF_ERROR(context.Step(compared));
    after_empty = found != replacements.end() && found->old.empty();
    if (found != replacements.end()) {
      out.append(found->with);
      at += found->old.size();
    } else if (at < text.size()) {
      out.push_back(text[at++]);
    } else {
      break;
    }
  }
  return Text(context, out);
}

Result Replace(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view old, StringArg(args, 2));
  ASSIGN_OR_RETURN(std::string_view with, StringArg(args, 3));
  Replacement replacement{old, with};
  return ReplaceAll(context, text, {&replacement, 1});
}

Result ReplaceN(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 2));
  std::vector<Replacement> replacements;
  for (const Member& member : args[0].members()) {
    if (!member.key.is_string()) {
      return TypeError("operand 1 non-string key found in pattern object");
    }
    if (!member.value.is_string()) {
      return TypeError("operand 1 non-string value found in pattern object");
    }
    replacements.push_back({member.key.string(), member.value.string()});
  }
  return ReplaceAll(context, text, replacements);
}

enum Sides { kLeft = 1, kRight = 2, kBoth = 3 };

template <typename Test>
std::string_view TrimWhere(std::string_view text, int sides, Test test) {
  while ((sides & kLeft) && !text.empty()) {
    Rune rune = DecodeRune(text);
    if (!test(rune.value)) break;
    text.remove_prefix(rune.size);
  }
  while ((sides & kRight) && !text.empty()) {
    Rune rune = DecodeLastRune(text);
    if (!test(rune.value)) break;
    text.remove_suffix(rune.size);
  }
  return text;
}

BuiltinFunction Trim(int sides) {
  return [sides](BuiltinContext& context, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
    ASSIGN_OR_RETURN(std::string_view cutset, StringArg(args, 2));
    RETURN_IF_ERROR(context.Step(cutset.size()));
    std::bitset<128> ascii;
    for (char c : cutset) {
      if (static_cast<uint8_t>(c) < 128) ascii.set(static_cast<uint8_t>(c));
    }
    if (std::all_of(cutset.begin(), cutset.end(),
                    [](char c) { return static_cast<uint8_t>(c) < 128; })) {
      return Text(context, TrimWhere(text, sides, [&](char32_t rune) {
                    return rune < 128 && ascii.test(static_cast<size_t>(rune));
                  }));
    }
    RETURN_IF_ERROR(context.Step(text.size()));
    std::u32string runes = ToRunes(cutset);
    std::sort(runes.begin(), runes.end());
    return Text(context, TrimWhere(text, sides, [&](char32_t rune) {
                  return std::binary_search(runes.begin(), runes.end(), rune);
                }));
  };
}

Result TrimPrefix(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view prefix, StringArg(args, 2));
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return Text(context, text);
}

Result TrimSuffix(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view suffix, StringArg(args, 2));
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return Text(context, text);
}

std::string_view TrimSpace(std::string_view text) { return TrimWhere(text, kBoth, IsSpaceRune); }

std::string Reverse(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t size = DecodeLastRune(text).size;
    out.append(text.substr(text.size() - size));
    text.remove_suffix(size);
  }
  return out;
}

// Fractions are cut off.
Result FormatInt(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kNumber));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kNumber));
  int64_t base = args[1].is_small() ? args[1].small() : 0;
  if (base != 2 && base != 8 && base != 10 && base != 16) {
    return TypeError("operand 2 must be one of {2, 8, 10, 16}");
  }
  Value number = args[0];
  if (!IsInteger(number)) {
    Rounding rounding = NumberSign(number) < 0 ? Rounding::kCeil : Rounding::kFloor;
    auto whole = RoundNumber(context.arena(), number, rounding);
    if (!whole.ok()) return AsBuiltinError(whole.status());
    number = *whole;
  }
  auto text = IntegerToBase(number, static_cast<int>(base));
  if (!text.ok()) return AsBuiltinError(text.status());
  return Text(context, *text);
}

}  // namespace

void RegisterStringEdits(BuiltinRegistry& registry) {
  registry.Register({"concat", {kString, kArray | kSet}, kString, Concat});
  registry.Register({"replace", {kString, kString, kString}, kString, Replace});
  registry.Register({"strings.replace_n", {kObject, kString}, kString, ReplaceN});
  registry.Register({"trim", {kString, kString}, kString, Trim(kBoth)});
  registry.Register({"trim_left", {kString, kString}, kString, Trim(kLeft)});
  registry.Register({"trim_right", {kString, kString}, kString, Trim(kRight)});
  registry.Register({"trim_prefix", {kString, kString}, kString, TrimPrefix});
  registry.Register({"trim_suffix", {kString, kString}, kString, TrimSuffix});
  registry.Register({"trim_space", {kString}, kString, TextFunction(TrimSpace)});
  registry.Register({"lower", {kString}, kString, TextFunction(ToLower)});
  registry.Register({"upper", {kString}, kString, TextFunction(ToUpper)});
  registry.Register({"strings.reverse", {kString}, kString, TextFunction(Reverse)});
  registry.Register({"format_int", {kNumber, kNumber}, kString, FormatInt});
}

}  // namespace nacre::rego
