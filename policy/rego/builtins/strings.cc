// Looking into text: contains, startswith, indexof, substring, split, strings.any_prefix_match...
// Positions count characters, not bytes.
#include <algorithm>
#include <bit>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

// Calls `visit` with each place where `search` stands in `base`, also overlapping itself, as a
// character's number, until it returns true.
template <typename Visit>
absl::Status VisitPositions(BuiltinContext& context, Args args, Visit visit) {
  ASSIGN_OR_RETURN(std::string_view base, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view search, StringArg(args, 2));
  if (search.empty()) return BuiltinError("empty search character");
  size_t from = 0, counted = 0;
  int64_t runes = 0;
  while (true) {
    size_t at = FindText(base, search, from);
    if (at == base.npos) return absl::OkStatus();
    RETURN_IF_ERROR(context.Step());
    runes += static_cast<int64_t>(CountRunes(base.substr(counted, at - counted)));
    counted = at;
    if (visit(runes)) return absl::OkStatus();
    from = at + DecodeRune(base.substr(at)).size;
  }
}

Result IndexOf(BuiltinContext& context, Args args) {
  int64_t first = -1;
  RETURN_IF_ERROR(VisitPositions(context, args, [&](int64_t position) {
    first = position;
    return true;
  }));
  return Value::Int(first);
}

Result IndexOfN(BuiltinContext& context, Args args) {
  ArrayBuilder out(context.arena());
  RETURN_IF_ERROR(VisitPositions(context, args, [&](int64_t position) {
    out.Add(Value::Int(position));
    return false;
  }));
  return out.Build();
}

// A negative length means to the end.
Result Substring(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view base, StringArg(args, 1));
  ASSIGN_OR_RETURN(int64_t offset, IntArg(args, 2));
  ASSIGN_OR_RETURN(int64_t length, IntArg(args, 3));
  if (offset < 0) return BuiltinError("negative offset");
  for (int64_t i = 0; i < offset && !base.empty(); ++i) base.remove_prefix(DecodeRune(base).size);
  size_t end = length < 0 ? base.size() : 0;
  for (int64_t i = 0; i < length && end < base.size(); ++i) {
    end += DecodeRune(base.substr(end)).size;
  }
  return Text(context, base.substr(0, end));
}

// The parts between separators; with an empty separator every character is a part.
std::vector<std::string_view> Split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> out;
  if (separator.empty()) {
    while (!text.empty()) {
      size_t size = DecodeRune(text).size;
      out.push_back(text.substr(0, size));
      text.remove_prefix(size);
    }
    return out;
  }
  for (size_t at = FindText(text, separator); at != text.npos; at = FindText(text, separator)) {
    out.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  out.push_back(text);
  return out;
}

Result SplitText(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view separator, StringArg(args, 2));
  return StringArray(context, Split(text, separator));
}

// The first n parts, or the last -n.
Result SplitN(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view separator, StringArg(args, 2));
  ASSIGN_OR_RETURN(int64_t count, IntArg(args, 3));
  std::vector<std::string_view> parts = Split(text, separator);
  std::span<const std::string_view> chosen = parts;
  int64_t size = static_cast<int64_t>(parts.size());
  if (count >= 0) {
    chosen = chosen.first(size_t(std::min(count, size)));
  } else if (count > -size) {
    chosen = chosen.last(size_t(-count));
  }
  return StringArray(context, chosen);
}

// Counted without overlap; an empty text stands between all characters.
Result CountText(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view search, StringArg(args, 2));
  if (search.empty()) return Value::Int(static_cast<int64_t>(CountRunes(text)) + 1);
  int64_t count = 0;
  for (size_t at = FindText(text, search); at != text.npos;
       at = FindText(text, search, at + search.size())) {
    ++count;
  }
  return Value::Int(count);
}

bool StartsWith(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }
bool EndsWith(std::string_view text, std::string_view suffix) { return text.ends_with(suffix); }

// Sorting the texts and looking for the others among them.
uint64_t LookupWork(std::span<const std::string_view> texts,
                    std::span<const std::string_view> others) {
  uint64_t bytes = 0;
  for (std::string_view text : texts) bytes += text.size();
  for (std::string_view text : others) bytes += text.size();
  return texts.size() + others.size() +
         bytes / 32 * static_cast<uint64_t>(std::bit_width(texts.size()));
}

// True when one of the texts begins (or ends) with one of the others. Texts that share a beginning
// stand together when sorted, right after the beginning itself, so one look per beginning is
// enough.
Result AnyPrefix(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::vector<std::string_view> texts, StringsArg(args, 1, true));
  ASSIGN_OR_RETURN(std::vector<std::string_view> prefixes, StringsArg(args, 2, true));
  RETURN_IF_ERROR(context.Step(LookupWork(texts, prefixes)));
  std::sort(texts.begin(), texts.end());
  for (std::string_view prefix : prefixes) {
    auto found = std::lower_bound(texts.begin(), texts.end(), prefix);
    if (found != texts.end() && found->starts_with(prefix)) return Value::Bool(true);
  }
  return Value::Bool(false);
}

// The same from the other end.
Result AnySuffix(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::vector<std::string_view> texts, StringsArg(args, 1, true));
  ASSIGN_OR_RETURN(std::vector<std::string_view> suffixes, StringsArg(args, 2, true));
  RETURN_IF_ERROR(context.Step(LookupWork(texts, suffixes)));
  auto before = [](std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  };
  std::sort(texts.begin(), texts.end(), before);
  for (std::string_view suffix : suffixes) {
    auto found = std::lower_bound(texts.begin(), texts.end(), suffix, before);
    if (found != texts.end() && found->ends_with(suffix)) return Value::Bool(true);
  }
  return Value::Bool(false);
}

}  // namespace

void RegisterStrings(BuiltinRegistry& registry) {
  constexpr KindMask kTexts = kString | kArray | kSet;
  auto contains = [](std::string_view a, std::string_view b) { return FindText(a, b) != a.npos; };
  registry.Register({"contains", {kString, kString}, kBoolean, TextTest(contains)});
  registry.Register({"startswith", {kString, kString}, kBoolean, TextTest(StartsWith)});
  registry.Register({"endswith", {kString, kString}, kBoolean, TextTest(EndsWith)});
  registry.Register({"indexof", {kString, kString}, kNumber, IndexOf});
  registry.Register({"indexof_n", {kString, kString}, kArray, IndexOfN});
  registry.Register({"substring", {kString, kNumber, kNumber}, kString, Substring});
  registry.Register({"split", {kString, kString}, kArray, SplitText});
  registry.Register({"strings.split_n", {kString, kString, kNumber}, kArray, SplitN});
  registry.Register({"strings.count", {kString, kString}, kNumber, CountText});
  registry.Register({"strings.any_prefix_match", {kTexts, kTexts}, kBoolean, AnyPrefix});
  registry.Register({"strings.any_suffix_match", {kTexts, kTexts}, kBoolean, AnySuffix});
}

}  // namespace nacre::rego
