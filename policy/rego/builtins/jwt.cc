// io.jwt.decode, io.jwt.verify_* and io.jwt.decode_verify (RFC 7519 section 7.2). The algorithm is
// the caller's or must fit the key: a public key never serves as an HMAC secret.
#include <cmath>
#include <optional>

#include "base/encoding.h"
#include "policy/rego/builtins/base64.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/jwk_key.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/json.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

constexpr int kMaxNesting = 16;  // tokens inside tokens
constexpr uint64_t kVerifySteps = 20'000;

struct Token {
  std::string_view header, payload, signature;  // base64url
  std::string_view Signed() const { return {header.data(), header.size() + 1 + payload.size()}; }
  Value decoded_header;
};

absl::StatusOr<std::string> Decode(std::string_view base64, std::string_view part) {
  auto bytes = GoBase64UrlDecode(base64);
  if (bytes.ok()) return bytes;
  if (part.empty()) return AsBuiltinError(bytes.status());
  return BuiltinError(StrCat("JWT ", part, " had invalid encoding: ", Message(bytes.status())));
}

absl::StatusOr<Value> JsonObject(BuiltinContext& context, std::string_view text,
                                 std::string_view prefix) {
  auto value = ValueFromJson(context.arena(), text);
  if (!value.ok()) {
    return BuiltinError(StrCat(prefix, "invalid JSON: ", Message(value.status())));
  }
  if (!value->is_object()) {
    return BuiltinError(StrCat(prefix, "decoded JSON type was not an Object"));
  }
  return value;
}

absl::StatusOr<Token> SplitToken(std::string_view text) {
  if (text.find('.') == text.npos) {
    return BuiltinError("encoded JWT had no period separators");
  }
  std::vector<std::string_view> parts = StrSplit(text, '.');
  if (parts.size() != 3) {
    return BuiltinError(StrCat("encoded JWT must have 3 sections, found ", parts.size()));
  }
  return Token{parts[0], parts[1], parts[2], {}};
}

absl::Status DecodeHeader(BuiltinContext& context, Token* token) {
  ASSIGN_OR_RETURN(std::string text, Decode(token->header, "header"));
  ASSIGN_OR_RETURN(token->decoded_header, JsonObject(context, text, "bad JWT header: "));
  if (!token->decoded_header.Get("enc").defined()) return absl::OkStatus();
  return BuiltinError("JWT is a JWE object, which is not supported");
}

// What verification needs of a header.
struct Header {
  std::string_view algorithm, key_id, content_type;
  bool valid = true;  // has an algorithm and no critical member that nobody here knows
};

absl::StatusOr<Header> ReadHeader(const Value& object) {
  Header out;
  for (auto [name, where] : {std::pair{"alg", &out.algorithm}, std::pair{"kid", &out.key_id},
                             std::pair{"cty", &out.content_type}}) {
    Value member = object.Get(name);
    if (!member.defined()) continue;
    if (!member.is_string()) return BuiltinError(StrCat(name, ": must be a string"));
    *where = member.string();
  }
  Value type = object.Get("typ");
  if (type.defined() && !type.is_string()) return BuiltinError("typ: must be a string");
  Value critical = object.Get("crit");
  if (critical.defined()) {
    if (!critical.is_array()) return BuiltinError("crit: must be a list");
    if (critical.size() == 0) return BuiltinError("crit: must be a nonempty list");
    for (const Value& name : critical.elements()) {
      if (!name.is_string()) return BuiltinError("crit: must be a list of strings");
      std::string_view text = name.string();
      bool known =
          text == "alg" || text == "kid" || text == "typ" || text == "cty" || text == "crit";
      if (!known && object.Get(text).defined()) out.valid = false;
    }
  }
  if (out.algorithm.empty()) out.valid = false;
  return out;
}

Result DecodeToken(BuiltinContext& context, std::string_view text, int nesting) {
  if (nesting > kMaxNesting) return BuiltinError("JWT is nested too deep");
  RETURN_IF_ERROR(context.Step(text.size()));
  ASSIGN_OR_RETURN(Token token, SplitToken(text));
  RETURN_IF_ERROR(DecodeHeader(context, &token));
  ASSIGN_OR_RETURN(std::string payload, Decode(token.payload, "payload"));
  Value content = token.decoded_header.Get("cty");
  if (content.is_string() && content.string() == "JWT") {
    std::string_view inner = payload;  // often in quotes
    while (!inner.empty() && (inner[0] == '"' || inner[0] == '\'')) inner.remove_prefix(1);
    while (!inner.empty() && (inner.back() == '"' || inner.back() == '\'')) inner.remove_suffix(1);
    return DecodeToken(context, inner, nesting + 1);
  }
  ASSIGN_OR_RETURN(Value claims, JsonObject(context, payload, ""));
  ASSIGN_OR_RETURN(std::string signature, Decode(token.signature, "signature"));
  return Value::Array(context.arena(),
                      {token.decoded_header, claims, Text(context, HexEncode(AsBytes(signature)))});
}

Result DecodeJwt(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  return DecodeToken(context, text, 0);
}

// The keys of a certificate, a public key (both PEM), a JWK or a set of them. Keys made for an
// algorithm nobody here knows are left out.
absl::StatusOr<std::vector<Jwk>> ReadKeys(BuiltinContext& context, std::string_view text) {
  RETURN_IF_ERROR(context.Step(kVerifySteps + text.size()));
  auto pem = KeyFromPem(text);
  if (pem.ok()) {
    std::vector<Jwk> out(1);
    out[0].key = *std::move(pem);
    return out;
  }
  if (pem.status().code() != absl::StatusCode::kNotFound) return AsBuiltinError(pem.status());
  auto value = ValueFromJson(context.arena(), text);
  auto keys = value.ok() ? JwksFromValue(*value) : value.status();
  if (!keys.ok()) {
    return BuiltinError(StrCat("failed to parse a JWK key (set): ", Message(keys.status())));
  }
  std::erase_if(*keys, [](const Jwk& key) {
    return !key.algorithm.empty() && FindSignatureAlgorithm(key.algorithm) == nullptr;
  });
  return keys;
}

// With the key the header names when there is one; otherwise with any that is for no other
// algorithm than the header's.
absl::StatusOr<bool> VerifyWithKeys(BuiltinContext& context, const SignatureAlgorithm& algorithm,
                                    const Header& header, const std::vector<Jwk>& keys,
                                    std::string_view data, std::string_view signature) {
  for (const Jwk& key : keys) {
    if (header.key_id.empty() || key.id != header.key_id) continue;
    RETURN_IF_ERROR(context.Step(kVerifySteps + data.size()));
    return VerifySignature(algorithm, key.key, data, signature);
  }
  for (const Jwk& key : keys) {
    if (!key.algorithm.empty() && key.algorithm != header.algorithm) continue;
    RETURN_IF_ERROR(context.Step(kVerifySteps + data.size()));
    if (VerifySignature(algorithm, key.key, data, signature)) return true;
  }
  return false;
}

BuiltinFunction VerifyJwt(std::string_view name) {
  const SignatureAlgorithm* algorithm = FindSignatureAlgorithm(name);
  return [algorithm](BuiltinContext& context, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
    ASSIGN_OR_RETURN(Token token, SplitToken(text));
    ASSIGN_OR_RETURN(std::string_view key_text, StringArg(args, 2));
    if (algorithm->family == SignatureFamily::kHmac) {
      RETURN_IF_ERROR(context.Step(text.size()));
      ASSIGN_OR_RETURN(std::string mac, Decode(token.signature, ""));
      SignatureKey secret{std::string(key_text), nullptr};
      return Value::Bool(VerifySignature(*algorithm, secret, token.Signed(), mac));
    }
    ASSIGN_OR_RETURN(std::vector<Jwk> keys, ReadKeys(context, key_text));
    ASSIGN_OR_RETURN(std::string signature, Decode(token.signature, ""));
    RETURN_IF_ERROR(DecodeHeader(context, &token));
    ASSIGN_OR_RETURN(Header header, ReadHeader(token.decoded_header));
    ASSIGN_OR_RETURN(bool good,
                     VerifyWithKeys(context, *algorithm, header, keys, token.Signed(), signature));
    return Value::Bool(good);
  };
}

struct Constraints {
  std::optional<std::vector<Jwk>> keys;
  std::string_view secret, algorithm, issuer, audience;
  double seconds = 0;  // since 1970
};

absl::StatusOr<Constraints> ReadConstraints(BuiltinContext& context, const Value& object) {
  Constraints out;
  out.seconds = static_cast<double>(context.now_ns()) / 1e9;
  for (const auto& [key, value] : object.members()) {
    std::string_view name = key.is_string() ? key.string() : "";
    if (name == "time") {
      if (!value.is_number()) return BuiltinError("token time constraint: must be a number");
      out.seconds = ToDouble(value) / 1e9;
      if (out.seconds < 0) return BuiltinError("token time constraint: must not be negative");
      continue;
    }
    std::string_view* where = name == "secret" ? &out.secret
                              : name == "alg"  ? &out.algorithm
                              : name == "iss"  ? &out.issuer
                              : name == "aud"  ? &out.audience
                                               : nullptr;
    if (where == nullptr && name != "cert") {
      return BuiltinError(StrCat("unknown token validation constraint: ", name));
    }
    if (!value.is_string()) return BuiltinError(StrCat(name, " constraint: must be a string"));
    if (where != nullptr) {
      *where = value.string();
    } else {
      ASSIGN_OR_RETURN(out.keys, ReadKeys(context, value.string()));
    }
  }
  if (out.keys.has_value() && !out.secret.empty()) return BuiltinError("duplicate key constraints");
  if (!out.keys.has_value() && out.secret.empty()) return BuiltinError("no key constraint");
  return out;
}

absl::StatusOr<bool> VerifyByConstraints(BuiltinContext& context, const Constraints& constraints,
                                         const Header& header, const Token& token,
                                         std::string_view signature) {
  const SignatureAlgorithm* algorithm = FindSignatureAlgorithm(header.algorithm);
  if (algorithm == nullptr) return false;
  if (constraints.keys.has_value()) {
    if (algorithm->family == SignatureFamily::kHmac) return false;
    return VerifyWithKeys(context, *algorithm, header, *constraints.keys, token.Signed(),
                          signature);
  }
  SignatureKey secret{std::string(constraints.secret), nullptr};
  return VerifySignature(*algorithm, secret, token.Signed(), signature);
}

bool AudienceFits(const Value& audience, std::string_view wanted) {
  auto fits = [&](const Value& one) { return one.is_string() && one.string() == wanted; };
  if (!audience.is_array()) return fits(audience);
  for (const Value& one : audience.elements()) {
    if (fits(one)) return true;
  }
  return false;
}

// RFC 7519 section 4.1: issuer, audience, expiry, start.
absl::StatusOr<bool> ClaimsHold(BuiltinContext& context, const Constraints& constraints,
                                const Value& claims) {
  Value issuer = claims.Get("iss");
  if (!constraints.issuer.empty() &&
      !(issuer.is_string() && issuer.string() == constraints.issuer)) {
    return false;
  }
  Value audience = claims.Get("aud");
  if (audience.defined() ? !AudienceFits(audience, constraints.audience)
                         : !constraints.audience.empty()) {
    return false;
  }
  Value now = NumberFromDouble(context.arena(), constraints.seconds);
  Value expiry = claims.Get("exp");
  if (expiry.defined() && !expiry.is_number()) return BuiltinError("exp value must be a number");
  if (expiry.defined() && CompareNumbers(now, expiry) >= 0) return false;
  Value start = claims.Get("nbf");
  if (start.defined() && !start.is_number()) return BuiltinError("nbf value must be a number");
  return !start.defined() || CompareNumbers(now, start) >= 0;
}

bool IsJwt(std::string_view content_type) {
  return content_type.size() == 3 && (content_type[0] | 0x20) == 'j' &&
         (content_type[1] | 0x20) == 'w' && (content_type[2] | 0x20) == 't';
}

Result DecodeVerify(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kObject));
  ASSIGN_OR_RETURN(Constraints constraints, ReadConstraints(context, args[1]));
  Value refused = Value::Array(context.arena(),
                               {Value::Bool(false), Value::EmptyObject(), Value::EmptyObject()});
  std::string outer;  // keeps what `text` views from the second round on
  for (int nesting = 0; nesting <= kMaxNesting; ++nesting) {
    RETURN_IF_ERROR(context.Step(text.size()));
    ASSIGN_OR_RETURN(Token token, SplitToken(text));
    RETURN_IF_ERROR(DecodeHeader(context, &token));
    ASSIGN_OR_RETURN(Header header, ReadHeader(token.decoded_header));
    if (!header.valid) return refused;
    if (!constraints.algorithm.empty() && constraints.algorithm != header.algorithm) return refused;
    ASSIGN_OR_RETURN(std::string signature, Decode(token.signature, ""));
    ASSIGN_OR_RETURN(bool verified,
                     VerifyByConstraints(context, constraints, header, token, signature));
    if (!verified) return refused;
    ASSIGN_OR_RETURN(std::string payload, Decode(token.payload, "payload"));
    if (IsJwt(header.content_type)) {
      outer = std::move(payload);
      text = outer;
      continue;
    }
    ASSIGN_OR_RETURN(Value claims, JsonObject(context, payload, ""));
    ASSIGN_OR_RETURN(bool hold, ClaimsHold(context, constraints, claims));
    if (!hold) return refused;
    return Value::Array(context.arena(), {Value::Bool(true), token.decoded_header, claims});
  }
  return BuiltinError("JWT is nested too deep");
}

}  // namespace

void RegisterJwt(BuiltinRegistry& registry) {
  registry.Register({"io.jwt.decode", {kString}, kArray, DecodeJwt});
  registry.Register({.name = "io.jwt.decode_verify",
                     .args = {kString, kObject},
                     .result = kArray,
                     .function = DecodeVerify,
                     .nondeterministic = true});
  const std::pair<std::string_view, std::string_view> kVerifiers[] = {
      {"hs256", "HS256"}, {"hs384", "HS384"}, {"hs512", "HS512"}, {"rs256", "RS256"},
      {"rs384", "RS384"}, {"rs512", "RS512"}, {"ps256", "PS256"}, {"ps384", "PS384"},
      {"ps512", "PS512"}, {"es256", "ES256"}, {"es384", "ES384"}, {"es512", "ES512"},
      {"eddsa", "EdDSA"}};
  for (const auto& [name, algorithm] : kVerifiers) {
    registry.Register(
        {StrCat("io.jwt.verify_", name), {kString, kString}, kBoolean, VerifyJwt(algorithm)});
  }
}

}  // namespace nacre::rego
