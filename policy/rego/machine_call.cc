// Calls: rules and functions, what is remembered of them, and what `with` puts in their place.
#include <algorithm>

#include "base/strings.h"
#include "policy/rego/machine.h"
#include "policy/rego/number.h"
#include "policy/rego/rule_index.h"

namespace nacre::rego {
namespace {

// Each remembers values of rules for itself.
constexpr size_t kMostScopes = 64;

uint64_t HashCall(int32_t group, std::span<const Value> args) {
  uint64_t hash = static_cast<uint64_t>(group) * 0x9e3779b97f4a7c15;
  for (const Value& arg : args) hash = (hash ^ arg.Hash()) * 0xff51afd7ed558ccd + (hash >> 29);
  return hash;
}

bool ManyValued(Group::Kind kind) {
  return kind != Group::Kind::kComplete && kind != Group::Kind::kFunction;
}

}  // namespace

std::vector<Machine::Remembered>& Machine::Memo() {
  if (memos_.size() < scope_count_) memos_.resize(scope_count_);
  std::vector<Remembered>& memo = memos_[scope_count_ - 1];
  if (memo.size() < program_->groups.size()) memo.resize(program_->groups.size());
  return memo;
}

bool Machine::CallRule(int32_t group, int32_t to) {
  const Group& called = program_->groups[static_cast<size_t>(group)];
  if (called.path >= 0 && IsReplaced(called.path)) {
    Value at = scopes_[scope_count_ - 1].data;
    for (const Value& name : program_->paths[static_cast<size_t>(called.path)]) at = at.Get(name);
    if (!at.defined()) return false;
    if (to < 0) {
      result_ = at;
      return done_ = true;
    }
    Register(to) = at;
    ++pc_;
    return true;
  }
  Remembered& known = Memo()[static_cast<size_t>(group)];
  uint64_t stamp = scopes_[scope_count_ - 1].stamp;
  if (known.stamp == stamp) {
    if (known.running) {
      return Fatal("rego_recursion_error", StrCat("rule ", called.name, " is recursive"));
    }
    if (!known.value.defined()) return false;
    Register(to) = known.value;
    ++pc_;
    return true;
  }
  known.stamp = stamp;
  known.running = true;
  return StartGroup(group, to, 0, false);
}

bool Machine::CallFunction(const Instruction& in) {
  const std::vector<WithTarget>& replaced = scopes_[scope_count_ - 1].functions;
  for (size_t i = replaced.size(); i-- > 0;) {
    if (replaced[i].kind == WithTarget::Kind::kFunction && replaced[i].callee == in.b) {
      return CallReplaced(replaced[i], in);
    }
  }
  std::span<const Value> args(&Register(in.c), in.n);
  for (const Value& arg : args) {  // may be compared with those of an earlier call
    if (arg.is_collection()) steps_left_ -= std::min<uint64_t>(steps_left_, arg.weight() / 64);
  }
  const FunctionResult& known = FunctionSlot(in.b, args, HashCall(in.b, args));
  if (known.stamp != 0) {
    if (!known.value.defined()) return false;
    Register(in.a) = known.value;
    ++pc_;
    return true;
  }
  return StartGroup(in.b, in.a, in.c, false);
}

// A call of something that `with` has replaced. Inside of a function that stands for another one,
// all functions are themselves again.
bool Machine::CallReplaced(const WithTarget& original, const Instruction& in) {
  WithTarget target = original;
  if (target.new_builtin >= 0) {
    return CallBuiltin(*program_->builtins[static_cast<size_t>(target.new_builtin)], in);
  }
  if (target.new_group < 0) {
    Register(in.a) = function_values_[static_cast<size_t>(target.operand)];
    ++pc_;
    return true;
  }
  if (program_->groups[static_cast<size_t>(target.new_group)].arity != in.n) {
    return Fatal("rego_type_error", "a function's replacement takes other arguments");
  }
  if (scope_count_ > kMostScopes) return TooManyScopes();
  PushScope().functions.clear();
  return StartGroup(target.new_group, in.a, in.c, true);
}

// What any builtin may do with its operands without counting: go through a text once (some bytes a
// nanosecond), work on a long number.
void Machine::CountOperands(std::span<const Value> args) {
  uint64_t work = 0;
  for (const Value& arg : args) {
    if (arg.is_string()) work += arg.weight() / 2;
    if (arg.is_number()) work += NumberWork(arg, args[0].is_number() ? args[0] : arg);
  }
  steps_left_ -= std::min(steps_left_, work);
}

bool Machine::CallBuiltin(const Builtin& builtin, const Instruction& in) {
  const std::vector<WithTarget>& replaced = scopes_[scope_count_ - 1].functions;
  for (size_t i = replaced.size(); i-- > 0;) {
    if (replaced[i].kind == WithTarget::Kind::kBuiltin && replaced[i].callee == in.b &&
        in.op == Op::kCallBuiltin && &builtin == program_->builtins[static_cast<size_t>(in.b)]) {
      return CallReplaced(replaced[i], in);
    }
  }
  std::span<const Value> args(&Register(in.c), in.n);
  CountOperands(args);
  auto result = builtin.function(*this, args);
  if (!result.ok()) return BuiltinFailed(builtin.name, result.status());
  if (!result->defined()) return false;
  if (builtin.relation) {
    if (!result->is_array() || result->size() == 0) return false;
    choices_.push_back({.kind = Choice::Kind::kSolutions, .pc = pc_, .first = *result});
    return ScanStep(choices_.back());
  }
  Register(in.a) = *result;
  ++pc_;
  return true;
}

bool Machine::StartGroup(int32_t index, int32_t to, int32_t first_arg, bool ends_scope) {
  const Group& group = program_->groups[static_cast<size_t>(index)];
  constexpr int32_t kMostRegisters = 1 << 22;
  if (++depth_ > options_.budget.depth || top_ > kMostRegisters) {
    return Fatal("eval_cancel_error", StrCat("more rules wait for each other than the depth of ",
                                             options_.budget.depth, " allows"));
  }
  Choice call{.kind = Choice::Kind::kCall,
              .ends_scope = ends_scope,
              .pc = pc_,
              .frame = frame_,
              .group = index,
              .clause = -1,
              .to = to};
  if (ManyValued(group.kind)) builders_.emplace_back(arena_);
  int32_t caller = frame_;
  frame_ = top_;
  top_ = frame_ + group.arity;
  EnsureRegisters(top_);
  for (int32_t i = 0; i < group.arity; ++i) {
    Register(i) = registers_[static_cast<size_t>(caller + first_arg + i)];
  }
  if (group.kind == Group::Kind::kFunction) {
    call.second = Value::Array(
        arena_, std::span<const Value>(frame_values_, static_cast<size_t>(group.arity)));
  }
  call.clauses = &Candidates(group);
  choices_.push_back(call);
  return NextClause();
}

// The definitions to try; the arguments are in their registers.
const std::vector<int32_t>& Machine::Candidates(const Group& group) const {
  bool all = group.index == nullptr || !options_.use_index || options_.covered != nullptr ||
             options_.failures != nullptr;
  if (all) return group.clauses;
  const IndexedPlace& place = group.index->place();
  Value found = place.root == IndexedPlace::kInputRoot ? scopes_[scope_count_ - 1].input
                                                       : frame_values_[place.root];
  for (const Value& step : place.steps) found = found.Get(step);
  return group.index->Candidates(found);
}

void Machine::StartClause(int32_t clause) {
  const Clause& running = program_->clauses[static_cast<size_t>(clause)];
  choices_.back().clause = clause;
  top_ = frame_ + std::max(running.registers,
                           program_->groups[static_cast<size_t>(choices_.back().group)].arity);
  EnsureRegisters(top_);
  if (options_.failures != nullptr) {  // explanations show no values of other clauses
    int32_t arity = program_->groups[static_cast<size_t>(choices_.back().group)].arity;
    std::fill(registers_.begin() + frame_ + arity, registers_.begin() + top_, Value());
  }
  pc_ = running.begin;
}

// What comes after a clause has no more solutions: its `else`, the next definition, the default, or
// the end of the call.
bool Machine::NextClause() {
  Choice& call = choices_.back();
  const Group& group = program_->groups[static_cast<size_t>(call.group)];
  if (!call.in_fallback) {
    int32_t otherwise =
        call.clause < 0 ? -1 : program_->clauses[static_cast<size_t>(call.clause)].otherwise;
    if (otherwise >= 0 && !call.solved) {
      StartClause(otherwise);
      return true;
    }
    bool decided = group.one_is_enough && call.first.defined();
    if (!decided && static_cast<size_t>(call.index) < call.clauses->size()) {
      call.solved = false;
      StartClause((*call.clauses)[static_cast<size_t>(call.index++)]);
      return true;
    }
    if (group.fallback >= 0 && !ManyValued(group.kind) && !call.first.defined()) {
      call.in_fallback = true;
      StartClause(group.fallback);
      return true;
    }
  }
  return FinishCall();
}

bool Machine::Return(const Instruction& in) {
  size_t at = choices_.size() - 1;
  while (choices_[at].kind != Choice::Kind::kCall) --at;
  Choice& call = choices_[at];
  const Group& group = program_->groups[static_cast<size_t>(call.group)];
  call.solved = true;
  if (ManyValued(group.kind)) {
    builders_.back().Add(Read(in.a));
    if (group.kind == Group::Kind::kNode || group.kind == Group::Kind::kPartialObject) {
      builders_.back().Add(Read(in.b));
    }
    return false;
  }
  const Value& value = Read(in.a);
  if (call.first.defined() && !Equal(call.first, value)) {
    return Fatal("eval_conflict_error",
                 group.kind == Group::Kind::kFunction
                     ? "functions must not produce multiple outputs for same inputs"
                     : "complete rules must not produce multiple outputs");
  }
  call.first = value;
  if (in.flag != 0) CutTo(Choice::Kind::kCall);
  return false;
}

bool Machine::FinishCall() {
  Choice call = choices_.back();
  choices_.pop_back();
  pc_ = call.pc;
  Value value;
  if (!GroupValue(call, &value)) return false;
  top_ = frame_;
  frame_ = call.frame;
  frame_values_ = registers_.data() + frame_;
  --depth_;
  if (call.ends_scope) {
    PopScope();
  } else if (call.second.defined() && call.second.is_array()) {
    auto args = call.second.elements();
    uint64_t hash = HashCall(call.group, args);
    FunctionResult& slot = FunctionSlot(call.group, args, hash);
    if (slot.stamp == 0) ++function_results_used_;
    slot = {scopes_[scope_count_ - 1].stamp, hash, call.group, call.second, value};
    if (2 * function_results_used_ > function_results_.size()) GrowFunctionResults();
  } else {
    Remembered& known = Memo()[static_cast<size_t>(call.group)];
    known = {scopes_[scope_count_ - 1].stamp, false, value};
  }
  if (call.to < 0) {
    result_ = value;
    return done_ = true;
  }
  if (!value.defined()) {
    if (options_.failures != nullptr) NoteFailure();
    return false;
  }
  Register(call.to) = value;
  pc_ = call.pc + 1;
  return true;
}

bool Machine::GroupValue(const Choice& call, Value* out) {
  const Group& group = program_->groups[static_cast<size_t>(call.group)];
  if (!ManyValued(group.kind)) {
    *out = call.first;
    return true;
  }
  AnyBuilder builder = builders_.back();
  builders_.pop_back();
  Value conflict;
  switch (group.kind) {
    case Group::Kind::kPartialSet:
      *out = builder.BuildSet();
      return true;
    case Group::Kind::kQuery:
      *out = builder.Build();
      return true;
    case Group::Kind::kRows: {
      if (builder.size() == 0) {
        *out = Value::EmptyObject();
        return true;
      }
      Value rows = builder.BuildSet();
      return !rows.is_set() || BuildRows(rows.elements(), 0, out);
    }
    case Group::Kind::kNode:
      *out = builder.BuildObject(nullptr);
      return true;
    default:
      *out = builder.BuildObject(&conflict);
      return !conflict.defined() || Fatal("eval_conflict_error", "object keys must be unique");
  }
}

// Rows are [path, value, kind], sorted: kind false is a value of its own, true a member of a set,
// null an object whose entries are rows one step further. `depth` names of their paths are the
// same.
bool Machine::BuildRows(std::span<const Value> rows, size_t depth, Value* out) {
  auto path = [](const Value& row) { return row.elements()[0].elements(); };
  std::vector<Value> expanded;
  for (const Value& row : rows) {
    if (!row.elements()[2].is_null()) continue;
    for (const Member& member : row.elements()[1].members()) {
      std::vector<Value> longer(path(row).begin(), path(row).end());
      longer.push_back(member.key);
      expanded.push_back(
          Value::Array(arena_, {Value::Array(arena_, longer), member.value, Value::Bool(false)}));
    }
  }
  if (!expanded.empty()) {
    for (const Value& row : rows) {
      if (!row.elements()[2].is_null()) expanded.push_back(row);
    }
    std::sort(expanded.begin(), expanded.end());
    if (arena_.failure() != Arena::Failure::kNone) return true;
    return BuildRows(expanded, depth, out);
  }
  if (path(rows.front()).size() == depth) {
    bool all_end = path(rows.back()).size() == depth;
    if (!all_end) return Fatal("eval_conflict_error", "object keys must be unique");
    return BuildLeaf(rows, out);
  }
  ObjectBuilder object(arena_);
  for (size_t begin = 0; begin < rows.size();) {
    const Value& name = path(rows[begin])[depth];
    size_t end = begin + 1;
    while (end < rows.size() && path(rows[end])[depth] == name) ++end;
    Value value;
    if (!BuildRows(rows.subspan(begin, end - begin), depth + 1, &value)) return false;
    object.Set(name, value);
    begin = end;
  }
  *out = object.Build();
  return true;
}

bool Machine::BuildLeaf(std::span<const Value> rows, Value* out) {
  bool set = rows.front().elements()[2].is_true();
  SetBuilder members(arena_);
  for (const Value& row : rows) {
    const Value& value = row.elements()[1];
    bool same = set == row.elements()[2].is_true() && (set || value == rows[0].elements()[1]);
    if (!same) return Fatal("eval_conflict_error", "object keys must be unique");
    members.Add(value);
  }
  *out = set ? members.Build() : rows.front().elements()[1];
  return true;
}

Machine::FunctionResult& Machine::FunctionSlot(int32_t group, std::span<const Value> args,
                                               uint64_t hash) {
  uint64_t stamp = scopes_[scope_count_ - 1].stamp;
  size_t mask = function_results_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    FunctionResult& slot = function_results_[i];
    if (slot.stamp == 0) return slot;
    if (slot.stamp == stamp && slot.hash == hash && slot.group == group &&
        std::equal(args.begin(), args.end(), slot.args.elements().begin(),
                   slot.args.elements().end())) {
      return slot;
    }
  }
}

// Doubles the table; past its largest size it starts anew, since results can be had again.
void Machine::GrowFunctionResults() {
  constexpr size_t kMostResults = size_t{1} << 16;
  if (function_results_.size() >= kMostResults) {
    function_results_.assign(kMostResults, {});
    function_results_used_ = 0;
    return;
  }
  std::vector<FunctionResult> old(2 * function_results_.size());
  old.swap(function_results_);
  size_t mask = function_results_.size() - 1;
  for (const FunctionResult& entry : old) {
    if (entry.stamp == 0) continue;
    size_t i = entry.hash & mask;
    while (function_results_[i].stamp != 0) i = (i + 1) & mask;
    function_results_[i] = entry;
  }
}

Machine::Scope& Machine::PushScope() {
  if (scopes_.size() == scope_count_) scopes_.emplace_back();
  scopes_[scope_count_] = scopes_[scope_count_ - 1];
  Scope& scope = scopes_[scope_count_++];
  scope.stamp = ++stamp_;
  return scope;
}

bool Machine::TooManyScopes() {
  return Fatal("eval_cancel_error", "too many `with` inside each other");
}

void Machine::PopScope() { --scope_count_; }

bool Machine::PushWith(const Instruction& in) {
  if (scope_count_ > kMostScopes) return TooManyScopes();
  Scope& scope = PushScope();
  for (const WithTarget& target : program_->withs[static_cast<size_t>(in.b)]) {
    Value value = Read(target.operand);
    if (target.kind == WithTarget::Kind::kInput || target.kind == WithTarget::Kind::kData) {
      bool input = target.kind == WithTarget::Kind::kInput;
      Value& document = input ? scope.input : scope.data;
      document = Replace(document, program_->paths[static_cast<size_t>(target.path)], value);
      if (!input) scope.replaced_paths.push_back(target.path);
      continue;
    }
    WithTarget function = target;
    function.operand = static_cast<int32_t>(function_values_.size());
    function_values_.push_back(value);
    scope.functions.push_back(function);
  }
  return true;
}

// The document with another value at a path; what is missing on the way is made.
Value Machine::Replace(const Value& document, std::span<const Value> path, const Value& value) {
  if (path.empty()) return value;
  ObjectBuilder out(arena_);
  Value below;
  if (document.is_object()) {
    for (const Member& member : document.members()) out.Set(member.key, member.value);
    below = document.Get(path[0]);
  }
  out.Set(path[0], Replace(below, path.subspan(1), value));
  return out.Build();
}

bool Machine::IsReplaced(int32_t path) const {
  const auto& names = program_->paths[static_cast<size_t>(path)];
  for (int32_t replaced : scopes_[scope_count_ - 1].replaced_paths) {
    const auto& prefix = program_->paths[static_cast<size_t>(replaced)];
    if (prefix.size() <= names.size() && std::equal(prefix.begin(), prefix.end(), names.begin())) {
      return true;
    }
  }
  return false;
}

}  // namespace nacre::rego
