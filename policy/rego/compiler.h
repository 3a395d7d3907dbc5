// From modules to a Program. The parts:
//   compiler.cc   packages and rules become the tree of nodes and groups
//   groups.cc     groups that the compiler makes up (whole packages, ref heads), recursion check
//   lower.cc      statements and terms become goals; names are resolved (names.cc)
//   emit.cc       goals are put in a safe order and become instructions (emit_goal.cc)
//   type_check.cc what can never work, whatever the input
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/ast.h"
#include "policy/rego/goal.h"
#include "policy/rego/limits.h"
#include "policy/rego/program.h"

namespace nacre::rego {

class Annotations;

class Compiler {
 public:
  // Adds to `program`. Values that instructions need are made in `arena`; the modules' text must
  // live as long as the program.
  Compiler(Program& program, Arena& arena, const BuiltinRegistry& builtins);
  ~Compiler();

  // All errors found; empty when all is well.
  std::vector<Error> CompileModules(const std::vector<const Module*>& modules);
  // Compiles the only rule of a query's module against a finished program into a new kQuery group;
  // names of the module's package may be used.
  // Each solution gives the array of the values of `names`.
  std::vector<Error> CompileQuery(const Module& query, int32_t* group,
                                  std::vector<std::string>* names);

  // For the parts.
  Program& program() { return program_; }
  Arena& arena() { return arena_; }
  const BuiltinRegistry& builtins() const { return builtins_; }
  void Fail(std::string_view code, std::string_view message, const Location& location);
  // A type error: reported when there is no other, so that every rule is looked at.
  void FailType(std::string_view message, const Location& location);
  // Counts what compiling costs; past kMaxCompileSteps it has failed, once with an error that says
  // so at `location`.
  bool Spend(uint64_t steps, const Location& location);
  bool failed() const { return !errors_.empty(); }

  int32_t Constant(const Value& value);  // index into constants
  int32_t Path(const std::vector<Value>& path);
  int32_t BuiltinIndex(const Builtin* builtin);
  // The node exactly at a path of names below data; -1 when there is none.
  int32_t FindNode(const std::vector<std::string_view>& path) const;
  // The function group at a node; -1 when there is no function.
  int32_t FunctionAt(int32_t node) const;
  // The group that gives the whole value at a node.
  int32_t ValueGroup(int32_t node);
  // The value at child `name` of a node that has rules with variables in their refs too.
  int32_t ChildGroup(int32_t node, std::string_view name);
  bool RuleNameInPackage(const Module& module, std::string_view name) const;
  // The module's import of that name; nullptr when there is none.
  const Import* FindImport(const Module& module, std::string_view name);

  // rego.metadata.chain() and .rule() in a rule.
  Value MetadataChain(const Module& module, const Rule& rule);
  Value MetadataRule(const Module& module, const Rule& rule);

  // Instructions of the clause being made.
  int32_t Emit(const Instruction& instruction, const Location& location);
  Instruction& At(int32_t pc) { return program_.code[static_cast<size_t>(pc)]; }
  int32_t Here() const { return static_cast<int32_t>(program_.code.size()); }
  // Notes that the group being compiled calls another one (or anything below a node).
  void CallsGroup(int32_t group) { calls_[current_group_].insert(group); }
  void CallsBelow(int32_t node, const Location& location);

 private:
  struct RuleSite {
    const Module* module;
    const Rule* rule;
    size_t constant_prefix;  // items of rule->ref that are in the node's path
  };

  void AddRule(const Module& module, const Rule& rule);
  void CheckTree();
  void CompileGroup(int32_t group);
  int32_t CompileClause(const RuleSite& site, const Rule& rule, Group::Kind kind, int32_t arity);
  void FindConstantGroups(int32_t group);
  int32_t NewNode(int32_t parent, std::string_view name, const Location& location);
  int32_t NewGroup(Group::Kind kind, std::string name, const Location& location);
  void NodeClauses(int32_t group, int32_t node);
  void ExtentClauses(int32_t group, int32_t node);
  int32_t FinishClause(int32_t begin, int32_t registers, const Location& location);
  std::string NodeName(int32_t node) const;
  bool HasValue(int32_t node) const;
  void CheckRecursion();
  void EmitDeferred();
  void CheckTypes(const Workspace& workspace, const GoalBody& body, int32_t parameters,
                  bool in_order);
  std::vector<Error> TakeErrors();

  // Groups made while a clause was being written: their instructions wait until it is done.
  struct Deferred {
    int32_t group;
    std::vector<Instruction> instructions;
  };

  Program& program_;
  Arena& arena_;
  const BuiltinRegistry& builtins_;
  std::vector<Error> errors_, type_errors_;
  uint64_t steps_left_ = kMaxCompileSteps;
  bool spent_ = false;
  uint64_t names_left_ = kMaxTreeNames;
  uint64_t name_bytes_left_ = kMaxTreeNameBytes;
  std::vector<const Module*> modules_;
  std::unique_ptr<Annotations> annotations_;
  std::map<Value, int32_t> constants_;
  std::map<const Builtin*, int32_t> builtin_indices_;
  std::map<std::vector<Value>, int32_t> paths_;
  std::map<int32_t, std::vector<RuleSite>> sites_;  // group -> its definitions
  using Names = std::set<std::string_view, std::less<>>;
  std::map<std::string, Names, std::less<>> package_names_;
  std::map<const Module*, const Names*> module_names_;  // of the module's package
  std::map<const Module*, std::map<std::string_view, const Import*>> imports_;
  std::map<int32_t, std::set<int32_t>> calls_;
  std::map<std::pair<int32_t, std::string_view>, int32_t> child_groups_;
  std::vector<Deferred> deferred_;
  std::vector<std::pair<int32_t, int32_t>> pending_nodes_;  // group, node
  int32_t current_group_ = -1;
};

}  // namespace nacre::rego
