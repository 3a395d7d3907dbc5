// What each kind of goal becomes.
#include "policy/rego/emit.h"

namespace nacre::rego {

void Emitter::EmitGoal(const Goal& goal) {
  switch (goal.type) {
    case Goal::Type::kFail:
      Emit(Op::kFail);
      return;
    case Goal::Type::kRef:
      return EmitRef(goal);
    case Goal::Type::kUnify:
      return EmitUnify(goal);
    case Goal::Type::kCheck:
      Emit(Op::kCheck, Operand(goal.left, goal.location));
      return;
    case Goal::Type::kCall:
      return EmitCall(goal);
    case Goal::Type::kArithmetic:
    case Goal::Type::kCompare: {
      int32_t left = Operand(goal.args[0], goal.location);
      int32_t right = Operand(goal.args[1], goal.location);
      if (goal.type == Goal::Type::kCompare && goal.result < 0) {
        Emit(Op::kCompare, 0, left, right, goal.op);
        return;
      }
      int32_t result = ResultRegister(goal.result);
      Emit(goal.type == Goal::Type::kCompare ? Op::kCompareValue : Op::kArithmetic, result, left,
           right, goal.op);
      return BindResult(goal.result, result);
    }
    case Goal::Type::kMember:
      return EmitMember(goal);
    case Goal::Type::kCollect:
      return EmitCollect(goal);
    case Goal::Type::kNot:
      return EmitNot(goal);
    case Goal::Type::kWith:
      return EmitWith(goal);
    case Goal::Type::kEvery:
      return EmitEvery(goal);
    case Goal::Type::kTemplate:
      return EmitTemplate(goal);
  }
}

void Emitter::EmitRef(const Goal& goal) {
  if (goal.base == Goal::Base::kData) return EmitDataRef(goal);
  int32_t from;
  if (goal.base == Goal::Base::kInput) {
    from = goal.args.empty() ? ResultRegister(goal.result) : NewRegister();
    Emit(Op::kInput, from);
    if (goal.args.empty()) return BindResult(goal.result, from);
  } else {
    from = Operand(goal.left, goal.location);
  }
  EmitSteps(goal, 0, from, false);
}

// From `from` through args[first...], one lookup or scan each.
void Emitter::EmitSteps(const Goal& goal, size_t first, int32_t from, bool node) {
  for (size_t i = first; i < goal.args.size(); ++i) {
    const GoalTerm* arg = goal.args[i];
    bool last = i + 1 == goal.args.size();
    // The result may be the very variable that this step scans with; then it is not free.
    bool direct = last && !node && goal.result >= 0 && !IsBound(goal.result);
    ForEachVariable(arg, [&](int variable) { direct &= variable != goal.result; });
    int32_t to = direct ? goal.result : NewRegister();
    if (node) NewRegister();
    if (IsBound(arg)) {
      Emit(node ? Op::kNodeLookup : Op::kLookup, to, from, Operand(arg, goal.location));
    } else if (arg->type == GoalTerm::Type::kVariable) {
      Emit(node ? Op::kNodeScan : Op::kScan, to, from, arg->variable);
      Bind(arg->variable);
    } else {
      int32_t key = NewRegister();
      Emit(node ? Op::kNodeScan : Op::kScan, to, from, key);
      EmitMatch(arg, key);
    }
    from = to;
  }
  if (node) {
    int32_t whole = ResultRegister(goal.result);
    Emit(Op::kNodeValue, whole, from);
    return BindResult(goal.result, whole);
  }
  if (goal.result < 0 || goal.result == from) return;
  if (IsBound(goal.result)) {
    Emit(Op::kEqual, goal.result, from);
  } else {
    Emit(Op::kMove, goal.result, from);
  }
}

// data.a.b...: as far as the names are constant, the place in the tree of rules is known now.
void Emitter::EmitDataRef(const Goal& goal) {
  int32_t from = NewRegister();
  NewRegister();
  bool node = false;
  size_t done = EmitStaticPrefix(goal, &from, &node);
  EmitSteps(goal, done, from, node);
}

size_t Emitter::EmitStaticPrefix(const Goal& goal, int32_t* from, bool* is_node) {
  auto name = [&](size_t i) -> const Value* {
    if (i >= goal.args.size() || goal.args[i]->type != GoalTerm::Type::kConstant) return nullptr;
    return goal.args[i]->constant.is_string() ? &goal.args[i]->constant : nullptr;
  };
  auto call = [&](int32_t group) {
    compiler_.CallsGroup(group);
    Emit(Op::kCallRule, *from, group);
  };
  const std::vector<Node>& nodes = compiler_.program().nodes;
  auto at = [&](int32_t index) -> const Node& { return nodes[static_cast<size_t>(index)]; };
  int32_t node = 0;
  size_t i = 0;
  for (; at(node).rule < 0 && at(node).dynamic < 0 && name(i) != nullptr; ++i) {
    int32_t child = at(node).Child(name(i)->string());
    if (child < 0) break;
    node = child;
  }
  if (at(node).rule >= 0 && at(node).dynamic < 0) {
    if (at(node).function) {
      Emit(Op::kFail);  // a function is no value
    } else {
      call(at(node).rule);
    }
    return i;
  }
  if (at(node).dynamic >= 0) {
    int32_t child = name(i) != nullptr ? at(node).Child(name(i)->string()) : -1;
    if (child >= 0 && at(child).rule >= 0 && at(child).children.empty()) {
      call(compiler_.ChildGroup(node, name(i)->string()));
      return i + 1;
    }
    call(compiler_.ValueGroup(node));
    return i;
  }
  if (i == goal.args.size()) {
    call(compiler_.ValueGroup(node));
    return i;
  }
  std::vector<Value> path;
  for (size_t k = 0; k < i; ++k) path.push_back(*name(k));
  if (goal.args[i]->type == GoalTerm::Type::kConstant || at(node).children.empty()) {
    // No rule can be here: only base documents.
    for (; i < goal.args.size() && goal.args[i]->type == GoalTerm::Type::kConstant; ++i) {
      path.push_back(goal.args[i]->constant);
    }
    Emit(Op::kBase, *from, compiler_.Path(path));
    return i;
  }
  compiler_.CallsBelow(node, goal.location);
  Emit(Op::kNodeStart, *from, node, compiler_.Path(path));
  *is_node = true;
  return i;
}

void Emitter::EmitUnify(const Goal& goal) {
  const GoalTerm* value = goal.left;
  const GoalTerm* pattern = goal.right;
  if (!IsBound(value) || !CanMatch(pattern)) std::swap(value, pattern);
  int32_t from = Operand(value, goal.location);
  EmitMatch(pattern, from);
}

void Emitter::EmitMatch(const GoalTerm* pattern, int32_t from) {
  if (IsBound(pattern)) {
    Emit(Op::kEqual, from, Operand(pattern, location_));
    return;
  }
  if (pattern->type == GoalTerm::Type::kVariable) {
    Emit(Op::kMove, pattern->variable, from);
    Bind(pattern->variable);
    return;
  }
  // What matches by equality before what binds: the same variable may stand in two places.
  bool array = pattern->type == GoalTerm::Type::kArrayOf;
  size_t count = array ? pattern->items.size() : pattern->items.size() / 2;
  Emit(array ? Op::kMatchArray : Op::kMatchObject, from, 0, 0, 0, count);
  for (size_t i = 0; i < count; ++i) {
    const GoalTerm* item = pattern->items[array ? i : 2 * i + 1];
    bool direct = item->type == GoalTerm::Type::kVariable && !IsBound(item);
    int32_t to = direct ? item->variable : NewRegister();
    if (array) {
      Emit(Op::kElement, to, from, 0, 0, i);
    } else {
      Emit(Op::kLookup, to, from, Operand(pattern->items[2 * i], location_));
    }
    if (direct) {
      Bind(item->variable);
    } else {
      EmitMatch(item, to);
    }
  }
}

void Emitter::EmitCall(const Goal& goal) {
  int32_t first = EmitItems(goal.args);
  int32_t result = ResultRegister(goal.result);
  if (goal.group >= 0) {
    compiler_.CallsGroup(goal.group);
    Emit(Op::kCallFunction, result, goal.group, first, 0, goal.args.size());
  } else {
    Emit(Op::kCallBuiltin, result, compiler_.BuiltinIndex(goal.builtin), first, 0,
         goal.args.size());
  }
  BindResult(goal.result, result);
}

void Emitter::EmitMember(const Goal& goal) {
  int32_t result = goal.result < 0 ? NewRegister() : ResultRegister(goal.result);
  int32_t domain = Operand(goal.args.back(), goal.location);
  if (goal.args.size() == 2) {
    Emit(Op::kMember, result, Operand(goal.args[0], goal.location), domain);
  } else {
    Emit(Op::kMemberPair, result, EmitItems({goal.args[0], goal.args[1]}), domain);
  }
  BindResult(goal.result, result);
}

void Emitter::EmitCollect(const Goal& goal) {
  int32_t result = ResultRegister(goal.result);
  int32_t begin = Emit(Op::kCollect, result, 0, 0, goal.op);
  if (!EmitBody(*goal.body)) return;
  for (const GoalTerm* pattern : goal.body->yield) {
    if (!CheckSafe(pattern, goal.location)) return;
  }
  location_ = goal.location;
  int32_t value = Operand(goal.body->yield[0], goal.location);
  int32_t second = goal.body->yield.size() > 1 ? Operand(goal.body->yield[1], goal.location) : 0;
  Emit(Op::kYield, value, second, 0, goal.op);
  compiler_.At(begin).c = compiler_.Here() - begin;
  BindResult(goal.result, result);
}

void Emitter::EmitNot(const Goal& goal) {
  int32_t begin = Emit(Op::kCollect, 0, 0, 0, static_cast<uint8_t>(Collector::kNot));
  if (!EmitBody(*goal.body)) return;
  location_ = goal.location;
  Emit(Op::kYield, 0, 0, 0, static_cast<uint8_t>(Collector::kNot));
  compiler_.At(begin).c = compiler_.Here() - begin;
}

// every key, member in domain { body }: no element for which the body has no solution.
void Emitter::EmitEvery(const Goal& goal) {
  auto collector = static_cast<uint8_t>(Collector::kNot);
  int32_t domain = Operand(goal.left, goal.location);
  Emit(Op::kCheckCollection, domain);
  int32_t outer = Emit(Op::kCollect, 0, 0, 0, collector);
  int32_t key = goal.key >= 0 ? goal.key : NewRegister();
  Emit(Op::kScan, goal.member, domain, key);
  if (goal.key >= 0) Bind(goal.key);
  Bind(goal.member);
  int32_t inner = Emit(Op::kCollect, 0, 0, 0, collector);
  if (!EmitBody(*goal.body)) return;
  location_ = goal.location;
  Emit(Op::kYield, 0, 0, 0, collector);
  compiler_.At(inner).c = compiler_.Here() - inner;
  Emit(Op::kYield, 0, 0, 0, collector);
  compiler_.At(outer).c = compiler_.Here() - outer;
}

// The body runs to its end under the replacements; what it binds comes out as a list of rows.
void Emitter::EmitWith(const Goal& goal) {
  std::vector<WithTarget> targets = goal.withs;
  for (size_t i = 0; i < targets.size(); ++i) {
    targets[i].operand = Operand(goal.args[i], goal.location);
    if (targets[i].new_group >= 0) compiler_.CallsGroup(targets[i].new_group);
  }
  std::vector<GoalTerm*> outputs;
  for (int variable : goal.body->outer) {
    if (!IsBound(variable)) outputs.push_back(workspace_.Var(variable));
  }
  auto index = static_cast<int32_t>(compiler_.program().withs.size());
  compiler_.program().withs.push_back(std::move(targets));
  Emit(Op::kPushWith, 0, index);
  auto kind = outputs.empty() ? Collector::kExists : Collector::kArrayOf;
  int32_t rows = NewRegister();
  int32_t begin =
      Emit(Op::kCollect, rows, 0, 0, static_cast<uint8_t>(static_cast<uint8_t>(kind) | kEndsWith));
  if (!EmitBody(*goal.body)) return;
  location_ = goal.location;
  int32_t row = 0;
  if (!outputs.empty()) {
    int32_t first = EmitItems(outputs);
    row = NewRegister();
    Emit(Op::kMakeArray, row, first, 0, 0, outputs.size());
  }
  Emit(Op::kYield, row, 0, 0, static_cast<uint8_t>(kind));
  compiler_.At(begin).c = compiler_.Here() - begin;
  if (outputs.empty()) return;
  int32_t found = NewRegister();
  int32_t unused = NewRegister();
  Emit(Op::kScan, found, rows, unused);
  for (size_t i = 0; i < outputs.size(); ++i) {
    Emit(Op::kElement, outputs[i]->variable, found, 0, 0, i);
    Bind(outputs[i]->variable);
  }
}

void Emitter::EmitTemplate(const Goal& goal) {
  auto count = static_cast<int32_t>(goal.args.size());
  int32_t first = registers_;
  registers_ += count;
  size_t body = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (goal.args[static_cast<size_t>(i)] != nullptr) {
      Emit(Op::kMove, first + i, Operand(goal.args[static_cast<size_t>(i)], goal.location));
      continue;
    }
    const GoalBody& part = *goal.bodies[body++];
    // A set: solutions that say the same are one.
    int32_t begin = Emit(Op::kCollect, first + i, 0, 0, static_cast<uint8_t>(Collector::kSetOf));
    if (!EmitBody(part) || !CheckSafe(part.yield[0], goal.location)) return;
    location_ = goal.location;
    int32_t value = Operand(part.yield[0], goal.location);
    Emit(Op::kYield, value, 0, 0, static_cast<uint8_t>(Collector::kSetOf));
    compiler_.At(begin).c = compiler_.Here() - begin;
  }
  int32_t result = ResultRegister(goal.result);
  Emit(Op::kTemplate, result, first, 0, 0, goal.args.size());
  BindResult(goal.result, result);
}

}  // namespace nacre::rego
