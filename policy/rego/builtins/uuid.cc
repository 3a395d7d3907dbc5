// uuid.rfc4122 (random, version 4) and uuid.parse (RFC 4122, DCE 1.1 for version 2).
#include <array>
#include <optional>

#include "base/encoding.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

using Uuid = std::array<uint8_t, 16>;

std::string WithHyphens(ByteView bytes) {
  std::string hex = HexEncode(bytes);
  return StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                hex.substr(16, 4), "-", hex.substr(20));
}

// One answer for one argument throughout an evaluation.
Result Random(BuiltinContext& context, Args args) {
  Value known = context.Recall("uuid.rfc4122", args[0]);
  if (known.defined()) return known;
  Uuid uuid;
  context.Random(uuid);
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
  Value text = Text(context, WithHyphens(uuid));
  context.Remember("uuid.rfc4122", args[0], text);
  return text;
}

// Plain digits, with hyphens, in braces, or after "urn:uuid:".
std::optional<Uuid> ParseUuid(std::string_view text) {
  if (text.size() == 45) {
    std::string_view prefix = text.substr(0, 9);
    for (size_t i = 0; i < prefix.size(); ++i) {
      if ((prefix[i] | 0x20) != ("urn:uuid:"[i] | 0x20)) return std::nullopt;
    }
    text.remove_prefix(9);
  } else if (text.size() == 38) {
    if (!text.starts_with('{') || !text.ends_with('}')) return std::nullopt;
    text = text.substr(1, 36);
  }
  std::string hex(text);
  if (text.size() == 36) {
    for (size_t at : {23, 18, 13, 8}) {
      if (text[at] != '-') return std::nullopt;
      hex.erase(at, 1);
    }
  }
  auto bytes = HexDecode(hex);
  if (!bytes.ok() || bytes->size() != 16) return std::nullopt;
  Uuid uuid;
  std::copy(bytes->begin(), bytes->end(), uuid.begin());
  return uuid;
}

std::string_view VariantOf(const Uuid& uuid) {
  if ((uuid[8] & 0xc0) == 0x80) return "RFC4122";
  if ((uuid[8] & 0xe0) == 0xc0) return "Microsoft";
  if ((uuid[8] & 0xe0) == 0xe0) return "Future";
  return "Reserved";
}

std::string NodeOf(const Uuid& uuid) {
  std::string out;
  for (size_t i = 10; i < 16; ++i) {
    StrAppend(&out, i > 10 ? "-" : "", HexEncode(ByteView(uuid).subspan(i, 1)));
  }
  return out;
}

// 100 ns since 15 October 1582 as nanoseconds since 1970, modulo 2^64 as OPA computes it.
int64_t UnixNanoseconds(const Uuid& uuid) {
  uint64_t low = static_cast<uint64_t>(uuid[0]) << 24 | uuid[1] << 16 | uuid[2] << 8 | uuid[3];
  uint64_t middle = static_cast<uint64_t>(uuid[4]) << 8 | uuid[5];
  uint64_t high = (static_cast<uint64_t>(uuid[6]) << 8 | uuid[7]) & 0xfff;
  uint64_t ticks = high << 48 | middle << 32 | low;
  return static_cast<int64_t>((ticks - 0x01b21dd213814000) * 100);
}

std::string DomainOf(uint8_t domain) {
  if (domain == 0) return "Person";
  if (domain == 1) return "Group";
  if (domain == 2) return "Org";
  return StrCat("Domain", int{domain});
}

Result Parse(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  std::optional<Uuid> uuid = ParseUuid(text);
  if (!uuid.has_value()) return Value();
  const Uuid& bytes = *uuid;
  ObjectBuilder out(context.arena());
  int version = bytes[6] >> 4;
  out.Set("version", Value::Int(version));
  out.Set("variant", Text(context, VariantOf(bytes)));
  if (version == 1 || version == 2) {
    out.Set("nodeid", Text(context, NodeOf(bytes)));
    out.Set("macvariables", Text(context, StrCat((bytes[10] & 2) ? "local:" : "global:",
                                                 (bytes[10] & 1) ? "multicast" : "unicast")));
    out.Set("time", Value::Int(UnixNanoseconds(bytes)));
    out.Set("clocksequence", Value::Int((bytes[8] & 0x3f) << 8 | bytes[9]));
  }
  if (version == 2) {
    uint32_t id = static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    out.Set("id", Value::Int(id));
    out.Set("domain", Text(context, DomainOf(bytes[9])));
  }
  return out.Build();
}

}  // namespace

void RegisterUuid(BuiltinRegistry& registry) {
  registry.Register({.name = "uuid.rfc4122",
                     .args = {kString},
                     .result = kString,
                     .function = Random,
                     .nondeterministic = true});
  registry.Register({"uuid.parse", {kString}, kObject, Parse});
}

}  // namespace nacre::rego
