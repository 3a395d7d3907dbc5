// base64.*, base64url.*, hex.*, urlquery.*. Strings stand for bytes here: what is decoded may be
// any bytes.
#include "base/encoding.h"

#include <map>

#include "policy/rego/builtins/base64.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/url.h"

namespace nacre::rego {
namespace {

BuiltinFunction Decode(absl::StatusOr<std::string> (*decode)(std::string_view)) {
  return [decode](BuiltinContext& context, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
    auto bytes = decode(text);
    if (!bytes.ok()) return AsBuiltinError(bytes.status());
    return Text(context, *bytes);
  };
}

Result Base64IsValid(BuiltinContext&, Args args) {
  return Value::Bool(args[0].is_string() && GoBase64Decode(args[0].string()).ok());
}

std::string Base64(std::string_view text) { return Base64Encode(AsBytes(text)); }
std::string Base64UrlNoPad(std::string_view text) { return Base64UrlEncode(AsBytes(text)); }
std::string Base64Url(std::string_view text) {
  std::string out = Base64UrlNoPad(text);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

std::string Hex(std::string_view text) { return HexEncode(AsBytes(text)); }

absl::StatusOr<std::string> FromHex(std::string_view text) {
  for (char c : text) {
    if (std::string_view("0123456789abcdefABCDEF").find(c) == std::string_view::npos) {
      return absl::InvalidArgumentError(StrCat("encoding/hex: invalid byte: ", DescribeByte(c)));
    }
  }
  auto bytes = HexDecode(text);
  if (!bytes.ok()) return absl::InvalidArgumentError("encoding/hex: odd length hex string");
  return std::string(AsText(*bytes));
}

// {"a": "1", "b": ["2", "3"]} as a=1&b=2&b=3, keys in order.
Result EncodeObject(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  constexpr std::string_view kWrong =
      "operand 1 values must be string, array[string], or set[string]";
  std::string out;
  for (const Member& member : args[0].members()) {
    std::span<const Value> values(&member.value, 1);
    if (member.value.is_array() || member.value.is_set()) values = member.value.elements();
    std::string key =
        QueryEscape(member.key.is_string() ? std::string(member.key.string()) : ToRego(member.key));
    for (const Value& value : values) {
      if (!value.is_string()) return TypeError(kWrong);
      StrAppend(&out, out.empty() ? "" : "&", key, "=", QueryEscape(value.string()));
      RETURN_IF_ERROR(CheckTextSize(out.size()));
    }
  }
  return Text(context, out);
}

Result DecodeObject(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view query, StringArg(args, 1));
  std::map<std::string, std::vector<Value>> values;
  for (std::string_view pair : StrSplit(query, '&')) {
    if (pair.empty()) continue;
    RETURN_IF_ERROR(context.Step(pair.size()));
    if (pair.find(';') != pair.npos) {
      return BuiltinError("invalid semicolon separator in query");
    }
    size_t equals = std::min(pair.find('='), pair.size());
    auto key = QueryUnescape(pair.substr(0, equals));
    if (!key.ok()) return AsBuiltinError(key.status());
    auto value = QueryUnescape(pair.substr(std::min(equals + 1, pair.size())));
    if (!value.ok()) return AsBuiltinError(value.status());
    values[*key].push_back(Text(context, *value));
  }
  ObjectBuilder out(context.arena(), values.size());
  for (const auto& [key, list] : values) out.Set(key, Value::Array(context.arena(), list));
  return out.Build();
}

}  // namespace

void RegisterEncoding(BuiltinRegistry& registry) {
  registry.Register({"base64.encode", {kString}, kString, TextFunction(Base64)});
  registry.Register({"base64.decode", {kString}, kString, Decode(GoBase64Decode)});
  registry.Register({"base64.is_valid", {kString}, kBoolean, Base64IsValid});
  registry.Register({"base64url.encode", {kString}, kString, TextFunction(Base64Url)});
  registry.Register({"base64url.encode_no_pad", {kString}, kString, TextFunction(Base64UrlNoPad)});
  registry.Register({"base64url.decode", {kString}, kString, Decode(GoBase64UrlDecode)});
  registry.Register({"hex.encode", {kString}, kString, TextFunction(Hex)});
  registry.Register({"hex.decode", {kString}, kString, Decode(FromHex)});
  registry.Register({"urlquery.encode", {kString}, kString, TextFunction(QueryEscape)});
  registry.Register({"urlquery.decode", {kString}, kString, Decode(QueryUnescape)});
  registry.Register({"urlquery.encode_object", {kObject}, kString, EncodeObject});
  registry.Register({"urlquery.decode_object", {kString}, kObject, DecodeObject});
}

}  // namespace nacre::rego
