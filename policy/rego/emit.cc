// The order of goals. As written, except that a goal whose variables are not bound yet waits for
// the goals that bind them. Each round takes the first goal that is ready.
#include "policy/rego/emit.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::rego {

bool Emitter::IsBound(const GoalTerm* pattern) const {
  bool all = true;
  ForEachVariable(pattern, [&](int variable) { all &= IsBound(variable); });
  return all;
}

bool Emitter::CanMatch(const GoalTerm* pattern) const {
  switch (pattern->type) {
    case GoalTerm::Type::kConstant:
    case GoalTerm::Type::kVariable:
      return true;
    case GoalTerm::Type::kSetOf:
      return IsBound(pattern);
    case GoalTerm::Type::kArrayOf:
      return std::all_of(pattern->items.begin(), pattern->items.end(),
                         [&](const GoalTerm* item) { return CanMatch(item); });
    case GoalTerm::Type::kObjectOf:
      for (size_t i = 0; i < pattern->items.size(); i += 2) {
        if (!IsBound(pattern->items[i]) || !CanMatch(pattern->items[i + 1])) return false;
      }
      return true;
  }
  return false;
}

bool Emitter::OuterReady(const GoalBody* body) const {
  return std::all_of(body->outer.begin(), body->outer.end(),
                     [&](int variable) { return IsBound(variable); });
}

bool Emitter::Ready(const Goal& goal) {
  constexpr size_t kMostChecks = 4'000'000;
  if (++checks_ > kMostChecks || !compiler_.Spend(2 + goal.args.size(), goal.location)) {
    if (checks_ == kMostChecks + 1) {
      compiler_.Fail("rego_compile_error", "too many statements to put in order", goal.location);
    }
    return true;  // ends the search; the error ends the compilation
  }
  switch (goal.type) {
    case Goal::Type::kFail:
      return true;
    case Goal::Type::kRef:
      return (goal.left == nullptr || IsBound(goal.left)) &&
             std::all_of(goal.args.begin(), goal.args.end(),
                         [&](const GoalTerm* arg) { return CanMatch(arg); });
    case Goal::Type::kUnify:
      return (IsBound(goal.left) && CanMatch(goal.right)) ||
             (IsBound(goal.right) && CanMatch(goal.left));
    case Goal::Type::kCheck:
      return IsBound(goal.left);
    case Goal::Type::kCall:
    case Goal::Type::kArithmetic:
    case Goal::Type::kCompare:
    case Goal::Type::kMember:
      return std::all_of(goal.args.begin(), goal.args.end(),
                         [&](const GoalTerm* arg) { return IsBound(arg); });
    case Goal::Type::kCollect:
    case Goal::Type::kNot:
      return OuterReady(goal.body);
    case Goal::Type::kEvery:
      return IsBound(goal.left) && OuterReady(goal.body);
    case Goal::Type::kTemplate:
      return std::all_of(goal.bodies.begin(), goal.bodies.end(),
                         [&](const GoalBody* body) { return OuterReady(body); });
    case Goal::Type::kWith: {
      if (!std::all_of(goal.args.begin(), goal.args.end(),
                       [&](const GoalTerm* arg) { return IsBound(arg); })) {
        return false;
      }
      std::vector<bool> before = bound_;
      bool orderable = Orderable(*goal.body);
      bound_ = std::move(before);
      return orderable;
    }
  }
  return false;
}

void Emitter::MarkBound(const Goal& goal) {
  for (const GoalTerm* pattern : {goal.left, goal.right}) {
    ForEachVariable(pattern, [&](int variable) { Bind(variable); });
  }
  for (const GoalTerm* arg : goal.args) {
    ForEachVariable(arg, [&](int variable) { Bind(variable); });
  }
  if (goal.result >= 0) Bind(goal.result);
  if (goal.type == Goal::Type::kWith) {
    for (int variable : goal.body->outer) Bind(variable);
  }
}

// The first goal that can be run now; nullptr when none can.
const Goal* Emitter::TakeReady(Waiting& waiting) {
  while (waiting.goals[waiting.first] == nullptr) ++waiting.first;
  for (size_t i = waiting.first; i < waiting.goals.size(); ++i) {
    const Goal* goal = waiting.goals[i];
    if (goal == nullptr || !Ready(*goal)) continue;
    compiler_.Spend((i - waiting.first) / 8, goal->location);
    in_order_ &= i == waiting.first;
    waiting.goals[i] = nullptr;
    --waiting.count;
    return goal;
  }
  return nullptr;
}

// Whether some order of the goals works; marks what they would bind.
bool Emitter::Orderable(const GoalBody& body) {
  Waiting waiting(body);
  while (!waiting.empty()) {
    const Goal* goal = TakeReady(waiting);
    if (goal == nullptr) return false;
    MarkBound(*goal);
  }
  return true;
}

bool Emitter::EmitBody(const GoalBody& body) {
  Waiting waiting(body);
  while (!waiting.empty()) {
    const Goal* goal = TakeReady(waiting);
    if (goal == nullptr) {
      FailUnsafe(waiting.goals);
      return false;
    }
    if (compiler_.failed()) return false;
    location_ = goal->location;
    EmitGoal(*goal);
    MarkBound(*goal);
    if (compiler_.failed()) return false;
  }
  return true;
}

void Emitter::FailUnsafe(const std::vector<const Goal*>& left) {
  // Names first; what the compiler made up hangs on them.
  const Variable* named = nullptr;
  const Goal* first = nullptr;
  for (const Goal* goal : left) {
    if (goal == nullptr) continue;
    if (first == nullptr) first = goal;
    auto look = [&](int index) {
      const Variable& variable = workspace_.variables[static_cast<size_t>(index)];
      if (!IsBound(index) && !variable.name.empty() && named == nullptr) named = &variable;
    };
    ForEachVariable(*goal, look);
    for (const Goal* inner : goal->body != nullptr ? goal->body->goals : std::vector<Goal*>()) {
      if (named == nullptr) ForEachVariable(*inner, look);
    }
  }
  if (named != nullptr) {
    compiler_.Fail("rego_unsafe_var_error", StrCat("var ", named->name, " is unsafe"),
                   named->location);
  } else {
    compiler_.Fail("rego_unsafe_var_error", "expression is unsafe", first->location);
  }
}

bool Emitter::CheckSafe(const GoalTerm* pattern, const Location& location) {
  bool safe = true;
  ForEachVariable(pattern, [&](int index) {
    if (IsBound(index) || !safe) return;
    const Variable& variable = workspace_.variables[static_cast<size_t>(index)];
    compiler_.Fail("rego_unsafe_var_error",
                   StrCat("var ", variable.name.empty() ? "_" : variable.name, " is unsafe"),
                   variable.location.line != 0 ? variable.location : location);
    safe = false;
  });
  return safe;
}

int32_t Emitter::Emit(Op op, int32_t a, int32_t b, int32_t c, uint8_t flag, size_t n) {
  if (n > UINT16_MAX) {
    compiler_.Fail("rego_compile_error", "more than 65535 items in one term", location_);
    n = 0;
  }
  return compiler_.Emit({op, flag, static_cast<uint16_t>(n), a, b, c}, location_);
}

// Puts items into registers in a row; returns the first.
int32_t Emitter::EmitItems(const std::vector<GoalTerm*>& items) {
  std::vector<int32_t> operands;
  for (const GoalTerm* item : items) operands.push_back(Operand(item, location_));
  int32_t first = registers_;
  registers_ += static_cast<int32_t>(items.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    Emit(Op::kMove, first + static_cast<int32_t>(i), operands[i]);
  }
  return first;
}

int32_t Emitter::Operand(const GoalTerm* pattern, const Location& location) {
  location_ = location;
  switch (pattern->type) {
    case GoalTerm::Type::kConstant:
      return ~compiler_.Constant(pattern->constant);
    case GoalTerm::Type::kVariable:
      return pattern->variable;
    default:
      break;
  }
  int32_t first = EmitItems(pattern->items);
  int32_t out = NewRegister();
  size_t count = pattern->items.size();
  if (pattern->type == GoalTerm::Type::kArrayOf) {
    Emit(Op::kMakeArray, out, first, 0, 0, count);
  } else if (pattern->type == GoalTerm::Type::kSetOf) {
    Emit(Op::kMakeSet, out, first, 0, 0, count);
  } else {
    Emit(Op::kMakeObject, out, first, 0, 0, count / 2);
  }
  return out;
}

int32_t Emitter::ResultRegister(int variable) {
  return variable < 0 || IsBound(variable) ? NewRegister() : variable;
}

void Emitter::BindResult(int variable, int32_t from) {
  if (variable >= 0 && variable != from) Emit(Op::kEqual, variable, from);
}

}  // namespace nacre::rego
