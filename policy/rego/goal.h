// The compiler's middle form: a body is a list of goals over variables and patterns, with every
// reference and call taken out of its term. The order of goals is chosen later, so that each
// variable is bound before it is needed (the language's safety rule).
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/ast.h"
#include "policy/rego/program.h"

namespace nacre::rego {

struct GoalBody;

struct Variable {
  std::string_view name;            // empty for what the compiler made up; "_" for wildcards
  const GoalBody* owner = nullptr;  // the body it belongs to
  Location location;
};

// A term without references and calls: what unification works on.
struct GoalTerm {
  enum class Type : uint8_t { kConstant, kVariable, kArrayOf, kObjectOf, kSetOf };
  Type type = Type::kConstant;
  Value constant;
  int variable = -1;
  std::vector<GoalTerm*> items;  // kObjectOf: key, value, key, value...
};

struct Goal;

struct GoalBody {
  std::vector<Goal*> goals;
  std::vector<GoalTerm*> yield;  // of comprehensions: value, or key and value
  std::vector<int> outer;        // variables of enclosing bodies that it mentions
};

struct Goal {
  enum class Type : uint8_t {
    kFail,
    kRef,         // result = base[args...]
    kUnify,       // left = right
    kCall,        // result = callee(args)
    kArithmetic,  // result = args[0] op args[1]
    kCompare,     // args[0] op args[1] holds; with a result: its truth
    kMember,      // result = args[0], [args[1],] in the last arg
    kCheck,       // left is not false
    kCollect,     // result = comprehension over body
    kNot,         // body has no solution
    kWith,        // body under withs
    kEvery,       // left: domain; key, member: variables; body
    kTemplate,    // result = text of bodies
  };
  enum class Base : uint8_t { kPattern, kInput, kData };
  Type type = Type::kFail;
  Location location;
  Base base = Base::kPattern;
  GoalTerm* left = nullptr;  // kRef with kPattern: the base
  GoalTerm* right = nullptr;
  std::vector<GoalTerm*> args;
  int result = -1;                   // variable, -1 when nobody wants it
  int group = -1;                    // kCall of a function
  const Builtin* builtin = nullptr;  // kCall of a builtin
  uint8_t op = 0;                    // Arith, Comparison or Collector
  int key = -1, member = -1;
  GoalBody* body = nullptr;
  std::vector<GoalBody*> bodies;
  std::vector<WithTarget> withs;  // operands are filled in from args
};

// What one clause consists of, while it is compiled.
struct Workspace {
  std::vector<Variable> variables;  // a variable's number is its register
  std::deque<GoalTerm> patterns;
  std::deque<Goal> goals;
  std::deque<GoalBody> bodies;

  int NewVariable(std::string_view name, const GoalBody* owner, const Location& location) {
    variables.push_back({name, owner, location});
    return static_cast<int>(variables.size()) - 1;
  }
  GoalTerm* NewGoalTerm(GoalTerm::Type type) {
    GoalTerm* out = &patterns.emplace_back();
    out->type = type;
    return out;
  }
  GoalTerm* Constant(const Value& value) {
    GoalTerm* out = NewGoalTerm(GoalTerm::Type::kConstant);
    out->constant = value;
    return out;
  }
  GoalTerm* Var(int variable) {
    GoalTerm* out = NewGoalTerm(GoalTerm::Type::kVariable);
    out->variable = variable;
    return out;
  }
};

// Calls use(variable) for every variable in it; nested bodies' `outer` included.
template <typename Use>
void ForEachVariable(const GoalTerm* pattern, const Use& use) {
  if (pattern == nullptr) return;
  if (pattern->type == GoalTerm::Type::kVariable) use(pattern->variable);
  for (const GoalTerm* item : pattern->items) ForEachVariable(item, use);
}

template <typename Use>
void ForEachVariable(const Goal& goal, const Use& use) {
  ForEachVariable(goal.left, use);
  ForEachVariable(goal.right, use);
  for (const GoalTerm* arg : goal.args) ForEachVariable(arg, use);
  for (int variable : {goal.result, goal.key, goal.member}) {
    if (variable >= 0) use(variable);
  }
  if (goal.body != nullptr) {
    for (int variable : goal.body->outer) use(variable);
  }
  for (const GoalBody* body : goal.bodies) {
    for (int variable : body->outer) use(variable);
  }
}

}  // namespace nacre::rego
