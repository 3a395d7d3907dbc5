// What a name means. From the inside out: what a body declares (`some`, `:=`, parameters, `every`),
// then rules of the package, imports, input and data, and at last an implicit variable of the
// outermost body that mentions the name outside comprehensions and the like.
#include "base/strings.h"
#include "policy/rego/lower.h"

namespace nacre::rego {

void Lowering::Collect(const Body* body, Scope* scope) {
  for (size_t i = 0; i < body->exprs.size(); ++i) {
    const Expr* expr = body->exprs[i];
    CollectExpr(expr, scope);
    size_t since = 2 * i + 1;
    if (expr->type == Expr::Type::kSome) {
      for (const Term* name : expr->names) Declare(scope, name, since, "declared");
    } else if (expr->type == Expr::Type::kSomeIn) {
      if (expr->key != nullptr) DeclarePattern(scope, expr->key, since, "declared");
      DeclarePattern(scope, expr->member, since, "declared");
    } else if (expr->type == Expr::Type::kTerm && expr->term->infix &&
               expr->term->name == "assign") {
      DeclarePattern(scope, expr->term->items[0], since, "assigned");
    }
  }
}

void Lowering::CollectExpr(const Expr* expr, Scope* scope) {
  for (const Term* term : {expr->term, expr->key, expr->member, expr->domain}) {
    bool own = expr->type == Expr::Type::kEvery && (term == expr->key || term == expr->member);
    if (term != nullptr && !own) CollectTerm(term, scope);
  }
  for (const With& with : expr->with) CollectTerm(with.value, scope);
}

void Lowering::CollectTerm(const Term* term, Scope* scope) {
  if (term->type == Term::Type::kVar) scope->direct.insert(term->name);
  if (term->body != nullptr) return;  // a comprehension's names are its own
  for (const Term* item : term->items) CollectTerm(item, scope);
}

void Lowering::Declare(Scope* scope, const Term* term, size_t since, std::string_view how) {
  if (term->name == "_") return;
  if (term->name == "input" || term->name == "data") {
    compiler_.Fail(
        "rego_compile_error",
        StrCat("variables must not shadow ", term->name, " (use a different variable name)"),
        term->location);
    return;
  }
  int variable = workspace_.NewVariable(term->name, scope->body, term->location);
  auto [place, fresh] = scope->declared.try_emplace(term->name, Declared{variable, since});
  if (!fresh && how != "argument") {
    compiler_.Fail("rego_compile_error", StrCat("var ", term->name, " ", how, " above"),
                   term->location);
  }
}

// The variables in the places that a pattern binds.
void Lowering::DeclarePattern(Scope* scope, const Term* term, size_t since, std::string_view how) {
  if (term->type == Term::Type::kVar) {
    auto found = scope->declared.find(term->name);
    bool same_pattern = found != scope->declared.end() && found->second.since == since;
    // `some x; x := 1` is one declaration and a second one is an error; [x, x] := y is not.
    if (!same_pattern) Declare(scope, term, since, how);
  } else if (term->type == Term::Type::kArrayTerm) {
    for (const Term* item : term->items) DeclarePattern(scope, item, since, how);
  } else if (term->type == Term::Type::kObjectTerm) {
    for (size_t i = 1; i < term->items.size(); i += 2) {
      DeclarePattern(scope, term->items[i], since, how);
    }
  } else if (how == "assigned" && term->type != Term::Type::kScalar) {
    compiler_.Fail("rego_compile_error", "cannot assign to this term", term->location);
  }
}

bool Lowering::ResolveGlobal(std::string_view name, Meaning* out) const {
  out->path.clear();
  out->input = name == "input";
  if (name == "input" || name == "data") return true;
  if (compiler_.RuleNameInPackage(module_, name)) {
    out->path.assign(module_.package.begin() + 1, module_.package.end());
    out->path.push_back(name);
    return true;
  }
  const Import* import = compiler_.FindImport(module_, name);
  if (import == nullptr) return false;
  out->input = import->path[0] == "input";
  out->path.assign(import->path.begin() + 1, import->path.end());
  return true;
}

Lowering::Meaning Lowering::Resolve(const Term* var) {
  Meaning out;
  std::string_view name = var->name;
  if (name == "_") {
    out.variable = workspace_.NewVariable("_", scope_->body, var->location);
    return out;
  }
  for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    compiler_.Spend(1, var->location);
    auto found = scope->declared.find(name);
    if (found != scope->declared.end() && found->second.since <= scope->at) {
      out.variable = found->second.variable;
      return out;
    }
  }
  if (ResolveGlobal(name, &out)) return out;
  Scope* home = scope_;
  for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    // A name that an outer body declares further down is not this one.
    bool declared_later = scope != scope_ && scope->declared.contains(name);
    if (scope->direct.contains(name) && !declared_later) home = scope;
  }
  if (home->declared.contains(name)) {
    compiler_.Fail("rego_compile_error", StrCat("var ", name, " referenced above"), var->location);
  }
  auto [place, fresh] = home->implicit.try_emplace(name, 0);
  if (fresh) place->second = workspace_.NewVariable(name, home->body, var->location);
  out.variable = place->second;
  return out;
}

bool Lowering::ResolveFunction(std::string_view name, int32_t* group,
                               const Builtin** builtin) const {
  *group = -1;
  *builtin = nullptr;
  std::vector<std::string_view> parts = StrSplit(name, '.');
  Meaning head;
  if (ResolveGlobal(parts[0], &head) && !head.input) {
    head.path.insert(head.path.end(), parts.begin() + 1, parts.end());
    *group = compiler_.FunctionAt(compiler_.FindNode(head.path));
    if (*group >= 0) return true;
  }
  *builtin = compiler_.builtins().Find(name);
  return *builtin != nullptr;
}

std::vector<std::pair<std::string_view, int>> Lowering::NamedVariables() const {
  std::map<std::string_view, int> out(top_.implicit.begin(), top_.implicit.end());
  for (const auto& [name, declared] : top_.declared) out[name] = declared.variable;
  return {out.begin(), out.end()};
}

}  // namespace nacre::rego
