// Statements and terms to goals, with every name resolved.
#pragma once

#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "policy/rego/ast.h"
#include "policy/rego/compiler.h"
#include "policy/rego/goal.h"

namespace nacre::rego {

// One clause. Variables live in the workspace; their numbers are registers.
class Lowering {
 public:
  // `rule` is the definition (of `else` parts too), null for a query.
  Lowering(Compiler& compiler, const Module& module, const Rule* rule, Workspace& workspace)
      : compiler_(compiler), module_(module), rule_(rule), workspace_(workspace) {}

  // Declares the parameters, in registers 0..n-1, and gives a body with what their patterns ask.
  // `statements` (may be null) are those that Statements will be given.
  GoalBody* Begin(const std::vector<Term*>& params, const std::vector<const Term*>& head,
                  const Body* statements);
  // Adds a body's statements.
  void Statements(GoalBody* body, const Body* statements);
  // Adds what a head's term needs, and gives its pattern.
  GoalTerm* HeadTerm(GoalBody* body, const Term* term);
  // Puts all variables that nested bodies take from outside where Goal expects them.
  void Finish(GoalBody* body);

  // After Statements: named variables of the outermost body.
  std::vector<std::pair<std::string_view, int>> NamedVariables() const;

 private:
  // Where names are looked up: one for the parameters, one for each body. Places in a body count
  // 2 * statement, + 1 for what comes after the statement's declarations take effect.
  struct Declared {
    int variable;
    size_t since;
  };
  struct Scope {
    Scope* parent = nullptr;
    GoalBody* body = nullptr;
    std::map<std::string_view, Declared> declared;
    std::set<std::string_view> direct;  // names mentioned outside nested bodies
    std::map<std::string_view, int> implicit;
    size_t at = 0;
  };
  // What a name means: a variable, or a path into a document.
  struct Meaning {
    int variable = -1;
    bool input = false;
    std::vector<std::string_view> path;  // after "data" or "input"
  };

  // names.cc
  void Collect(const Body* body, Scope* scope);
  void CollectExpr(const Expr* expr, Scope* scope);
  void CollectTerm(const Term* term, Scope* scope);
  void Declare(Scope* scope, const Term* term, size_t since, std::string_view how);
  void DeclarePattern(Scope* scope, const Term* term, size_t since, std::string_view how);
  Meaning Resolve(const Term* var);
  bool ResolveGlobal(std::string_view name, Meaning* out) const;
  // The function that a call's dotted name means; exactly one of the two is set on success.
  bool ResolveFunction(std::string_view name, int32_t* group, const Builtin** builtin) const;

  // lower.cc: statements
  void Statement(const Expr* expr, size_t index);
  void Positive(const Expr* expr, size_t index);
  void TermStatement(const Expr* expr, size_t index);
  void UnifyTerms(const Term* left, const Term* right, size_t index, const Location& location);
  void SomeIn(const Expr* expr, size_t index);
  void Every(const Expr* expr, size_t index);
  void WithStatement(const Expr* expr, size_t index);
  bool LowerWith(const With& with, Goal* goal);

  // lower_term.cc: terms
  GoalTerm* Lower(const Term* term);
  GoalTerm* LowerItems(const Term* term, GoalTerm::Type type);
  // Like Lower, with `variable` as the place of the result of a ref, call or comprehension;
  // nullptr when the term is none of these.
  bool LowerInto(const Term* term, int variable);
  void LowerRef(const Term* term, int result);
  void LowerCall(const Term* term, int result);
  void LowerComprehension(const Term* term, int result);
  void LowerTemplate(const Term* term, int result);
  bool CheckCall(const Term* term, int32_t group, const Builtin* builtin, size_t* arity);
  void Unify(GoalTerm* left, GoalTerm* right, const Location& location);

  Goal* Add(Goal::Type type, const Location& location);
  int Temporary(const Location& location);
  GoalBody* NewBody() { return &workspace_.bodies.emplace_back(); }
  template <typename Fill>
  GoalBody* Nested(const Body* statements, const std::vector<Term*>& head, Fill fill);

  Compiler& compiler_;
  const Module& module_;
  const Rule* rule_;
  Workspace& workspace_;
  Scope parameters_;
  Scope top_;
  Scope* scope_ = nullptr;
  GoalBody* body_ = nullptr;  // where goals are added: scope_->body, or a `not` or `with` inside it
};

}  // namespace nacre::rego
