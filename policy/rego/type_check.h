// What is wrong whatever the input is: an argument of a kind that a builtin never takes, two
// things made equal that never are, a member of a value that has none. Found when compiling and
// reported as rego_type_error, as OPA does.
//
// It knows kinds, not shapes, and knows them for what one clause computes itself: constants,
// literals, comprehensions and what builtins declare as their result. Input, data, the values of
// rules and of functions may be anything. Whatever OPA accepts is accepted; OPA, which follows
// types through rules, refuses more.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/builtin.h"
#include "policy/rego/compiler.h"
#include "policy/rego/goal.h"

namespace nacre::rego {

class TypeCheck {
 public:
  struct Clause {
    // Variables below this number are a function's parameters.
    int parameters = 0;
    // Every goal runs where it was written; then the first goal that can bind a variable does.
    bool in_order = false;
    // A query, in which == is a comparison; in a module's statements it unifies.
    bool query = false;
  };

  TypeCheck(Compiler& compiler, const Workspace& workspace, const Clause& clause);
  // Looks through a clause's outermost body; errors go to compiler.FailType.
  void Run(const GoalBody& body);

 private:
  // One way for a variable to get its value: of a fixed kind, or of the kind of `from` or, with
  // `key`, of its keys.
  struct Source {
    int variable;
    KindMask fixed;
    const GoalTerm* from;
    bool key;
  };
  // A goal, with its own sources.
  struct Step {
    const Goal* goal;
    size_t first, end;
    bool checked;
  };

  void Collect(const GoalBody& body, bool checked);
  void CollectSources(const Goal& goal);
  void CollectUnify(const GoalTerm* term, const GoalTerm* other);
  void AddSource(int variable, KindMask fixed, const GoalTerm* from = nullptr, bool key = false);
  void Widen(const GoalTerm* term);
  void Solve();
  KindMask Gives(const Source& source) const;
  void Withdraw(const Step& step, bool back);

  void Check(const Goal& goal);
  void CheckArguments(const Goal& goal, const Builtin* builtin);
  void CheckRef(const Goal& goal);
  void CheckMatch(const GoalTerm* left, const GoalTerm* right, const Location& location);
  void CheckResult(const Goal& goal, KindMask result);
  void FailMatch(KindMask left, KindMask right, const Location& location);
  // The kinds a term may have; never none. `known` is all_ or others_.
  static KindMask KindsOf(const GoalTerm* term, const std::vector<KindMask>& known);
  KindMask KindsOf(const GoalTerm* term) const { return KindsOf(term, others_); }

  Compiler& compiler_;
  const Workspace& workspace_;
  Clause clause_;
  std::vector<bool> settled_;  // in_order: has its binder
  std::vector<Source> sources_;
  std::vector<Step> steps_;
  std::vector<KindMask> all_;                  // by variable: what any source gives
  std::vector<std::array<uint32_t, 8>> ways_;  // by variable and kind: sources that give it
  std::vector<KindMask> others_;               // all_, without the goal being looked at
};

}  // namespace nacre::rego
