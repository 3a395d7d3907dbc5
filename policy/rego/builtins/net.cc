// net.cidr_*, and net.lookup_ip_addr for what needs no look-up. Addresses are 128-bit numbers; IPv4
// has its own family, and IPv4-mapped IPv6 (::ffff:a.b.c.d) counts as IPv4, as in Go.
#include <arpa/inet.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

using Bits = unsigned __int128;

struct Address {
  bool v4 = false;
  Bits bits = 0;
};

struct Network {
  Address address;  // as written, host bits and all
  int prefix = 0;

  int width() const { return address.v4 ? 32 : 128; }
  Bits host_mask() const {
    int host = width() - prefix;
    return host == 128 ? ~Bits{0} : (Bits{1} << host) - 1;
  }
  Bits first() const { return address.bits & ~host_mask(); }
  Bits last() const { return address.bits | host_mask(); }
};

std::optional<Address> ParseAddress(std::string_view text) {
  std::string terminated(text);
  uint8_t bytes[16] = {};
  Address out;
  if (terminated.size() != std::string_view(terminated.c_str()).size()) return std::nullopt;
  out.v4 = text.find(':') == text.npos;
  if (inet_pton(out.v4 ? AF_INET : AF_INET6, terminated.c_str(), bytes) != 1) return std::nullopt;
  for (int i = 0; i < (out.v4 ? 4 : 16); ++i) out.bits = out.bits << 8 | bytes[i];
  if (!out.v4 && out.bits >> 32 == 0xffff) {
    out.v4 = true;
    out.bits &= 0xffffffff;
  }
  return out;
}

std::string FormatAddress(const Address& address) {
  uint8_t bytes[16];
  int size = address.v4 ? 4 : 16;
  for (int i = 0; i < size; ++i)
    bytes[i] = static_cast<uint8_t>(address.bits >> (8 * (size - 1 - i)));
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(address.v4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
}

std::string FormatNetwork(const Network& network) {
  return StrCat(FormatAddress(network.address), "/", network.prefix);
}

absl::StatusOr<Network> ParseNetwork(std::string_view text) {
  absl::Status invalid = BuiltinError(StrCat("invalid CIDR address: ", text));
  size_t slash = text.find('/');
  if (slash == text.npos) return invalid;
  std::string_view written = text.substr(0, slash);
  std::optional<Address> address = ParseAddress(written);
  int prefix = 0;
  std::string_view digits = text.substr(slash + 1);
  if (!address.has_value() || digits.starts_with('-') || digits.size() > 3) return invalid;
  if (!ParseNumber(digits, &prefix)) return invalid;
  bool v6_text = written.find(':') != written.npos;
  if (prefix > (v6_text ? 128 : 32)) return invalid;
  if (v6_text && address->v4) {  // mapped: IPv4 when the prefix covers the mapping
    if (prefix >= 96) return Network{*address, prefix - 96};
    address = Address{false, Bits{0xffff} << 32 | address->bits};
  }
  return Network{*address, prefix};
}

absl::StatusOr<Network> NetworkArg(Args args, int operand) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, operand));
  return ParseNetwork(text);
}

bool Inside(const Network& network, const Address& address) {
  return network.address.v4 == address.v4 && network.first() <= address.bits &&
         address.bits <= network.last();
}

// `other`: an address or a network.
absl::StatusOr<bool> ContainsText(const Network& network, std::string_view other) {
  if (std::optional<Address> address = ParseAddress(other)) return Inside(network, *address);
  auto inner = ParseNetwork(other);
  if (!inner.ok()) {
    return BuiltinError(
        StrCat("not a valid textual representation of an IP address or CIDR: ", other));
  }
  return network.address.v4 == inner->address.v4 && network.first() <= inner->first() &&
         inner->last() <= network.last();
}

Result Contains(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(Network network, NetworkArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view other, StringArg(args, 2));
  ASSIGN_OR_RETURN(bool contains, ContainsText(network, other));
  return Value::Bool(contains);
}

Result Intersects(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(Network a, NetworkArg(args, 1));
  ASSIGN_OR_RETURN(Network b, NetworkArg(args, 2));
  return Value::Bool(a.address.v4 == b.address.v4 && a.first() <= b.last() &&
                     b.first() <= a.last());
}

Result IsValid(BuiltinContext&, Args args) {
  return Value::Bool(args[0].is_string() && ParseNetwork(args[0].string()).ok());
}

// What one operand of cidr_contains_matches holds: each CIDR with the key it is reported under.
struct Keyed {
  Value key;
  std::string_view text;
};

absl::StatusOr<std::vector<Keyed>> KeyedTexts(const Value& value, int operand) {
  std::vector<Keyed> out;
  auto add = [&](const Value& key, const Value& element) -> absl::Status {
    Value text = element;
    if (element.is_array() && element.size() > 0) text = element.elements()[0];
    if (text.is_string() && (element.is_string() || element.is_array())) {
      out.push_back({key, text.string()});
      return absl::OkStatus();
    }
    return BuiltinError(StrCat("operand ", operand, ": element must be string or non-empty array"));
  };
  if (value.is_string()) RETURN_IF_ERROR(add(value, value));
  if (value.is_object()) {
    for (const Member& member : value.members()) RETURN_IF_ERROR(add(member.key, member.value));
  }
  if (value.is_array() || value.is_set()) {
    int64_t index = 0;
    for (const Value& element : value.elements()) {
      RETURN_IF_ERROR(add(value.is_set() ? element : Value::Int(index++), element));
    }
  }
  return out;
}

Result ContainsMatches(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::vector<Keyed> networks, KeyedTexts(args[0], 1));
  ASSIGN_OR_RETURN(std::vector<Keyed> others, KeyedTexts(args[1], 2));
  SetBuilder out(context.arena());
  for (const Keyed& outer : networks) {
    if (others.empty()) break;
    ASSIGN_OR_RETURN(Network network, ParseNetwork(outer.text));
    for (const Keyed& inner : others) {
      RETURN_IF_ERROR(context.Step(20));
      ASSIGN_OR_RETURN(bool contains, ContainsText(network, inner.text));
      if (contains) out.Add(Value::Array(context.arena(), {outer.key, inner.key}));
    }
  }
  return out.Build();
}

Result Expand(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(Network network, NetworkArg(args, 1));
  SetBuilder out(context.arena());
  Bits bits = network.first();
  while (true) {
    RETURN_IF_ERROR(context.Step(20));
    out.Add(Text(context, FormatAddress({network.address.v4, bits})));
    if (bits == network.last() || context.arena().failure() != Arena::Failure::kNone) break;
    ++bits;
  }
  return out.Build();
}

// A bare IPv4 address stands for the network of its old class: A /8, B /16, C /24; classes D and E
// have none and stand for themselves.
absl::StatusOr<Network> MergeElement(const Value& element) {
  if (!element.is_string()) return BuiltinError("element must be string");
  std::optional<Address> address = ParseAddress(element.string());
  if (!address.has_value()) {
    ASSIGN_OR_RETURN(Network network, ParseNetwork(element.string()));
    network.address.bits = network.first();
    return network;
  }
  if (!address->v4) return BuiltinError("IPv6 invalid: needs prefix length");
  Bits top = address->bits >> 24;
  return Network{*address, top < 128 ? 8 : top < 192 ? 16 : 24};
}

// A run of addresses, and the network it was as long as nothing was merged into it.
struct Run {
  bool v4;
  Bits first, last;
  std::optional<Network> whole;
};

// The fewest networks that make up the run exactly.
absl::Status AppendNetworks(BuiltinContext& context, const Run& run, SetBuilder& out) {
  int width = run.v4 ? 32 : 128;
  Bits first = run.first;
  while (true) {
    RETURN_IF_ERROR(context.Step(20));
    int host = 0;  // the largest network that begins here and fits
    while (host < width) {
      Bits mask = host + 1 == 128 ? ~Bits{0} : (Bits{1} << (host + 1)) - 1;
      if ((first & mask) != 0 || run.last - first < mask) break;
      ++host;
    }
    out.Add(Text(context, FormatNetwork({{run.v4, first}, width - host})));
    Bits size_less_one = host == 128 ? ~Bits{0} : (Bits{1} << host) - 1;
    if (run.last - first <= size_less_one) return absl::OkStatus();
    first += size_less_one + 1;
  }
}

Result Merge(BuiltinContext& context, Args args) {
  if (!args[0].is_array() && !args[0].is_set()) return BuiltinError("operand must be an array");
  std::vector<Run> runs;
  for (const Value& element : args[0].elements()) {
    RETURN_IF_ERROR(context.Step(20));
    ASSIGN_OR_RETURN(Network network, MergeElement(element));
    runs.push_back({network.address.v4, network.first(), network.last(), network});
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    if (a.v4 != b.v4) return a.v4;
    return a.last != b.last ? a.last < b.last : a.first < b.first;
  });
  // From the far end, each run into the one before it when they touch.
  std::vector<Run> merged;
  while (!runs.empty()) {
    Run run = runs.back();
    runs.pop_back();
    if (!runs.empty() && runs.back().v4 == run.v4 &&
        (run.first == 0 || run.first - 1 <= runs.back().last)) {
      runs.back() = {run.v4, std::min(run.first, runs.back().first), run.last, std::nullopt};
    } else {
      merged.push_back(run);
    }
  }
  SetBuilder out(context.arena());
  for (const Run& run : merged) {
    if (run.whole.has_value()) {
      out.Add(Text(context, FormatNetwork(*run.whole)));
    } else {
      RETURN_IF_ERROR(AppendNetworks(context, run, out));
    }
  }
  return out.Build();
}

// Names would need the network, which policies have no access to.
Result LookupIpAddr(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view name, StringArg(args, 1));
  std::optional<Address> address = ParseAddress(name);
  if (!address.has_value()) {
    return BuiltinError(StrCat("lookup ", name, ": policies have no network"));
  }
  SetBuilder out(context.arena());
  out.Add(Text(context, FormatAddress(*address)));
  return out.Build();
}

}  // namespace

void RegisterNet(BuiltinRegistry& registry) {
  constexpr KindMask kMany = kString | kArray | kSet | kObject;
  registry.Register({"net.cidr_contains", {kString, kString}, kBoolean, Contains});
  registry.Register({"net.cidr_overlap", {kString, kString}, kBoolean, Contains});
  registry.Register({"net.cidr_intersects", {kString, kString}, kBoolean, Intersects});
  registry.Register({"net.cidr_is_valid", {kString}, kBoolean, IsValid});
  registry.Register({"net.cidr_contains_matches", {kMany, kMany}, kSet, ContainsMatches});
  registry.Register({"net.cidr_expand", {kString}, kSet, Expand});
  registry.Register({"net.cidr_merge", {kArray | kSet}, kSet, Merge});
  registry.Register({.name = "net.lookup_ip_addr",
                     .args = {kString},
                     .result = kSet,
                     .function = LookupIpAddr,
                     .nondeterministic = true});
}

}  // namespace nacre::rego
