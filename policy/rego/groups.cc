// Groups that no rule names: the value of a whole package, of a rule whose ref has variables, and
// of one child of such a rule. They are made of ordinary instructions, so that the evaluator needs
// no recursion for them and `with`, budgets and explanations treat them like rules.
#include <algorithm>

#include "base/strings.h"
#include "policy/rego/compiler.h"

namespace nacre::rego {

bool Compiler::HasValue(int32_t node) const {
  return !program_.nodes[static_cast<size_t>(node)].function;
}

int32_t Compiler::ValueGroup(int32_t node) {
  const Node& at = program_.nodes[static_cast<size_t>(node)];
  if (at.value >= 0) return at.value;
  if (at.rule >= 0 && at.dynamic < 0) {
    return program_.nodes[static_cast<size_t>(node)].value = at.rule;
  }
  bool dynamic = at.dynamic >= 0;
  if (dynamic && at.children.empty()) {
    return program_.nodes[static_cast<size_t>(node)].value = at.dynamic;
  }
  int32_t group = NewGroup(dynamic ? Group::Kind::kRows : Group::Kind::kNode, NodeName(node), {});
  program_.groups[static_cast<size_t>(group)].path = at.path;
  program_.nodes[static_cast<size_t>(node)].value = group;
  pending_nodes_.emplace_back(group, node);
  return group;
}

// key, value for each child and for each base document. Packages below include the base documents
// of their place; in place of a rule's value a base document counts, since it comes later.
void Compiler::NodeClauses(int32_t group, int32_t node) {
  std::vector<std::pair<std::string_view, int32_t>> children =
      program_.nodes[static_cast<size_t>(node)].children;
  std::vector<int32_t> clauses;
  std::vector<Value> hidden;
  for (const auto& [name, child] : children) {
    if (!HasValue(child)) continue;
    int32_t begin = Here();
    int32_t value = ValueGroup(child);
    CallsGroup(value);
    bool package = program_.groups[static_cast<size_t>(value)].kind == Group::Kind::kNode;
    if (package) hidden.push_back(Value::BorrowString(name));
    Emit({Op::kCallRule, 0, 0, 0, value, 0}, {});
    Emit({Op::kReturn, 0, 0, ~Constant(Value::BorrowString(name)), 0, 0}, {});
    clauses.push_back(FinishClause(begin, 1, {}));
  }
  int32_t begin = Here();
  SetBuilder names(arena_);
  for (const Value& name : hidden) names.Add(name);
  Emit({Op::kBase, 0, 0, 0, program_.nodes[static_cast<size_t>(node)].path, 0}, {});
  Emit({Op::kScan, 0, 0, 1, 0, 2}, {});
  Emit({Op::kMember, 0, 0, 3, 2, ~Constant(names.Build())}, {});
  Emit({Op::kCompare, static_cast<uint8_t>(Comparison::kEqual), 0, 0, 3,
        ~Constant(Value::Bool(false))},
       {});
  Emit({Op::kReturn, 0, 0, 2, 1, 0}, {});
  clauses.push_back(FinishClause(begin, 4, {}));
  program_.groups[static_cast<size_t>(group)].clauses = std::move(clauses);
}

// Rows of a node with variables in its rules' refs: those of its own, and those of the rules below.
void Compiler::ExtentClauses(int32_t group, int32_t node) {
  struct Place {
    int32_t node;
    std::vector<Value> path;
  };
  std::vector<Place> places = {{node, {}}};
  std::vector<int32_t> clauses;
  for (size_t i = 0; i < places.size(); ++i) {
    Place place = places[i];
    if (!Spend(16 + place.path.size(), program_.groups[static_cast<size_t>(group)].location))
      return;
    Node at = program_.nodes[static_cast<size_t>(place.node)];
    for (const auto& [name, child] : at.children) {
      Place next{child, place.path};
      next.path.push_back(Value::BorrowString(name));
      places.push_back(std::move(next));
    }
    if (at.dynamic >= 0) {
      // Its rows, a longer way down: the clauses themselves when it is the same place.
      if (place.node == node) {
        const Group& own = program_.groups[static_cast<size_t>(at.dynamic)];
        clauses.insert(clauses.end(), own.clauses.begin(), own.clauses.end());
        calls_[group].insert(calls_[at.dynamic].begin(), calls_[at.dynamic].end());
      } else {
        int32_t begin = Here();
        CallsGroup(at.dynamic);
        Emit({Op::kCallRule, 0, 0, 0, at.dynamic, 0}, {});
        Emit({Op::kMove, 0, 0, 1, ~Constant(Value::Array(arena_, place.path)), 0}, {});
        Emit({Op::kMove, 0, 0, 2, 0, 0}, {});
        Emit({Op::kMove, 0, 0, 3, ~Constant(Value::Null()), 0}, {});
        Emit({Op::kMakeArray, 0, 3, 4, 1, 0}, {});
        Emit({Op::kReturn, 0, 0, 4, 0, 0}, {});
        clauses.push_back(FinishClause(begin, 5, {}));
      }
    }
    if (at.rule < 0 || at.function) continue;
    int32_t begin = Here();
    CallsGroup(at.rule);
    bool set = program_.groups[static_cast<size_t>(at.rule)].kind == Group::Kind::kPartialSet;
    Emit({Op::kCallRule, 0, 0, 0, at.rule, 0}, {});
    Emit({Op::kMove, 0, 0, 1, ~Constant(Value::Array(arena_, place.path)), 0}, {});
    Emit({Op::kMove, 0, 0, 2, 0, 0}, {});
    if (set) Emit({Op::kScan, 0, 0, 2, 0, 5}, {});
    Emit({Op::kMove, 0, 0, 3, ~Constant(Value::Bool(set)), 0}, {});
    Emit({Op::kMakeArray, 0, 3, 4, 1, 0}, {});
    Emit({Op::kReturn, 0, 0, 4, 0, 0}, {});
    clauses.push_back(FinishClause(begin, 6, {}));
  }
  program_.groups[static_cast<size_t>(group)].clauses = std::move(clauses);
}

// One child of a place with variables in its rules' refs: the child's own rule, or what the
// variables give for its name.
int32_t Compiler::ChildGroup(int32_t node, std::string_view name) {
  auto [place, fresh] = child_groups_.try_emplace({node, name}, -1);
  if (!fresh) return place->second;
  const Node& at = program_.nodes[static_cast<size_t>(node)];
  int32_t dynamic = at.dynamic;
  int32_t child_index = at.Child(name);
  int32_t child = program_.nodes[static_cast<size_t>(child_index)].rule;
  int32_t child_path = program_.nodes[static_cast<size_t>(child_index)].path;
  if (program_.groups[static_cast<size_t>(child)].kind == Group::Kind::kPartialSet) {
    return place->second = child;
  }
  int32_t group = NewGroup(Group::Kind::kComplete, StrCat(NodeName(node), ".", name), {});
  place->second = group;
  program_.groups[static_cast<size_t>(group)].path = child_path;
  std::vector<Instruction> instructions = {
      {Op::kCallRule, 0, 0, 0, child, 0},
      {Op::kReturn, 0, 0, 0, 0, 0},
      {Op::kCallRule, 0, 0, 0, dynamic, 0},
      {Op::kLookup, 0, 0, 1, 0, ~Constant(Value::BorrowString(name))},
      {Op::kReturn, 0, 0, 1, 0, 0},
  };
  deferred_.push_back({group, std::move(instructions)});
  calls_[group] = {child, dynamic};
  return group;
}

// Called between clauses: an instruction in the middle of a clause would be run with it.
void Compiler::EmitDeferred() {
  while (!pending_nodes_.empty()) {
    auto [group, node] = pending_nodes_.back();
    pending_nodes_.pop_back();
    current_group_ = group;
    if (program_.nodes[static_cast<size_t>(node)].dynamic >= 0) {
      ExtentClauses(group, node);
    } else {
      NodeClauses(group, node);
    }
  }
  for (const Deferred& deferred : deferred_) {
    int32_t begin = Here();
    for (size_t i = 0; i < deferred.instructions.size(); ++i) {
      Emit(deferred.instructions[i], {});
      if (deferred.instructions[i].op != Op::kReturn) continue;
      int32_t clause = FinishClause(begin, 2, {});
      program_.groups[static_cast<size_t>(deferred.group)].clauses.push_back(clause);
      begin = Here();
    }
  }
  deferred_.clear();
}

void Compiler::CallsBelow(int32_t node, const Location& location) {
  std::vector<int32_t> below = {node};
  for (size_t i = 0; i < below.size() && Spend(8, location); ++i) {
    const Node& at = program_.nodes[static_cast<size_t>(below[i])];
    if (at.rule >= 0 && !at.function) CallsGroup(at.rule);
    if (at.dynamic >= 0) CallsGroup(at.dynamic);
    for (const auto& [name, child] : at.children) below.push_back(child);
  }
}

// Depth-first over the calls, with a stack of our own. What is found while it is still on the way
// calls itself.
void Compiler::CheckRecursion() {
  enum : uint8_t { kNew, kOnTheWay, kDone };
  std::vector<uint8_t> state(program_.groups.size(), kNew);
  struct Step {
    int32_t group;
    std::set<int32_t>::const_iterator next;
  };
  for (int32_t root = 0; root < static_cast<int32_t>(state.size()); ++root) {
    if (state[static_cast<size_t>(root)] != kNew) continue;
    std::vector<Step> stack = {{root, calls_[root].begin()}};
    state[static_cast<size_t>(root)] = kOnTheWay;
    while (!stack.empty()) {
      Step& top = stack.back();
      if (top.next == calls_[top.group].end()) {
        state[static_cast<size_t>(top.group)] = kDone;
        stack.pop_back();
        continue;
      }
      int32_t next = *top.next++;
      if (state[static_cast<size_t>(next)] == kNew) {
        state[static_cast<size_t>(next)] = kOnTheWay;
        stack.push_back({next, calls_[next].begin()});
      } else if (state[static_cast<size_t>(next)] == kOnTheWay) {
        std::string cycle;
        auto first = std::find_if(stack.begin(), stack.end(),
                                  [&](const Step& step) { return step.group == next; });
        const Group* named = &program_.groups[static_cast<size_t>(next)];
        for (auto step = first; step != stack.end(); ++step) {
          const Group& group = program_.groups[static_cast<size_t>(step->group)];
          if (group.location.line != 0 && named->location.line == 0) named = &group;
          StrAppend(&cycle, group.name, " -> ");
        }
        Fail("rego_recursion_error",
             StrCat("rule ", named->name, " is recursive: ", cycle,
                    program_.groups[static_cast<size_t>(next)].name),
             named->location);
        return;
      }
    }
  }
}

}  // namespace nacre::rego
