// The kinds of a variable are those of everything in the clause that could bind it. A goal is then
// judged by what all other goals say: if none of them can give a variable a kind that this goal
// takes, no order of evaluation saves it.
//
// OPA instead gives a variable the type of the goal that binds it first, in its own order of
// evaluation. Where all goals run as written, that order is ours too, and the first goal decides
// here as well; where some had to wait, taking all of them together is what keeps this check from
// refusing anything OPA does not.
//
// Three things are left alone because OPA leaves them alone: the body of `every`, the parts of a
// template string, and the replacements of `with`. And what stands inside a literal that is handed
// to something of more than one kind is not trusted any more: OPA forgets its type there.
#include "policy/rego/type_check.h"

#include "base/strings.h"
#include "policy/rego/operators.h"

namespace nacre::rego {
namespace {

constexpr KindMask kCollections = kArray | kObject | kSet;

bool OneKind(KindMask mask) { return (mask & (mask - 1)) == 0; }

KindMask CollectedKind(uint8_t op) {
  switch (static_cast<Collector>(op)) {
    case Collector::kArrayOf:
      return kArray;
    case Collector::kSetOf:
      return kSet;
    case Collector::kObjectOf:
      return kObject;
    default:
      return kAny;
  }
}

bool IsVariable(const GoalTerm* term) { return term->type == GoalTerm::Type::kVariable; }

bool IsConstant(const GoalTerm* term, Kind kind) {
  return term->type == GoalTerm::Type::kConstant && term->constant.kind() == kind;
}

}  // namespace

TypeCheck::TypeCheck(Compiler& compiler, const Workspace& workspace, const Clause& clause)
    : compiler_(compiler),
      workspace_(workspace),
      clause_(clause),
      settled_(workspace.variables.size(), false),
      all_(workspace.variables.size(), 0),
      ways_(workspace.variables.size()) {}

void TypeCheck::Run(const GoalBody& body) {
  for (int i = 0; i < clause_.parameters; ++i) AddSource(i, kAny);
  Collect(body, true);
  Solve();
  for (const Step& step : steps_) {
    if (!step.checked) continue;
    Withdraw(step, false);
    Check(*step.goal);
    Withdraw(step, true);
  }
}

void TypeCheck::Collect(const GoalBody& body, bool checked) {
  for (const Goal* goal : body.goals) {
    size_t first = sources_.size();
    CollectSources(*goal);
    steps_.push_back({goal, first, sources_.size(), checked});
    compiler_.Spend(1 + sources_.size() - first, goal->location);
    if (goal->body != nullptr) {
      Collect(*goal->body, checked && goal->type != Goal::Type::kEvery);
    }
    for (const GoalBody* part : goal->bodies) Collect(*part, false);
  }
}

void TypeCheck::AddSource(int variable, KindMask fixed, const GoalTerm* from, bool key) {
  if (variable < 0) return;
  auto index = static_cast<size_t>(variable);
  if (clause_.in_order && settled_[index]) return;
  settled_[index] = true;
  sources_.push_back({variable, fixed, from, key});
}

// A literal's variables may be anything from here on.
void TypeCheck::Widen(const GoalTerm* term) {
  ForEachVariable(term, [&](int variable) {
    sources_.push_back({variable, kAny, nullptr, false});
  });
}

void TypeCheck::CollectSources(const Goal& goal) {
  using Type = Goal::Type;
  switch (goal.type) {
    case Type::kRef:
      for (size_t i = 0; i < goal.args.size(); ++i) {
        if (!IsVariable(goal.args[i])) {
          Widen(goal.args[i]);
        } else if (i == 0 && goal.base == Goal::Base::kPattern) {
          AddSource(goal.args[i]->variable, 0, goal.left, true);
        } else {
          AddSource(goal.args[i]->variable, kAny);
        }
      }
      return AddSource(goal.result, kAny);
    case Type::kUnify:
      CollectUnify(goal.left, goal.right);
      return CollectUnify(goal.right, goal.left);
    case Type::kCall:
      for (size_t i = 0; i < goal.args.size(); ++i) {
        bool one = goal.builtin != nullptr && OneKind(goal.builtin->args[i]);
        if (!IsVariable(goal.args[i]) && !one) Widen(goal.args[i]);
      }
      return AddSource(goal.result, goal.builtin != nullptr ? goal.builtin->result : kAny);
    case Type::kArithmetic: {
      const Builtin* builtin =
          compiler_.builtins().Find(ArithmeticName(static_cast<Arith>(goal.op)));
      return AddSource(goal.result, builtin != nullptr ? builtin->result : kAny);
    }
    case Type::kCompare:
    case Type::kMember:
      for (const GoalTerm* arg : goal.args) {
        if (!IsVariable(arg)) Widen(arg);
      }
      return AddSource(goal.result, kBoolean);
    case Type::kCollect:
      return AddSource(goal.result, CollectedKind(goal.op));
    case Type::kEvery:
      AddSource(goal.key, kAny);
      return AddSource(goal.member, kAny);
    case Type::kTemplate:
      return AddSource(goal.result, kString);
    case Type::kFail:
    case Type::kCheck:
    case Type::kNot:
    case Type::kWith:
      return;
  }
}

void TypeCheck::CollectUnify(const GoalTerm* term, const GoalTerm* other) {
  if (IsVariable(term)) return AddSource(term->variable, 0, other);
  if (term->type == GoalTerm::Type::kArrayOf && IsConstant(other, Kind::kArray) &&
      other->constant.size() == term->items.size()) {
    for (size_t i = 0; i < term->items.size(); ++i) {
      const GoalTerm* item = term->items[i];
      if (!IsVariable(item)) {
        Widen(item);
      } else {
        AddSource(item->variable, MaskOf(other->constant.elements()[i].kind()));
      }
    }
    return;
  }
  Widen(term);
}

KindMask TypeCheck::KindsOf(const GoalTerm* term, const std::vector<KindMask>& known) {
  switch (term->type) {
    case GoalTerm::Type::kConstant:
      return MaskOf(term->constant.kind());
    case GoalTerm::Type::kVariable: {
      KindMask kinds = known[static_cast<size_t>(term->variable)];
      return kinds != 0 ? kinds : kAny;
    }
    case GoalTerm::Type::kArrayOf:
      return kArray;
    case GoalTerm::Type::kObjectOf:
      return kObject;
    case GoalTerm::Type::kSetOf:
      return kSet;
  }
  return kAny;
}

// While the kinds grow, a variable that nothing is known of yet gives nothing.
KindMask TypeCheck::Gives(const Source& source) const {
  if (source.from == nullptr) return source.fixed;
  if (IsVariable(source.from) && all_[static_cast<size_t>(source.from->variable)] == 0) return 0;
  KindMask kinds = KindsOf(source.from, all_);
  if (!source.key) return kinds;
  return kinds == kArray ? kNumber : kAny;
}

void TypeCheck::Solve() {
  // There and back: a chain of variables is done in two rounds, whichever way it was written.
  bool grown = true;
  for (size_t round = 0; grown; ++round) {
    grown = false;
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Source& source = sources_[round % 2 == 0 ? i : sources_.size() - 1 - i];
      KindMask& known = all_[static_cast<size_t>(source.variable)];
      auto with = static_cast<KindMask>(known | Gives(source));
      grown |= with != known;
      known = with;
    }
    if (!steps_.empty() && !compiler_.Spend(sources_.size(), steps_[0].goal->location)) return;
  }
  for (const Source& source : sources_) {
    for (size_t kind = 0; kind < 8; ++kind) {
      ways_[static_cast<size_t>(source.variable)][kind] += (Gives(source) >> kind) & 1;
    }
  }
  others_ = all_;
}

// Takes a goal's own sources out of others_, or puts them back.
void TypeCheck::Withdraw(const Step& step, bool back) {
  for (size_t i = step.first; i < step.end; ++i) {
    auto variable = static_cast<size_t>(sources_[i].variable);
    KindMask kinds = 0, own = Gives(sources_[i]);
    for (size_t kind = 0; kind < 8; ++kind) {
      uint32_t& ways = ways_[variable][kind];
      if ((own >> kind & 1) != 0) ways = back ? ways + 1 : ways - 1;
      if (ways > 0) kinds = static_cast<KindMask>(kinds | 1 << kind);
    }
    others_[variable] = kinds;
  }
}

void TypeCheck::Check(const Goal& goal) {
  using Type = Goal::Type;
  switch (goal.type) {
    case Type::kRef:
      return CheckRef(goal);
    case Type::kUnify:
      return CheckMatch(goal.left, goal.right, goal.location);
    case Type::kCall:
      return CheckArguments(goal, goal.builtin);
    case Type::kArithmetic:
      return CheckArguments(goal,
                            compiler_.builtins().Find(ArithmeticName(static_cast<Arith>(goal.op))));
    case Type::kCompare:
      if (goal.result >= 0) return CheckResult(goal, kBoolean);
      if (static_cast<Comparison>(goal.op) == Comparison::kEqual && !clause_.query) {
        CheckMatch(goal.args[0], goal.args[1], goal.location);
      }
      return;
    case Type::kMember:
      return CheckResult(goal, kBoolean);
    case Type::kCollect:
      return CheckResult(goal, CollectedKind(goal.op));
    case Type::kTemplate:
      return CheckResult(goal, kString);
    default:
      return;
  }
}

void TypeCheck::CheckArguments(const Goal& goal, const Builtin* builtin) {
  if (builtin == nullptr) return;
  std::vector<std::string> have, want;
  bool good = true;
  for (size_t i = 0; i < goal.args.size(); ++i) {
    KindMask kinds = KindsOf(goal.args[i]);
    good = good && (kinds & builtin->args[i]) != 0;
  }
  if (good) return CheckResult(goal, builtin->result);
  for (size_t i = 0; i < goal.args.size(); ++i) {
    have.push_back(KindsText(KindsOf(goal.args[i])));
    want.push_back(KindsText(builtin->args[i]));
  }
  compiler_.FailType(StrCat(builtin->name, ": invalid argument(s): have (", StrJoin(have, ", "),
                            "), want (", StrJoin(want, ", "), ")"),
                     goal.location);
}

// A literal in front of brackets is not looked at: OPA does not either.
void TypeCheck::CheckRef(const Goal& goal) {
  if (goal.base != Goal::Base::kPattern || goal.args.empty() || !IsVariable(goal.left)) return;
  KindMask base = KindsOf(goal.left), key = KindsOf(goal.args[0]);
  std::string_view name = workspace_.variables[static_cast<size_t>(goal.left->variable)].name;
  std::string what = name.empty() ? "the value" : std::string(name);
  if ((base & kCollections) == 0) {
    compiler_.FailType(
        StrCat("undefined ref: ", what, " is ", KindsText(base), " and has no members"),
        goal.location);
  } else if (base == kArray && (key & kNumber) == 0) {
    compiler_.FailType(
        StrCat("undefined ref: ", what, " is array, its keys are number, not ", KindsText(key)),
        goal.location);
  }
}

void TypeCheck::CheckResult(const Goal& goal, KindMask result) {
  if (goal.result < 0) return;
  KindMask kinds = others_[static_cast<size_t>(goal.result)];
  if (kinds != 0 && (kinds & result) == 0) FailMatch(kinds, result, goal.location);
}

void TypeCheck::CheckMatch(const GoalTerm* left, const GoalTerm* right, const Location& location) {
  KindMask a = KindsOf(left), b = KindsOf(right);
  if ((a & b) == 0) return FailMatch(a, b, location);
  for (auto [pattern, other] : {std::pair(left, right), std::pair(right, left)}) {
    if (pattern->type != GoalTerm::Type::kArrayOf || !IsConstant(other, Kind::kArray) ||
        other->constant.size() != pattern->items.size()) {
      continue;
    }
    for (size_t i = 0; i < pattern->items.size(); ++i) {
      GoalTerm element;
      element.constant = other->constant.elements()[i];
      CheckMatch(pattern->items[i], &element, location);
    }
  }
}

void TypeCheck::FailMatch(KindMask left, KindMask right, const Location& location) {
  compiler_.FailType(
      StrCat("match error: left is ", KindsText(left), ", right is ", KindsText(right)), location);
}

}  // namespace nacre::rego
