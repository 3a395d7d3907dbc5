// abs, ceil, floor, round, numbers.range, numbers.range_step, rand.intn, bits.*.
#include <cmath>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

// Wider shifts make numbers past the engine's bound on digits anyway.
constexpr int64_t kMaxShift = 1 << 14;

Result Numbers(absl::StatusOr<Value> value) {
  if (!value.ok()) return AsBuiltinError(value.status());
  return value;
}

BuiltinFunction Round(Rounding rounding) {
  return [rounding](BuiltinContext& context, Args args) -> Result {
    RETURN_IF_ERROR(WantKind(args, 1, Kind::kNumber));
    return Numbers(RoundNumber(context.arena(), args[0], rounding));
  };
}

Result Abs(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kNumber));
  if (NumberSign(args[0]) >= 0) return args[0];
  return Numbers(SubtractNumbers(context.arena(), Value::Int(0), args[0]));
}

// Operands of any size that are whole.
absl::Status WantInteger(Args args, int operand) {
  const Value& value = args[static_cast<size_t>(operand) - 1];
  if (!value.is_number()) return OperandTypeError(operand, "integer", value);
  if (IsInteger(value)) return absl::OkStatus();
  return TypeError(
      StrCat("operand ", operand, " must be integer number but got floating-point number"));
}

// Both ends included; downwards when the first is the larger one. `step` is positive.
Result Range(BuiltinContext& context, const Value& from, const Value& to, const Value& step) {
  ArrayBuilder out(context.arena());
  bool up = CompareNumbers(from, to) <= 0;
  Value next = from;
  if (!next.is_small()) {  // 1e3 counts like 1000
    next = NumberFromIntegerText(context.arena(), ToIntegerText(from).value_or("0"));
  }
  while (up ? CompareNumbers(next, to) <= 0 : CompareNumbers(next, to) >= 0) {
    out.Add(next);
    RETURN_IF_ERROR(context.Step(4));
    auto after =
        up ? AddNumbers(context.arena(), next, step) : SubtractNumbers(context.arena(), next, step);
    if (!after.ok()) return AsBuiltinError(after.status());
    next = *after;
  }
  return out.Build();
}

Result NumbersRange(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantInteger(args, 1));
  RETURN_IF_ERROR(WantInteger(args, 2));
  return Range(context, args[0], args[1], Value::Int(1));
}

Result NumbersRangeStep(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantInteger(args, 1));
  RETURN_IF_ERROR(WantInteger(args, 2));
  RETURN_IF_ERROR(WantInteger(args, 3));
  if (NumberSign(args[2]) <= 0) return BuiltinError("step must be a positive integer");
  return Range(context, args[0], args[1], args[2]);
}

// The same number for the same text and bound throughout one evaluation.
Result RandIntn(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  ASSIGN_OR_RETURN(int64_t bound, IntArg(args, 2));
  if (bound == 0) return Value::Int(0);
  uint64_t limit = bound < 0 ? 0 - static_cast<uint64_t>(bound) : static_cast<uint64_t>(bound);
  Value key = Value::Array(context.arena(), {args[0], NumberFromUint64(context.arena(), limit)});
  Value known = context.Recall("rand.intn", key);
  if (known.defined()) return known;
  // Draws past the last whole multiple of the limit are drawn again, so that all are as likely.
  uint64_t draw = 0;
  uint64_t excess = (0 - limit) % limit;
  do {
    context.Random({reinterpret_cast<uint8_t*>(&draw), sizeof draw});
  } while (draw < excess);
  Value number = NumberFromUint64(context.arena(), draw % limit);
  context.Remember("rand.intn", key, number);
  return number;
}

BuiltinFunction Bits(BitOp operation) {
  return [operation](BuiltinContext& context, Args args) -> Result {
    RETURN_IF_ERROR(WantInteger(args, 1));
    RETURN_IF_ERROR(WantInteger(args, 2));
    return Numbers(BitOperation(context.arena(), operation, args[0], args[1]));
  };
}

Result Negate(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantInteger(args, 1));
  return Numbers(BitNegate(context.arena(), args[0]));
}

BuiltinFunction Shift(bool left) {
  return [left](BuiltinContext& context, Args args) -> Result {
    RETURN_IF_ERROR(WantInteger(args, 1));
    RETURN_IF_ERROR(WantInteger(args, 2));
    if (NumberSign(args[1]) < 0) {
      return TypeError("operand 2 must be an unsigned integer number but got a negative integer");
    }
    int64_t count = ToInt64(args[1]).value_or(kMaxShift + 1);
    if (count > kMaxShift) {
      if (!left) return Value::Int(NumberSign(args[0]) < 0 ? -1 : 0);
      if (NumberSign(args[0]) == 0) return Value::Int(0);
      return absl::ResourceExhaustedError("shift makes a number too large");
    }
    return Numbers(BitShift(context.arena(), args[0], left ? count : -count));
  };
}

}  // namespace

void RegisterNumbers(BuiltinRegistry& registry) {
  registry.Register({"abs", {kNumber}, kNumber, Abs});
  registry.Register({"ceil", {kNumber}, kNumber, Round(Rounding::kCeil)});
  registry.Register({"floor", {kNumber}, kNumber, Round(Rounding::kFloor)});
  registry.Register({"round", {kNumber}, kNumber, Round(Rounding::kNearest)});
  registry.Register({"numbers.range", {kNumber, kNumber}, kArray, NumbersRange});
  registry.Register({"numbers.range_step", {kNumber, kNumber, kNumber}, kArray, NumbersRangeStep});
  registry.Register({.name = "rand.intn",
                     .args = {kString, kNumber},
                     .result = kNumber,
                     .function = RandIntn,
                     .nondeterministic = true});
  registry.Register({"bits.and", {kNumber, kNumber}, kNumber, Bits(BitOp::kAnd)});
  registry.Register({"bits.or", {kNumber, kNumber}, kNumber, Bits(BitOp::kOr)});
  registry.Register({"bits.xor", {kNumber, kNumber}, kNumber, Bits(BitOp::kXor)});
  registry.Register({"bits.negate", {kNumber}, kNumber, Negate});
  registry.Register({"bits.lsh", {kNumber, kNumber}, kNumber, Shift(true)});
  registry.Register({"bits.rsh", {kNumber, kNumber}, kNumber, Shift(false)});
}

}  // namespace nacre::rego
