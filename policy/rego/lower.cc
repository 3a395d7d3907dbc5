// Statements. A statement becomes goals that must all hold; `not`, `with` and `every` hold goals of
// their own.
#include "policy/rego/lower.h"

#include "base/strings.h"

namespace nacre::rego {

Goal* Lowering::Add(Goal::Type type, const Location& location) {
  Goal* goal = &workspace_.goals.emplace_back();
  goal->type = type;
  goal->location = location;
  compiler_.Spend(4, location);
  body_->goals.push_back(goal);
  return goal;
}

int Lowering::Temporary(const Location& location) {
  return workspace_.NewVariable("", body_, location);
}

GoalBody* Lowering::Begin(const std::vector<Term*>& params, const std::vector<const Term*>& head,
                          const Body* statements) {
  GoalBody* body = NewBody();
  for (Scope* scope : {&parameters_, &top_}) scope->body = body;
  top_.parent = &parameters_;
  scope_ = &top_;
  body_ = body;
  for (const Term* param : params) {
    int place = workspace_.NewVariable("", body, param->location);
    if (param->type == Term::Type::kVar && param->name != "_" &&
        !parameters_.declared.contains(param->name)) {
      parameters_.declared[param->name] = {place, 0};
      workspace_.variables.back().name = param->name;
    }
  }
  for (const Term* term : head) {
    if (term != nullptr) CollectTerm(term, &top_);
  }
  if (statements != nullptr) Collect(statements, &top_);
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i]->type == Term::Type::kVar) {
      if (params[i]->name == "_") continue;
      int first = parameters_.declared[params[i]->name].variable;
      if (first == static_cast<int>(i)) continue;
    } else {
      DeclarePattern(&parameters_, params[i], 0, "argument");
    }
    Unify(workspace_.Var(static_cast<int>(i)), Lower(params[i]), params[i]->location);
  }
  return body;
}

void Lowering::Statements(GoalBody* body, const Body* statements) {
  body_ = body;
  for (size_t i = 0; i < statements->exprs.size(); ++i) {
    if (!compiler_.Spend(1, statements->location)) return;
    scope_->at = 2 * i + 1;
    Statement(statements->exprs[i], i);
  }
  scope_->at = 2 * statements->exprs.size() + 1;
}

GoalTerm* Lowering::HeadTerm(GoalBody* body, const Term* term) {
  body_ = body;
  return Lower(term);
}

void Lowering::Finish(GoalBody* body) {
  std::set<int> outer;
  for (Goal* goal : body->goals) {
    if (goal->body != nullptr) Finish(goal->body);
    for (GoalBody* nested : goal->bodies) Finish(nested);
    ForEachVariable(*goal, [&](int variable) {
      bool own = variable == goal->key || variable == goal->member;  // `every` declares them
      if (!own) outer.insert(variable);
    });
  }
  for (const GoalTerm* pattern : body->yield) {
    ForEachVariable(pattern, [&](int variable) { outer.insert(variable); });
  }
  if (!body->goals.empty()) compiler_.Spend(4 * outer.size(), body->goals[0]->location);
  for (int variable : outer) {
    if (workspace_.variables[static_cast<size_t>(variable)].owner != body) {
      body->outer.push_back(variable);
    }
  }
}

void Lowering::Statement(const Expr* expr, size_t index) {
  if (expr->with.empty()) {
    Positive(expr, index);
  } else {
    WithStatement(expr, index);
  }
}

void Lowering::WithStatement(const Expr* expr, size_t index) {
  Goal with;
  with.type = Goal::Type::kWith;
  with.location = expr->location;
  for (const With& one : expr->with) {
    if (!LowerWith(one, &with)) return;
  }
  GoalBody* outside = body_;
  GoalBody* holder = expr->negated ? NewBody() : outside;
  body_ = holder;
  Goal* goal = Add(Goal::Type::kWith, expr->location);
  *goal = with;
  goal->body = body_ = NewBody();
  Expr positive = *expr;
  positive.negated = false;
  Positive(&positive, index);
  body_ = outside;
  if (expr->negated) Add(Goal::Type::kNot, expr->location)->body = holder;
}

void Lowering::Positive(const Expr* expr, size_t index) {
  if (expr->negated) {
    GoalBody* outside = body_;
    Goal* goal = Add(Goal::Type::kNot, expr->location);
    goal->body = body_ = NewBody();
    Expr positive = *expr;
    positive.negated = false;
    TermStatement(&positive, index);
    body_ = outside;
    return;
  }
  switch (expr->type) {
    case Expr::Type::kTerm:
      return TermStatement(expr, index);
    case Expr::Type::kSome:
      return;  // its names were declared by Collect
    case Expr::Type::kSomeIn:
      return SomeIn(expr, index);
    case Expr::Type::kEvery:
      return Every(expr, index);
  }
}

void Lowering::TermStatement(const Expr* expr, size_t index) {
  const Term* term = expr->term;
  static constexpr std::string_view kComparisons[] = {"equal", "neq", "lt", "lte", "gt", "gte"};
  if (term->type == Term::Type::kCall && term->infix) {
    if (term->name == "eq" || term->name == "assign") {
      return UnifyTerms(term->items[0], term->items[1], index, expr->location);
    }
    for (size_t i = 0; i < std::size(kComparisons); ++i) {
      if (term->name != kComparisons[i]) continue;
      std::vector<GoalTerm*> args = {Lower(term->items[0]), Lower(term->items[1])};
      Goal* goal = Add(Goal::Type::kCompare, expr->location);
      goal->args = args;
      goal->op = static_cast<uint8_t>(i);
      return;
    }
  }
  if (term->type == Term::Type::kCall && !term->infix) {
    if (term->name == "print") return;  // says something to a human, decides nothing
    int32_t group;
    const Builtin* builtin;
    size_t arity = 0;
    if (!ResolveFunction(term->name, &group, &builtin) ||
        !CheckCall(term, group, builtin, &arity)) {
      if (group < 0 && builtin == nullptr) {
        compiler_.Fail("rego_type_error", StrCat("undefined function ", term->name),
                       term->location);
      }
      return;
    }
    if (term->items.size() == arity + 1) {  // f(x, out)
      int result = Temporary(term->location);
      LowerCall(term, result);
      return Unify(workspace_.Var(result), Lower(term->items.back()), term->location);
    }
  }
  GoalTerm* pattern = Lower(term);
  if (pattern->type == GoalTerm::Type::kConstant) {
    if (pattern->constant.is_false()) Add(Goal::Type::kFail, expr->location);
    return;
  }
  Add(Goal::Type::kCheck, expr->location)->left = pattern;
}

// left = right, and left := right, whose right side does not see what left declares.
void Lowering::UnifyTerms(const Term* left, const Term* right, size_t index,
                          const Location& location) {
  bool variable_left = left->type == Term::Type::kVar;
  size_t after = scope_->at;
  bool declares = false;
  if (variable_left) {
    auto found = scope_->declared.find(left->name);
    declares = found != scope_->declared.end() && found->second.since == 2 * index + 1;
  }
  auto lower_left = [&] {
    scope_->at = after;
    return Lower(left);
  };
  if (!declares) {
    // Patterns on the left may declare as well ([a, b] := f(a)): right first, a place before.
    bool assigns = left->type == Term::Type::kArrayTerm || left->type == Term::Type::kObjectTerm;
    if (assigns) scope_->at = 2 * index;
  } else {
    scope_->at = 2 * index;
  }
  if (variable_left) {
    // The value goes straight to the variable where there is one.
    GoalTerm* target = nullptr;
    if (right->type == Term::Type::kRef || right->type == Term::Type::kCall ||
        right->body != nullptr || right->type == Term::Type::kTemplate) {
      size_t before = scope_->at;
      target = lower_left();
      scope_->at = before;
      if (target->type == GoalTerm::Type::kVariable && LowerInto(right, target->variable)) {
        scope_->at = after;
        return;
      }
      GoalTerm* value = Lower(right);
      scope_->at = after;
      return Unify(target, value, location);
    }
  } else if (right->type == Term::Type::kVar && left->type != Term::Type::kArrayTerm &&
             left->type != Term::Type::kObjectTerm) {
    GoalTerm* target = Lower(right);
    if (target->type == GoalTerm::Type::kVariable && LowerInto(left, target->variable)) return;
    return Unify(Lower(left), target, location);
  }
  GoalTerm* value = Lower(right);
  Unify(lower_left(), value, location);
}

// Takes composites of the same shape apart; the rest is for run time.
void Lowering::Unify(GoalTerm* left, GoalTerm* right, const Location& location) {
  using Type = GoalTerm::Type;
  if (left->type == Type::kArrayOf && right->type == Type::kArrayOf) {
    if (left->items.size() != right->items.size()) {
      Add(Goal::Type::kFail, location);
      return;
    }
    for (size_t i = 0; i < left->items.size(); ++i) {
      Unify(left->items[i], right->items[i], location);
    }
    return;
  }
  if (left->type == Type::kObjectOf && right->type == Type::kObjectOf) {
    bool constant_keys = true;
    for (const GoalTerm* object : {left, right}) {
      for (size_t i = 0; i < object->items.size(); i += 2) {
        constant_keys &= object->items[i]->type == Type::kConstant;
      }
    }
    if (constant_keys) {
      std::map<Value, GoalTerm*> by_key;
      for (size_t i = 0; i < right->items.size(); i += 2) {
        by_key[right->items[i]->constant] = right->items[i + 1];
      }
      bool same = by_key.size() * 2 == left->items.size();
      for (size_t i = 0; same && i < left->items.size(); i += 2) {
        same = by_key.contains(left->items[i]->constant);
      }
      if (!same) {
        Add(Goal::Type::kFail, location);
        return;
      }
      for (size_t i = 0; i < left->items.size(); i += 2) {
        Unify(left->items[i + 1], by_key[left->items[i]->constant], location);
      }
      return;
    }
  }
  Goal* goal = Add(Goal::Type::kUnify, location);
  goal->left = left;
  goal->right = right;
}

// some key, member in domain: the domain does not see the names.
void Lowering::SomeIn(const Expr* expr, size_t index) {
  size_t after = scope_->at;
  scope_->at = 2 * index;
  GoalTerm* domain = Lower(expr->domain);
  scope_->at = after;
  GoalTerm* key = expr->key != nullptr
                      ? Lower(expr->key)
                      : workspace_.Var(workspace_.NewVariable("", body_, expr->location));
  GoalTerm* member = Lower(expr->member);
  Goal* goal = Add(Goal::Type::kRef, expr->location);
  goal->left = domain;
  goal->args = {key};
  if (member->type == GoalTerm::Type::kVariable) {
    goal->result = member->variable;
    return;
  }
  goal->result = Temporary(expr->location);
  Unify(workspace_.Var(goal->result), member, expr->location);
}

void Lowering::Every(const Expr* expr, size_t index) {
  GoalTerm* domain = Lower(expr->domain);
  Goal* goal = Add(Goal::Type::kEvery, expr->location);
  goal->left = domain;
  GoalBody* outside = body_;
  Scope scope;
  scope.parent = scope_;
  scope.body = NewBody();
  scope_->at = 2 * index + 1;
  auto declare = [&](const Term* term) {
    int variable = workspace_.NewVariable(term->name, scope.body, term->location);
    if (term->name != "_") scope.declared[term->name] = {variable, 0};
    return variable;
  };
  if (expr->key != nullptr) goal->key = declare(expr->key);
  goal->member = declare(expr->member);
  goal->body = scope.body;
  scope_ = &scope;
  Collect(expr->body, &scope);
  Statements(scope.body, expr->body);
  scope_ = scope.parent;
  body_ = outside;
}

// One `with target as value`: what is replaced, and by what.
bool Lowering::LowerWith(const With& with, Goal* goal) {
  const Term* target = with.target;
  const Term* head = target->type == Term::Type::kRef ? target->items[0] : target;
  auto fail = [&](std::string_view message) {
    compiler_.Fail("rego_type_error", message, with.location);
    return false;
  };
  if (head->type != Term::Type::kVar) return fail("with target must be a reference");
  if (target->items.size() > kMaxPath) return fail("with target is too long");
  WithTarget out;
  Meaning meaning;
  bool global = ResolveGlobal(head->name, &meaning);
  std::vector<std::string_view> names = meaning.path;
  std::string dotted(head->name);
  for (size_t i = 1; target->type == Term::Type::kRef && i < target->items.size(); ++i) {
    const Term* item = target->items[i];
    if (item->type != Term::Type::kScalar || !item->value.is_string()) {
      return fail("with target must not contain variables");
    }
    names.push_back(item->value.string());
    StrAppend(&dotted, ".", item->value.string());
  }
  out.callee = !global || meaning.input ? -1 : compiler_.FunctionAt(compiler_.FindNode(names));
  if (out.callee >= 0) {
    out.kind = WithTarget::Kind::kFunction;
  } else if (global) {
    out.kind = meaning.input ? WithTarget::Kind::kInput : WithTarget::Kind::kData;
    std::vector<Value> path;
    for (std::string_view name : names) path.push_back(Value::BorrowString(name));
    out.path = compiler_.Path(path);
  } else {
    const Builtin* builtin = compiler_.builtins().Find(dotted);
    if (builtin == nullptr) {
      return fail("with keyword target must reference existing input, data, or a function");
    }
    out.kind = WithTarget::Kind::kBuiltin;
    out.callee = compiler_.BuiltinIndex(builtin);
  }
  if (out.kind == WithTarget::Kind::kFunction || out.kind == WithTarget::Kind::kBuiltin) {
    // A function's name as the value?
    const Term* value = with.value;
    std::string name;
    if (value->type == Term::Type::kVar) name = value->name;
    if (value->type == Term::Type::kRef && value->items[0]->type == Term::Type::kVar) {
      name = value->items[0]->name;
      for (size_t i = 1; i < value->items.size(); ++i) {
        const Term* item = value->items[i];
        bool text = item->type == Term::Type::kScalar && item->value.is_string();
        StrAppend(&name, ".", text ? item->value.string() : std::string_view("?"));
      }
    }
    int32_t group;
    const Builtin* builtin;
    if (!name.empty() && ResolveFunction(name, &group, &builtin)) {
      out.new_group = group;
      if (builtin != nullptr) out.new_builtin = compiler_.BuiltinIndex(builtin);
      goal->withs.push_back(out);
      goal->args.push_back(workspace_.Constant(Value::Null()));
      return true;
    }
  }
  goal->withs.push_back(out);
  goal->args.push_back(Lower(with.value));
  return true;
}

}  // namespace nacre::rego
