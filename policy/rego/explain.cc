#include "policy/rego/explain.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "policy/rego/ast.h"

namespace nacre::rego {
namespace {

constexpr size_t kMostValueText = 200;
constexpr int kMostDepth = 16;

std::string Shorten(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() <= kMostValueText) return text;
  return StrCat(text.substr(0, kMostValueText), "...");
}

class Explainer {
 public:
  Explainer(const Policy& policy, const FailureLog& log) : policy_(policy), log_(log) {}

  void Group(int32_t index, int depth) {
    if (depth > kMostDepth || !seen_.insert(index).second) return;
    const rego::Group& group = program().groups[static_cast<size_t>(index)];
    for (int32_t first : group.clauses) {
      for (int32_t clause = first; clause >= 0; clause = At(clause).otherwise) {
        Clause(group, clause, depth);
      }
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  const Program& program() const { return policy_.program(); }
  const rego::Clause& At(int32_t clause) const {
    return program().clauses[static_cast<size_t>(clause)];
  }

  std::string Place(const Location& location) const {
    return StrCat(program().files[location.module], ":", location.line, ":", location.column);
  }

  std::string Text(const Location& location) const {
    if (location.line == 0) return "";
    std::string_view text = policy_.modules()[location.module]->text;
    return Shorten(std::string(text.substr(location.offset, location.length)));
  }

  void Line(int depth, std::string_view text) {
    out_.append(static_cast<size_t>(2 * depth), ' ');
    out_.append(text);
    out_.push_back('\n');
  }

  void Clause(const rego::Group& group, int32_t index, int depth) {
    auto found = log_.clauses.find(index);
    const rego::Clause& clause = At(index);
    if (found == log_.clauses.end()) return;
    const FailureLog::Entry& entry = found->second;
    const Instruction& in = program().code[static_cast<size_t>(entry.pc)];
    const Location& where = program().locations[static_cast<size_t>(entry.pc)];
    if (clause.location.line != 0) {
      Line(depth, StrCat(Place(clause.location), ": ", group.name, " does not hold here because"));
      Line(depth + 1, StrCat(Place(where), ": ", Text(where)));
      Values(in, entry, depth + 2);
      Bindings(clause, entry, depth + 2);
    }
    if (in.op == Op::kCallRule || in.op == Op::kCallFunction) Group(in.b, depth + 1);
    // The value that a comparison or a check found wanting may be another rule's.
    for (int32_t pc = entry.pc - 1; pc >= clause.begin; --pc) {
      const Instruction& before = program().code[static_cast<size_t>(pc)];
      bool same = program().locations[static_cast<size_t>(pc)].offset == where.offset;
      if (!same || clause.location.line == 0) break;
      if (before.op == Op::kCallRule || before.op == Op::kCallFunction) Group(before.b, depth + 1);
    }
  }

  std::string Operand(int32_t operand, const FailureLog::Entry& entry) const {
    if (operand < 0) return Shorten(ToRego(program().constants[static_cast<size_t>(~operand)]));
    if (static_cast<size_t>(operand) >= entry.registers.size()) return "?";
    return Shorten(ToRego(entry.registers[static_cast<size_t>(operand)]));
  }

  void Values(const Instruction& in, const FailureLog::Entry& entry, int depth) {
    switch (in.op) {
      case Op::kCompare:
        Line(depth, StrCat("left: ", Operand(in.b, entry)));
        Line(depth, StrCat("right: ", Operand(in.c, entry)));
        return;
      case Op::kEqual:
        Line(depth, StrCat("one side: ", Operand(in.a, entry)));
        Line(depth, StrCat("other side: ", Operand(in.b, entry)));
        return;
      case Op::kLookup:
        Line(depth, StrCat("no ", Operand(in.c, entry), " in ", Operand(in.b, entry)));
        return;
      case Op::kScan:
        Line(depth, StrCat("nothing to go through in ", Operand(in.b, entry)));
        return;
      case Op::kCheck:
        Line(depth, "it is false");
        return;
      case Op::kInput:
        Line(depth, "there is no input");
        return;
      case Op::kCallRule:
      case Op::kCallFunction:
        Line(depth, StrCat(program().groups[static_cast<size_t>(in.b)].name, " is undefined"));
        return;
      case Op::kYield:
        Line(depth, "what must not hold does");
        return;
      case Op::kBase:
        Line(depth, "there is no such document in data");
        return;
      default:
        Line(depth, "it is undefined");
    }
  }

  void Bindings(const rego::Clause& clause, const FailureLog::Entry& entry, int depth) {
    for (const auto& [name, place] : clause.names) {
      auto index = static_cast<size_t>(place);
      if (index >= entry.registers.size() || !entry.registers[index].defined()) continue;
      Line(depth, StrCat(name, " = ", Operand(place, entry)));
    }
  }

  const Policy& policy_;
  const FailureLog& log_;
  std::set<int32_t> seen_;
  std::string out_;
};

}  // namespace

absl::StatusOr<Explanation> Explain(Evaluator& evaluator, const Policy& policy,
                                    std::string_view path, const Value& input, const Value& data,
                                    EvaluateOptions options) {
  int32_t entry = policy.FindEntry(path);
  if (entry < 0) return absl::NotFoundError(StrCat("no rule or package at ", path));
  FailureLog log;
  options.failures = &log;
  Explanation out;
  ASSIGN_OR_RETURN(out.value, evaluator.Evaluate(policy, entry, input, data, options));
  if (out.value.defined() && !out.value.is_false()) {
    out.text = StrCat(path, " is ", Shorten(ToRego(out.value)), "\n");
    return out;
  }
  Explainer explainer(policy, log);
  explainer.Group(entry, 0);
  out.text = StrCat(path, " is ", ToRego(out.value), "\n", explainer.Take());
  return out;
}

}  // namespace nacre::rego
