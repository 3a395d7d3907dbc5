// What a builtin function is to the engine, and what it may ask of the evaluation that calls it.
//
//   absl::StatusOr<Value> Upper(BuiltinContext& context, std::span<const Value> args) {
//     RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
//     return Value::String(context.arena(), ...args[0].string()...);
//   }
//   registry.Register({.name = "upper", .args = {kString}, .result = kString, .function = Upper});
//
// A builtin returns a value, undefined (Value()), or an error:
//   OperandTypeError(...)  eval_type_error     \ undefined, unless the caller asked for strict
//   BuiltinError(...)      eval_builtin_error  / builtin errors
//   what context.Step() returned: the evaluation ends.
// Messages carry no function name; the evaluator puts "upper: " in front.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/rego/value.h"

namespace nacre::rego {

// Kinds a builtin takes or gives, for checks at compile time.
using KindMask = uint8_t;
constexpr KindMask MaskOf(Kind kind) { return static_cast<KindMask>(1 << static_cast<int>(kind)); }
inline constexpr KindMask kNull = MaskOf(Kind::kNull);
inline constexpr KindMask kBoolean = MaskOf(Kind::kBool);
inline constexpr KindMask kNumber = MaskOf(Kind::kNumber);
inline constexpr KindMask kString = MaskOf(Kind::kString);
inline constexpr KindMask kArray = MaskOf(Kind::kArray);
inline constexpr KindMask kObject = MaskOf(Kind::kObject);
inline constexpr KindMask kSet = MaskOf(Kind::kSet);
inline constexpr KindMask kAny = 0xfe;
// "number or string"; "any".
std::string KindsText(KindMask kinds);

// What an evaluation lends to builtins. One thread.
class BuiltinContext {
 public:
  virtual ~BuiltinContext() = default;

  // Results are made here.
  virtual Arena& arena() = 0;
  // Counts `steps` units of work (about 10 ns each). A builtin whose work or output is not bounded
  // by a small multiple of its arguments' size calls this as it goes, and returns the error it
  // gets.
  virtual absl::Status Step(uint64_t steps = 1) = 0;
  // Nanoseconds since 1970; the same through one evaluation.
  virtual int64_t now_ns() = 0;
  // Fills with random bytes (from the option's seed if the caller gave one).
  virtual void Random(std::span<uint8_t> out) = 0;
  // Values remembered through one evaluation, e.g. uuid.rfc4122(k) gives one answer per k.
  // Undefined when nothing is kept under (kind, key).
  virtual Value Recall(std::string_view kind, const Value& key) = 0;
  virtual void Remember(std::string_view kind, const Value& key, const Value& value) = 0;
  // Things compiled from text (regular expressions, globs, schemas), kept while they are useful:
  // nullptr, or what Keep stored under (kind, key) before. Kept over evaluations of one evaluator.
  virtual std::shared_ptr<const void> Kept(std::string_view kind, std::string_view key) = 0;
  virtual void Keep(std::string_view kind, std::string_view key,
                    std::shared_ptr<const void> thing) = 0;
  // Options of the caller for opa.runtime(): an object, empty if none.
  virtual Value runtime() = 0;
};

using BuiltinFunction =
    std::function<absl::StatusOr<Value>(BuiltinContext& context, std::span<const Value> args)>;

struct Builtin {
  std::string name = {};  // "time.now_ns"
  std::vector<KindMask> args =
      {};  // arity = args.size(); the evaluator checks the number, not the kinds
  KindMask result = kAny;
  BuiltinFunction function = {};
  // The result is an array of solutions, each of which is tried in turn (walk).
  bool relation = false;
  // May give different results for the same arguments in different evaluations.
  bool nondeterministic = false;
};

class BuiltinRegistry {
 public:
  // Replaces what had the name.
  void Register(Builtin builtin);
  const Builtin* Find(std::string_view name) const;  // valid while the registry lives
  const std::map<std::string, Builtin, std::less<>>& all() const { return builtins_; }

 private:
  std::map<std::string, Builtin, std::less<>> builtins_;
};

// The operators (plus, eq, internal.member_2, ...; operators.cc) and all of builtins/.
const BuiltinRegistry& StandardBuiltins();

// "operand 2 must be number but got set" (eval_type_error); `operand` counts from 1.
absl::Status OperandTypeError(int operand, std::string_view want, const Value& got);
// The same class of error with words of its own.
absl::Status TypeError(std::string_view message);
// eval_builtin_error.
absl::Status BuiltinError(std::string_view message);
bool IsTypeError(const absl::Status& status);
bool IsBuiltinError(const absl::Status& status);

// OK when args[operand - 1] is of the kind; otherwise OperandTypeError with the kind's name.
absl::Status WantKind(std::span<const Value> args, int operand, Kind kind);
// One of several: "operand 1 must be one of {array, object, set} but got number", as OPA says it.
absl::Status WantKinds(std::span<const Value> args, int operand, KindMask kinds);

}  // namespace nacre::rego
