// The operators of the language: what + - * / % & | mean, and the functions of the same meaning
// (plus, eq, internal.member_2, ...).
#pragma once

#include <string_view>

#include "policy/rego/builtin.h"
#include "policy/rego/program.h"

namespace nacre::rego {

std::string_view ArithmeticName(Arith op);
// Numbers, and for minus, and, or: sets.
absl::StatusOr<Value> ApplyArithmetic(Arena& arena, Arith op, const Value& left,
                                      const Value& right);

void RegisterOperators(BuiltinRegistry& registry);

}  // namespace nacre::rego
