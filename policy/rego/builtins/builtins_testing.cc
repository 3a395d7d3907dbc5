#include "policy/rego/builtins/builtins_testing.h"

#include "base/strings.h"
#include "policy/rego/builtins/builtins.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

// {"set": [...]} becomes a set.
Value WithSets(Arena& arena, const Value& value) {
  if (value.is_array()) {
    ArrayBuilder out(arena);
    for (const Value& element : value.elements()) out.Add(WithSets(arena, element));
    return out.Build();
  }
  if (!value.is_object()) return value;
  Value set = value.size() == 1 ? value.Get("set") : Value();
  if (set.is_array()) {
    SetBuilder out(arena);
    for (const Value& element : set.elements()) out.Add(WithSets(arena, element));
    return out.Build();
  }
  ObjectBuilder out(arena);
  for (const Member& member : value.members()) out.Set(member.key, WithSets(arena, member.value));
  return out.Build();
}

std::string Tell(const absl::StatusOr<Value>& result) {
  if (result.ok()) return result->defined() ? ToRego(*result) : "undefined";
  std::string_view message = Message(result.status());
  if (IsTypeError(result.status())) return StrCat("type error: ", message);
  if (IsBuiltinError(result.status())) return StrCat("error: ", message);
  return StrCat("ended: ", message);
}

}  // namespace

absl::Status TestContext::Step(uint64_t steps) {
  if (steps > steps_) return absl::ResourceExhaustedError("too many steps");
  steps_ -= steps;
  if (arena_.failure() == Arena::Failure::kNone) return absl::OkStatus();
  return absl::ResourceExhaustedError("too much memory");
}

void TestContext::Random(std::span<uint8_t> out) {
  for (uint8_t& byte : out) byte = next_random_++;
}

Value TestContext::Recall(std::string_view kind, const Value& key) {
  return remembered_[StrCat(kind, "/", ToRego(key))];
}

void TestContext::Remember(std::string_view kind, const Value& key, const Value& value) {
  remembered_[StrCat(kind, "/", ToRego(key))] = value;
}

std::shared_ptr<const void> TestContext::Kept(std::string_view kind, std::string_view key) {
  return kept_[StrCat(kind, "/", key)];
}

void TestContext::Keep(std::string_view kind, std::string_view key,
                       std::shared_ptr<const void> thing) {
  kept_[StrCat(kind, "/", key)] = std::move(thing);
}

const BuiltinRegistry& TestRegistry() {
  static const BuiltinRegistry& registry = *[] {
    auto* made = new BuiltinRegistry;
    RegisterBuiltins(*made);
    return made;
  }();
  return registry;
}

std::string Call(BuiltinContext& context, std::string_view name, std::string_view json_arguments) {
  const Builtin* builtin = TestRegistry().Find(name);
  if (builtin == nullptr) return StrCat("no builtin ", name);
  auto arguments = ValueFromJson(context.arena(), json_arguments);
  if (!arguments.ok() || !arguments->is_array()) return "arguments are no JSON array";
  Value values = WithSets(context.arena(), *arguments);
  if (values.size() != builtin->args.size()) return "wrong number of arguments";
  return Tell(builtin->function(context, values.elements()));
}

std::string Call(std::string_view name, std::string_view json_arguments) {
  TestContext context;
  return Call(context, name, json_arguments);
}

std::string CallText(std::string_view name, std::string_view argument) {
  std::string json = "[";
  AppendJsonString(&json, argument);
  return Call(name, json + "]");
}

}  // namespace nacre::rego
