// Goals to instructions: chooses an order in which every variable is bound before it is needed, and
// writes each goal for what is bound by then.
#pragma once

#include <vector>

#include "policy/rego/compiler.h"
#include "policy/rego/goal.h"

namespace nacre::rego {

class Emitter {
 public:
  Emitter(Compiler& compiler, Workspace& workspace)
      : compiler_(compiler),
        workspace_(workspace),
        bound_(workspace.variables.size(), false),
        registers_(static_cast<int32_t>(workspace.variables.size())) {}

  void Bind(int variable) { bound_[static_cast<size_t>(variable)] = true; }
  // Every goal of a body. rego_unsafe_var_error when no order works.
  bool EmitBody(const GoalBody& body);
  // A head's term, after the body: everything in it must be bound.
  bool CheckSafe(const GoalTerm* pattern, const Location& location);
  int32_t Operand(const GoalTerm* pattern, const Location& location);
  int32_t NewRegister() { return registers_++; }
  int32_t registers() const { return registers_; }
  // Whether no goal so far had to wait for one written after it.
  bool in_order() const { return in_order_; }

 private:
  bool IsBound(int variable) const { return bound_[static_cast<size_t>(variable)]; }
  bool IsBound(const GoalTerm* pattern) const;
  // Whether what the pattern cannot bind by itself (members of sets, keys) is bound.
  bool CanMatch(const GoalTerm* pattern) const;
  bool Ready(const Goal& goal);
  // The goals of a body that have no place yet; null where one has been taken.
  struct Waiting {
    explicit Waiting(const GoalBody& body)
        : goals(body.goals.begin(), body.goals.end()), count(goals.size()) {}
    bool empty() const { return count == 0; }
    std::vector<const Goal*> goals;
    size_t first = 0;
    size_t count;
  };
  const Goal* TakeReady(Waiting& waiting);
  bool OuterReady(const GoalBody* body) const;
  bool Orderable(const GoalBody& body);
  void MarkBound(const Goal& goal);
  void FailUnsafe(const std::vector<const Goal*>& left);

  int32_t Emit(Op op, int32_t a = 0, int32_t b = 0, int32_t c = 0, uint8_t flag = 0, size_t n = 0);
  void EmitGoal(const Goal& goal);
  void EmitRef(const Goal& goal);
  void EmitDataRef(const Goal& goal);
  size_t EmitStaticPrefix(const Goal& goal, int32_t* from, bool* is_node);
  void EmitSteps(const Goal& goal, size_t first, int32_t from, bool node);
  void EmitUnify(const Goal& goal);
  void EmitMatch(const GoalTerm* pattern, int32_t from);
  void EmitCall(const Goal& goal);
  void EmitMember(const Goal& goal);
  void EmitCollect(const Goal& goal);
  void EmitNot(const Goal& goal);
  void EmitWith(const Goal& goal);
  void EmitEvery(const Goal& goal);
  void EmitTemplate(const Goal& goal);
  int32_t EmitItems(const std::vector<GoalTerm*>& items);
  // The register a goal's result goes to, and afterwards what makes it the variable's value.
  int32_t ResultRegister(int variable);
  void BindResult(int variable, int32_t from);

  Compiler& compiler_;
  Workspace& workspace_;
  std::vector<bool> bound_;
  int32_t registers_;
  Location location_;
  size_t checks_ = 0;
  bool in_order_ = true;
};

}  // namespace nacre::rego
