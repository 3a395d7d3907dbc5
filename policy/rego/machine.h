// Runs compiled policies: registers, a stack of choices, and nothing recursive. One thread; made
// once and used for many evaluations, it keeps its memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/rego/error.h"
#include "policy/rego/program.h"

namespace nacre::rego {

// What one evaluation may use. Beyond it ends with eval_cancel_error.
struct Budget {
  uint64_t steps = 50'000'000;        // instructions, and what builtins count
  size_t memory = size_t{256} << 20;  // bytes of values
  size_t output = size_t{64} << 20;   // bytes of the result, counted 16 a value
  int depth = 2048;                   // rules and functions that wait for each other
};

struct RunOptions {
  Budget budget = {};
  bool strict_builtin_errors = false;
  int64_t now_ns = 0;
  uint64_t seed = 0;                     // of random builtins; 0: from the system
  Value runtime;                         // opa.runtime()
  std::vector<bool>* covered = nullptr;  // set for each instruction that ran
  class FailureLog* failures = nullptr;
  bool use_index = true;  // off: every definition is tried, as for `covered` and `failures`
};

// Where clauses failed, for explanations: the furthest instruction of each clause's latest run.
class FailureLog {
 public:
  struct Entry {
    int32_t pc = -1;               // the instruction that failed
    std::vector<Value> registers;  // as they were then
  };
  std::map<int32_t, Entry> clauses;  // by index in Program::clauses
};

class Machine final : public BuiltinContext {
 public:
  Machine() = default;

  // The value of a group; undefined when it has none. Values live until the next Run. `input` may
  // be undefined; `data` is an object.
  absl::StatusOr<Value> Run(const Program& program, int32_t group, const Value& input,
                            const Value& data, const RunOptions& options);
  uint64_t steps_used() const { return options_.budget.steps - steps_left_; }
  size_t memory_used() const { return arena_.used(); }

  // BuiltinContext
  Arena& arena() override { return arena_; }
  absl::Status Step(uint64_t steps) override;
  int64_t now_ns() override { return options_.now_ns; }
  void Random(std::span<uint8_t> out) override;
  Value Recall(std::string_view kind, const Value& key) override;
  void Remember(std::string_view kind, const Value& key, const Value& value) override;
  std::shared_ptr<const void> Kept(std::string_view kind, std::string_view key) override;
  void Keep(std::string_view kind, std::string_view key,
            std::shared_ptr<const void> thing) override;
  Value runtime() override;

 private:
  struct Choice {
    enum class Kind : uint8_t { kScan, kNodeScan, kSolutions, kCollect, kCall };
    Kind kind = Kind::kScan;
    bool solved = false;                            // kCall: the clause has given a value
    bool in_fallback = false;                       // kCall: `default` is running
    bool ends_scope = false;                        // kCall: of a function that replaces another
    int32_t pc = 0;                                 // the instruction that made it
    int32_t index = 0;                              // next element, or definition
    int32_t frame = 0;                              // kCall: of the caller
    int32_t group = 0;                              // kCall
    int32_t clause = 0;                             // kCall: the one running
    int32_t to = 0;                                 // kCall: the caller's register for the value
    const std::vector<int32_t>* clauses = nullptr;  // kCall: the definitions to try
    Value first = {};                               // what is scanned; kCall: the value so far
    Value second = {};                              // kCall: arguments of a function
  };
  // What `with` has changed.
  struct Scope {
    Value input;
    Value data;
    uint64_t stamp = 0;
    std::vector<int32_t> replaced_paths;  // rules at or below them are not looked at
    std::vector<WithTarget> functions;    // operand: index into function_values_
  };
  struct Remembered {
    uint64_t stamp = 0;
    bool running = false;
    Value value;
  };
  struct FunctionResult {
    uint64_t stamp = 0;
    uint64_t hash = 0;
    int32_t group = 0;
    Value args;
    Value value;
  };

  // machine.cc
  absl::Status Loop();
  bool Execute(const Instruction& in);
  bool Backtrack();
  bool ScanStep(Choice& choice);
  bool OutOfBudget();
  void NoteFailure();
  Value& Register(int32_t index) { return frame_values_[index]; }
  const Value& Read(int32_t operand) const {
    return operand >= 0 ? frame_values_[operand]
                        : program_->constants[static_cast<size_t>(~operand)];
  }
  bool Fatal(std::string_view code, std::string_view message);
  bool BuiltinFailed(std::string_view name, const absl::Status& status);
  std::string LocationPrefix() const;

  // machine_ops.cc
  bool Arithmetic(const Instruction& in);
  bool Holds(Comparison comparison, const Value& left, const Value& right);
  bool Equal(const Value& left, const Value& right);
  void CountComparison(const Value& left, const Value& right);
  bool Scan(const Instruction& in);
  bool Base(const Instruction& in);
  void Make(const Instruction& in);
  bool Template(const Instruction& in);
  bool Yield(const Instruction& in);
  bool FinishCollect(const Choice& choice);
  bool NodeStart(const Instruction& in);
  bool NodeStep(const Instruction& in, const Value& key);
  bool NodeScan(const Instruction& in);
  bool NodeValue(const Instruction& in);
  bool MemberPair(const Instruction& in);

  // machine_call.cc
  bool CallRule(int32_t group, int32_t to);
  bool CallFunction(const Instruction& in);
  bool CallReplaced(const WithTarget& target, const Instruction& in);
  bool StartGroup(int32_t group, int32_t to, int32_t first_arg, bool ends_scope);
  bool CallBuiltin(const Builtin& builtin, const Instruction& in);
  const std::vector<int32_t>& Candidates(const Group& group) const;
  void StartClause(int32_t clause);
  bool Return(const Instruction& in);
  bool NextClause();
  bool FinishCall();
  bool GroupValue(const Choice& choice, Value* out);
  bool BuildRows(std::span<const Value> rows, size_t depth, Value* out);
  bool BuildLeaf(std::span<const Value> rows, Value* out);
  void CountOperands(std::span<const Value> args);
  bool PushWith(const Instruction& in);
  Value Replace(const Value& document, std::span<const Value> path, const Value& value);
  bool IsReplaced(int32_t path) const;
  bool TooManyScopes();
  void PopScope();
  std::vector<Remembered>& Memo();
  // The place of a function's result in the table: found, or free to be filled.
  FunctionResult& FunctionSlot(int32_t group, std::span<const Value> args, uint64_t hash);
  void GrowFunctionResults();
  Scope& PushScope();
  void CutTo(Choice::Kind kind);
  void EnsureRegisters(int32_t top);

  const Program* program_ = nullptr;
  RunOptions options_;
  Arena arena_;
  absl::Status error_;
  uint64_t steps_left_ = 0;
  int32_t pc_ = 0;
  int32_t frame_ = 0;  // first register of the running clause
  int32_t top_ = 0;    // one past its last
  Value* frame_values_ = nullptr;
  int depth_ = 0;
  bool done_ = false;
  Value result_;
  std::vector<Value> registers_;
  std::vector<Choice> choices_;
  std::vector<AnyBuilder> builders_;
  std::vector<Scope> scopes_;
  size_t scope_count_ = 0;
  uint64_t stamp_ = 0;
  std::vector<std::vector<Remembered>> memos_;  // by depth of scopes
  std::vector<FunctionResult> function_results_;
  size_t function_results_used_ = 0;
  std::vector<Value> function_values_;
  std::unordered_map<std::string, std::vector<std::pair<Value, Value>>> recalled_;
  std::unordered_map<std::string, std::shared_ptr<const void>> kept_;
  uint64_t random_state_ = 0;
};

}  // namespace nacre::rego
