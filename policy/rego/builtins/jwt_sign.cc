// io.jwt.encode_sign (objects) and io.jwt.encode_sign_raw (the very bytes to sign).
#include "base/encoding.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/jwk_key.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

absl::StatusOr<const SignatureAlgorithm*> AlgorithmOf(const absl::StatusOr<Value>& header) {
  constexpr std::string_view kContext = "missing or invalid 'alg' header: ";
  if (!header.ok()) return BuiltinError(StrCat(kContext, "cannot parse JSON"));
  Value name = header->Get("alg");
  if (!name.defined()) return BuiltinError(StrCat(kContext, "jwsbb: header \"alg\" not found"));
  if (!name.is_string()) {
    return BuiltinError(
        StrCat(kContext, "value doesn't contain string; it contains ", KindName(name.kind())));
  }
  const SignatureAlgorithm* algorithm = FindSignatureAlgorithm(name.string());
  if (algorithm != nullptr) return algorithm;
  return BuiltinError(StrCat("unknown JWS algorithm: ", name.string()));
}

Result Sign(BuiltinContext& context, std::string_view header, std::string_view payload,
            const absl::StatusOr<Value>& key) {
  RETURN_IF_ERROR(CheckTextSize(header.size() + payload.size()));
  if (!key.ok()) return BuiltinError(StrCat("jwk.Parse: ", Message(key.status())));
  auto keys = JwksFromValue(*key);
  if (!keys.ok()) return BuiltinError(StrCat("jwk.Parse: ", Message(keys.status())));
  if (keys->empty()) return BuiltinError("no keys found in JWK set");
  auto parsed = ValueFromJson(context.arena(), header);
  ASSIGN_OR_RETURN(const SignatureAlgorithm* algorithm, AlgorithmOf(parsed));
  Value type = parsed->Get("typ");
  bool claims = !type.is_string() || type.string() == "JWT";
  if (claims && !ValueFromJson(context.arena(), payload).ok()) {
    return BuiltinError("type is JWT but payload is not JSON");
  }
  RETURN_IF_ERROR(context.Step(100'000 + header.size() + payload.size()));  // a private operation
  std::string text =
      StrCat(Base64UrlEncode(AsBytes(header)), ".", Base64UrlEncode(AsBytes(payload)));
  auto signature = MakeSignature(*algorithm, keys->front().key, text);
  if (!signature.ok()) return AsBuiltinError(signature.status());
  return Text(context, StrCat(text, ".", Base64UrlEncode(AsBytes(*signature))));
}

Result EncodeSign(BuiltinContext& context, Args args) {
  for (int i = 1; i <= 3; ++i) RETURN_IF_ERROR(WantKind(args, i, Kind::kObject));
  return Sign(context, GoJson(args[0]), GoJson(args[1]), args[2]);
}

Result EncodeSignRaw(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view key, StringArg(args, 3));
  ASSIGN_OR_RETURN(std::string_view header, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view payload, StringArg(args, 2));
  return Sign(context, header, payload, ValueFromJson(context.arena(), key));
}

}  // namespace

void RegisterJwtSign(BuiltinRegistry& registry) {
  registry.Register({.name = "io.jwt.encode_sign",
                     .args = {kObject, kObject, kObject},
                     .result = kString,
                     .function = EncodeSign,
                     .nondeterministic = true});
  registry.Register({.name = "io.jwt.encode_sign_raw",
                     .args = {kString, kString, kString},
                     .result = kString,
                     .function = EncodeSignRaw,
                     .nondeterministic = true});
}

}  // namespace nacre::rego
