// The loop. An instruction succeeds and the next one follows, or it fails and the latest choice is
// taken up again. A rule's call, a nested body and a scan are all choices on one stack: when a call
// or body is reached by going back, it has no more solutions and is finished there.
#include "policy/rego/machine.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::rego {

absl::StatusOr<Value> Machine::Run(const Program& program, int32_t group, const Value& input,
                                   const Value& data, const RunOptions& options) {
  program_ = &program;
  options_ = options;
  arena_.Reset(size_t{16} << 20);
  arena_.set_budget(options.budget.memory);
  arena_.set_work_budget(options.budget.steps);
  error_ = absl::OkStatus();
  steps_left_ = options.budget.steps;
  frame_ = top_ = depth_ = 0;
  done_ = false;
  result_ = Value();
  choices_.clear();
  builders_.clear();
  function_values_.clear();
  recalled_.clear();
  random_state_ = options.seed;
  scope_count_ = 1;
  if (scopes_.empty()) scopes_.resize(1);
  scopes_[0].input = input;
  scopes_[0].data = data;
  scopes_[0].stamp = ++stamp_;
  scopes_[0].replaced_paths.clear();
  scopes_[0].functions.clear();
  EnsureRegisters(64);
  constexpr size_t kFirstFunctionResults = 256;
  if (function_results_.empty() || function_results_used_ > 0) {
    function_results_.assign(std::max(function_results_.size(), kFirstFunctionResults), {});
    function_results_used_ = 0;
  }
  pc_ = -1;
  if (CallRule(group, -1) || (error_.ok() && Backtrack())) {
    absl::Status status = done_ ? absl::OkStatus() : Loop();
    if (!status.ok()) return status;
  }
  if (!error_.ok()) return error_;
  if (result_.defined() && result_.weight() > options_.budget.output / 16) {
    const Location& where = program.groups[static_cast<size_t>(group)].location;
    Error error{"eval_cancel_error",
                StrCat("the result is larger than ", options_.budget.output, " bytes"),
                {},
                where};
    if (where.module < program.files.size()) error.file = program.files[where.module];
    return ToStatus(error);
  }
  return result_;
}

absl::Status Machine::Loop() {
  while (!done_) {
    if (steps_left_-- == 0 || arena_.failure() != Arena::Failure::kNone) [[unlikely]] {
      OutOfBudget();
      return error_;
    }
    const Instruction& in = program_->code[static_cast<size_t>(pc_)];
    if (options_.covered != nullptr) (*options_.covered)[static_cast<size_t>(pc_)] = true;
    if (Execute(in)) continue;
    if (!error_.ok()) return error_;
    if (options_.failures != nullptr) NoteFailure();
    if (!Backtrack()) return error_;
  }
  return error_;
}

bool Machine::OutOfBudget() {
  steps_left_ = 0;
  switch (arena_.failure()) {
    case Arena::Failure::kMemory:
      return Fatal("eval_cancel_error",
                   StrCat("the evaluation needs more than ", arena_.budget(), " bytes of values"));
    case Arena::Failure::kDepth:
      return Fatal("eval_cancel_error",
                   StrCat("a value nests deeper than ", kMaxValueDepth, " levels"));
    case Arena::Failure::kWeight:
      return Fatal("eval_cancel_error",
                   StrCat("a value would consist of more than ", kMaxValueWeight, " values"));
    case Arena::Failure::kWork:
    case Arena::Failure::kNone:
      break;
  }
  return Fatal("eval_cancel_error",
               StrCat("the evaluation takes more than ", options_.budget.steps, " steps"));
}

bool Machine::Fatal(std::string_view code, std::string_view message) {
  if (!error_.ok()) return false;
  Error error{std::string(code), std::string(message), {}, {}};
  if (pc_ >= 0 && pc_ < static_cast<int32_t>(program_->locations.size())) {
    error.location = program_->locations[static_cast<size_t>(pc_)];
    // What the compiler made up has no place of its own: its caller's.
    for (size_t i = choices_.size(); error.location.line == 0 && i-- > 0;) {
      if (choices_[i].kind == Choice::Kind::kCall && choices_[i].pc >= 0) {
        error.location = program_->locations[static_cast<size_t>(choices_[i].pc)];
      }
    }
  }
  if (error.location.module < program_->files.size()) {
    error.file = program_->files[error.location.module];
  }
  error_ = ToStatus(error);
  return false;
}

// Builtin errors make the expression undefined unless the caller wants to hear of them.
bool Machine::BuiltinFailed(std::string_view name, const absl::Status& status) {
  bool type = IsTypeError(status);
  if (type || IsBuiltinError(status)) {
    if (!options_.strict_builtin_errors) return false;
    return Fatal(type ? "eval_type_error" : "eval_builtin_error",
                 StrCat(name, ": ", Message(status)));
  }
  if (arena_.failure() != Arena::Failure::kNone || steps_left_ == 0) return OutOfBudget();
  return Fatal("eval_internal_error", StrCat(name, ": ", Message(status)));
}

void Machine::EnsureRegisters(int32_t top) {
  if (static_cast<size_t>(top) > registers_.size()) {
    registers_.resize(std::max<size_t>(static_cast<size_t>(top), 2 * registers_.size()));
  }
  frame_values_ = registers_.data() + frame_;
}

bool Machine::Execute(const Instruction& in) {
  switch (in.op) {
    case Op::kFail:
      return false;
    case Op::kMove:
      Register(in.a) = Read(in.b);
      break;
    case Op::kInput:
      if (!scopes_[scope_count_ - 1].input.defined()) return false;
      Register(in.a) = scopes_[scope_count_ - 1].input;
      break;
    case Op::kBase:
      if (!Base(in)) return false;
      break;
    case Op::kLookup: {
      const Value& key = Read(in.c);
      if (key.is_collection()) CountComparison(key, key);
      Value found = Read(in.b).Get(key);
      if (!found.defined()) return false;
      Register(in.a) = found;
      break;
    }
    case Op::kScan:
      return Scan(in);
    case Op::kNodeStart:
      return NodeStart(in);
    case Op::kNodeLookup:
      return NodeStep(in, Read(in.c));
    case Op::kNodeScan:
      return NodeScan(in);
    case Op::kNodeValue:
      return NodeValue(in);
    case Op::kCallRule:
      return CallRule(in.b, in.a);
    case Op::kCallFunction:
      return CallFunction(in);
    case Op::kCallBuiltin:
      return CallBuiltin(*program_->builtins[static_cast<size_t>(in.b)], in);
    case Op::kArithmetic:
      if (!Arithmetic(in)) return false;
      break;
    case Op::kCompare:
      if (!Holds(static_cast<Comparison>(in.flag), Read(in.b), Read(in.c))) return false;
      break;
    case Op::kCompareValue:
      Register(in.a) = Value::Bool(Holds(static_cast<Comparison>(in.flag), Read(in.b), Read(in.c)));
      break;
    case Op::kMember:
    case Op::kMemberPair:
      if (!MemberPair(in)) return false;
      break;
    case Op::kEqual:
      if (!Equal(Read(in.a), Read(in.b))) return false;
      break;
    case Op::kCheck:
      if (Read(in.a).is_false()) return false;
      break;
    case Op::kCheckCollection:
      if (!Read(in.a).is_collection()) return false;
      break;
    case Op::kMakeArray:
    case Op::kMakeSet:
    case Op::kMakeObject:
      Make(in);
      break;
    case Op::kMatchArray:
      if (!Read(in.a).is_array() || Read(in.a).size() != in.n) return false;
      break;
    case Op::kMatchObject:
      if (!Read(in.a).is_object() || Read(in.a).size() != in.n) return false;
      break;
    case Op::kElement:
      Register(in.a) = Read(in.b).elements()[in.n];
      break;
    case Op::kCollect:
      choices_.push_back({.kind = Choice::Kind::kCollect, .pc = pc_});
      if ((in.flag & ~kEndsWith) < static_cast<int>(Collector::kExists)) {
        builders_.emplace_back(arena_);
      }
      break;
    case Op::kYield:
      return Yield(in);
    case Op::kPushWith:
      if (!PushWith(in)) return false;
      break;
    case Op::kTemplate:
      if (!Template(in)) return false;
      break;
    case Op::kReturn:
      return Return(in);
  }
  ++pc_;
  return true;
}

// Takes up the latest choice; false when none is left or an error came up.
bool Machine::Backtrack() {
  while (!choices_.empty() && error_.ok()) {
    Choice& choice = choices_.back();
    switch (choice.kind) {
      case Choice::Kind::kScan:
      case Choice::Kind::kNodeScan:
      case Choice::Kind::kSolutions:
        if (ScanStep(choice)) return true;
        break;
      case Choice::Kind::kCollect: {
        Choice finished = choice;
        choices_.pop_back();
        if (FinishCollect(finished)) return true;
        break;
      }
      case Choice::Kind::kCall:
        if (NextClause()) return true;
        break;
    }
    if (steps_left_ == 0 || --steps_left_ == 0) return OutOfBudget();
  }
  return false;
}

// The next element into the registers of the instruction that scans; the choice goes away with the
// last one.
bool Machine::ScanStep(Choice& choice) {
  const Instruction& in = program_->code[static_cast<size_t>(choice.pc)];
  Value all = choice.first;
  auto index = static_cast<size_t>(choice.index++);
  int32_t pc = choice.pc;
  if (index >= all.size()) {
    choices_.pop_back();
    return false;
  }
  Choice::Kind kind = choice.kind;
  if (index + 1 == all.size()) choices_.pop_back();
  pc_ = pc;
  if (kind == Choice::Kind::kNodeScan) {
    Value key = all.elements()[index];
    Register(in.c) = key;
    return NodeStep(in, key);
  }
  if (kind == Choice::Kind::kSolutions) {
    Register(in.a) = all.elements()[index];
  } else if (all.is_object()) {
    const Member& member = all.members()[index];
    Register(in.a) = member.value;
    Register(in.c) = member.key;
  } else {
    const Value& element = all.elements()[index];
    Register(in.a) = element;
    Register(in.c) = all.is_set() ? element : Value::Int(static_cast<int64_t>(index));
  }
  ++pc_;
  return true;
}

// Solutions end in failure too, so as to find the next one; those are not what is looked for.
void Machine::NoteFailure() {
  const Instruction& in = program_->code[static_cast<size_t>(pc_)];
  bool solution = in.op == Op::kReturn ||
                  (in.op == Op::kYield && static_cast<Collector>(in.flag) != Collector::kNot);
  if (solution) return;
  for (size_t i = choices_.size(); i-- > 0;) {
    if (choices_[i].kind != Choice::Kind::kCall) continue;
    FailureLog::Entry& entry = options_.failures->clauses[choices_[i].clause];
    if (entry.pc > pc_) return;
    entry.pc = pc_;
    entry.registers.assign(registers_.begin() + frame_, registers_.begin() + top_);
    return;
  }
}

}  // namespace nacre::rego
