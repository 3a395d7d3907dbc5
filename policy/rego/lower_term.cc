// Terms. What is left of a term is a pattern; references, calls and comprehensions in it become
// goals whose results the pattern names.
#include "base/strings.h"
#include "policy/rego/lower.h"

namespace nacre::rego {

GoalTerm* Lowering::Lower(const Term* term) {
  switch (term->type) {
    case Term::Type::kScalar:
      return workspace_.Constant(term->value);
    case Term::Type::kVar: {
      Meaning meaning = Resolve(term);
      if (meaning.variable >= 0) return workspace_.Var(meaning.variable);
      break;
    }
    case Term::Type::kArrayTerm:
      return LowerItems(term, GoalTerm::Type::kArrayOf);
    case Term::Type::kObjectTerm:
      return LowerItems(term, GoalTerm::Type::kObjectOf);
    case Term::Type::kSetTerm:
      return LowerItems(term, GoalTerm::Type::kSetOf);
    default:
      break;
  }
  int result = Temporary(term->location);
  LowerInto(term, result);
  return workspace_.Var(result);
}

GoalTerm* Lowering::LowerItems(const Term* term, GoalTerm::Type type) {
  GoalTerm* out = workspace_.NewGoalTerm(type);
  bool constant = true;
  for (const Term* item : term->items) {
    out->items.push_back(Lower(item));
    constant &= out->items.back()->type == GoalTerm::Type::kConstant;
  }
  if (!constant) return out;
  Arena& arena = compiler_.arena();
  if (type == GoalTerm::Type::kObjectOf) {
    ObjectBuilder builder(arena, term->items.size() / 2);
    for (size_t i = 0; i < out->items.size(); i += 2) {
      builder.Set(out->items[i]->constant, out->items[i + 1]->constant);
    }
    return workspace_.Constant(builder.Build());
  }
  if (type == GoalTerm::Type::kSetOf) {
    SetBuilder builder(arena, term->items.size());
    for (const GoalTerm* item : out->items) builder.Add(item->constant);
    return workspace_.Constant(builder.Build());
  }
  ArrayBuilder builder(arena, term->items.size());
  for (const GoalTerm* item : out->items) builder.Add(item->constant);
  return workspace_.Constant(builder.Build());
}

bool Lowering::LowerInto(const Term* term, int variable) {
  switch (term->type) {
    case Term::Type::kVar:
    case Term::Type::kRef:
      LowerRef(term, variable);
      return true;
    case Term::Type::kCall:
      LowerCall(term, variable);
      return true;
    case Term::Type::kArrayComprehension:
    case Term::Type::kSetComprehension:
    case Term::Type::kObjectComprehension:
      LowerComprehension(term, variable);
      return true;
    case Term::Type::kTemplate:
      LowerTemplate(term, variable);
      return true;
    default:
      return false;
  }
}

// A reference, or a variable that means a document.
void Lowering::LowerRef(const Term* term, int result) {
  const Term* head = term->type == Term::Type::kRef ? term->items[0] : term;
  Goal::Base base = Goal::Base::kPattern;
  GoalTerm* left = nullptr;
  std::vector<GoalTerm*> args;
  if (head->type == Term::Type::kVar) {
    Meaning meaning = Resolve(head);
    if (meaning.variable >= 0) {
      left = workspace_.Var(meaning.variable);
    } else {
      base = meaning.input ? Goal::Base::kInput : Goal::Base::kData;
      for (std::string_view name : meaning.path) {
        args.push_back(workspace_.Constant(Value::BorrowString(name)));
      }
    }
  } else {
    left = Lower(head);
  }
  for (size_t i = 1; term->type == Term::Type::kRef && i < term->items.size(); ++i) {
    args.push_back(Lower(term->items[i]));
  }
  Goal* goal = Add(Goal::Type::kRef, term->location);
  goal->base = base;
  goal->left = left;
  goal->args = std::move(args);
  goal->result = result;
}

// Whether the number of arguments is right. Two more than declared never is; one more is the place
// of the result.
bool Lowering::CheckCall(const Term* term, int32_t group, const Builtin* builtin, size_t* arity) {
  *arity = group >= 0
               ? static_cast<size_t>(compiler_.program().groups[static_cast<size_t>(group)].arity)
               : builtin->args.size();
  if (term->items.size() == *arity || term->items.size() == *arity + 1) return true;
  compiler_.Fail("rego_type_error",
                 StrCat(term->name, ": arity mismatch: expected ", *arity, " arguments but got ",
                        term->items.size()),
                 term->location);
  return false;
}

void Lowering::LowerCall(const Term* term, int result) {
  using Type = Goal::Type;
  static constexpr std::string_view kArithmetic[] = {"plus", "minus", "mul", "div",
                                                     "rem",  "and",   "or"};
  static constexpr std::string_view kComparisons[] = {"equal", "neq", "lt", "lte", "gt", "gte"};
  if (term->infix) {
    std::vector<GoalTerm*> args;
    for (const Term* item : term->items) args.push_back(Lower(item));
    Type type = Type::kMember;
    size_t op = 0;
    for (size_t i = 0; i < std::size(kArithmetic); ++i) {
      if (term->name == kArithmetic[i]) type = Type::kArithmetic, op = i;
    }
    for (size_t i = 0; i < std::size(kComparisons); ++i) {
      if (term->name == kComparisons[i]) type = Type::kCompare, op = i;
    }
    Goal* goal = Add(type, term->location);
    goal->args = std::move(args);
    goal->op = static_cast<uint8_t>(op);
    goal->result = result;
    return;
  }
  int32_t group;
  const Builtin* builtin;
  size_t arity = 0;
  if (!ResolveFunction(term->name, &group, &builtin)) {
    compiler_.Fail("rego_type_error", StrCat("undefined function ", term->name), term->location);
    return;
  }
  if (!CheckCall(term, group, builtin, &arity)) return;
  bool chain = term->name == "rego.metadata.chain", own = term->name == "rego.metadata.rule";
  if (builtin != nullptr && rule_ != nullptr && (chain || own)) {
    Value value =
        chain ? compiler_.MetadataChain(module_, *rule_) : compiler_.MetadataRule(module_, *rule_);
    return Unify(workspace_.Var(result), workspace_.Constant(value), term->location);
  }
  std::vector<GoalTerm*> args;
  for (size_t i = 0; i < arity; ++i) args.push_back(Lower(term->items[i]));
  Goal* goal = Add(Type::kCall, term->location);
  goal->args = std::move(args);
  goal->group = group;
  goal->builtin = builtin;
  goal->result = result;
}

// A nested body with a scope of its own; `fill` says what it yields.
template <typename Fill>
GoalBody* Lowering::Nested(const Body* statements, const std::vector<Term*>& head, Fill fill) {
  GoalBody* outside = body_;
  Scope scope;
  scope.parent = scope_;
  scope.body = NewBody();
  scope_ = &scope;
  body_ = scope.body;
  for (const Term* term : head) CollectTerm(term, &scope);
  if (statements != nullptr) {
    Collect(statements, &scope);
    Statements(scope.body, statements);
  }
  fill(&scope);
  scope_ = scope.parent;
  body_ = outside;
  return scope.body;
}

void Lowering::LowerComprehension(const Term* term, int result) {
  GoalBody* body = Nested(term->body, term->items, [&](Scope* scope) {
    for (const Term* item : term->items) {
      GoalTerm* pattern = Lower(item);
      scope->body->yield.push_back(pattern);
    }
  });
  Goal* goal = Add(Goal::Type::kCollect, term->location);
  goal->op =
      static_cast<uint8_t>(term->type == Term::Type::kArrayComprehension ? Collector::kArrayOf
                           : term->type == Term::Type::kSetComprehension ? Collector::kSetOf
                                                                         : Collector::kObjectOf);
  goal->body = body;
  goal->result = result;
}

void Lowering::LowerTemplate(const Term* term, int result) {
  std::vector<GoalBody*> bodies;
  std::vector<GoalTerm*> texts;  // constant text, or null where a body stands
  for (const Expr* part : term->parts) {
    bool text = part->term->type == Term::Type::kScalar && !part->term->parenthesised &&
                part->term->value.is_string();
    texts.push_back(text ? workspace_.Constant(part->term->value) : nullptr);
    if (text) continue;
    bodies.push_back(Nested(nullptr, {}, [&](Scope* scope) {
      // One statement, result = term, that may carry `with`.
      scope->at = 1;
      CollectExpr(part, scope);
      int value = workspace_.NewVariable("", scope->body, part->location);
      GoalBody* holder = scope->body;
      Goal with;
      for (const With& one : part->with) {
        if (!LowerWith(one, &with)) return;
      }
      if (!part->with.empty()) {
        Goal* goal = Add(Goal::Type::kWith, part->location);
        with.type = goal->type;
        with.location = goal->location;
        *goal = with;
        goal->body = body_ = NewBody();
      }
      Unify(workspace_.Var(value), Lower(part->term), part->location);
      body_ = holder;
      holder->yield.push_back(workspace_.Var(value));
    }));
  }
  Goal* goal = Add(Goal::Type::kTemplate, term->location);
  goal->bodies = std::move(bodies);
  goal->args = std::move(texts);
  goal->result = result;
}

}  // namespace nacre::rego
