// What single instructions do, apart from calls.
#include <algorithm>

#include "base/strings.h"
#include "policy/rego/machine.h"
#include "policy/rego/number.h"
#include "policy/rego/operators.h"

namespace nacre::rego {

bool Machine::Arithmetic(const Instruction& in) {
  auto op = static_cast<Arith>(in.flag);
  const Value& left = Read(in.b);
  const Value& right = Read(in.c);
  if (left.is_small() && right.is_small()) {
    int64_t out;
    if (op == Arith::kPlus && !__builtin_add_overflow(left.small(), right.small(), &out)) {
      Register(in.a) = Value::Int(out);
      return true;
    }
    if (op == Arith::kMinus && !__builtin_sub_overflow(left.small(), right.small(), &out)) {
      Register(in.a) = Value::Int(out);
      return true;
    }
  }
  if (left.is_number() && right.is_number()) {
    steps_left_ -= std::min(steps_left_, NumberWork(left, right));
  }
  if (left.is_set() && right.is_set()) {
    uint64_t work = left.size() / 8 + right.size() / 8 + SortingWork(left.elements()) +
                    SortingWork(right.elements());
    steps_left_ -= std::min(steps_left_, work);
  }
  auto result = ApplyArithmetic(arena_, op, left, right);
  if (!result.ok()) return BuiltinFailed(ArithmeticName(op), result.status());
  Register(in.a) = *result;
  return true;
}

// Comparing goes through both values as far as they are the same.
void Machine::CountComparison(const Value& left, const Value& right) {
  constexpr uint32_t kFree = 64;
  uint32_t weight = std::min(left.weight(), right.weight());
  if (weight > kFree) steps_left_ -= std::min<uint64_t>(steps_left_, weight / 16);
}

bool Machine::Equal(const Value& left, const Value& right) {
  if (left.SameHandle(right)) return true;
  CountComparison(left, right);
  return left == right;
}

bool Machine::Holds(Comparison comparison, const Value& left, const Value& right) {
  if (comparison == Comparison::kEqual) return Equal(left, right);
  if (comparison == Comparison::kNotEqual) return !Equal(left, right);
  CountComparison(left, right);
  switch (comparison) {
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      break;
    case Comparison::kLess:
      return Value::Compare(left, right) < 0;
    case Comparison::kLessEqual:
      return Value::Compare(left, right) <= 0;
    case Comparison::kGreater:
      return Value::Compare(left, right) > 0;
    case Comparison::kGreaterEqual:
      return Value::Compare(left, right) >= 0;
  }
  return false;
}

bool Machine::Scan(const Instruction& in) {
  const Value& all = Read(in.b);
  if (!all.is_collection() || all.size() == 0) return false;
  choices_.push_back({.kind = Choice::Kind::kScan, .pc = pc_, .first = all});
  return ScanStep(choices_.back());
}

bool Machine::Base(const Instruction& in) {
  Value at = scopes_[scope_count_ - 1].data;
  for (const Value& name : program_->paths[static_cast<size_t>(in.b)]) {
    Value found = at.Get(name);
    // JSON documents have no keys but strings: data.list[2] finds the key "2" as well.
    if (!found.defined() && name.is_number() && at.is_object()) {
      found = at.Get(NumberToText(name));
    }
    if (!found.defined()) return false;
    at = found;
  }
  if (!at.defined()) return false;
  Register(in.a) = at;
  return true;
}

void Machine::Make(const Instruction& in) {
  size_t count = in.op == Op::kMakeObject ? 2 * size_t{in.n} : in.n;
  AnyBuilder builder(arena_, count);
  for (size_t i = 0; i < count; ++i) builder.Add(Register(in.b + static_cast<int32_t>(i)));
  Register(in.a) = in.op == Op::kMakeArray ? builder.Build()
                   : in.op == Op::kMakeSet ? builder.BuildSet()
                                           : builder.BuildObject(nullptr);
}

bool Machine::Template(const Instruction& in) {
  std::string text;
  for (int32_t i = 0; i < in.n; ++i) {
    const Value& part = Register(in.b + i);
    if (part.is_string()) {
      text.append(part.string());
    } else if (part.size() == 0) {
      text.append("<undefined>");
    } else if (part.size() > 1) {
      return Fatal("eval_conflict_error",
                   "template string expressions must not produce multiple outputs");
    } else if (part.elements()[0].is_string()) {
      text.append(part.elements()[0].string());
    } else {
      AppendRego(&text, part.elements()[0]);
    }
  }
  Register(in.a) = Value::String(arena_, text);
  return true;
}

bool Machine::MemberPair(const Instruction& in) {
  const Value& domain = Read(in.c);
  if (in.op == Op::kMemberPair) {
    Value found = domain.Get(Register(in.b));
    CountComparison(found, Register(in.b + 1));
    Register(in.a) = Value::Bool(found.defined() && found == Register(in.b + 1));
    return true;
  }
  auto left = Read(in.b);
  bool found = false;
  if (domain.is_set()) {
    found = domain.Contains(left);
  } else if (domain.is_array()) {
    auto all = domain.elements();
    found = std::find(all.begin(), all.end(), left) != all.end();
  } else if (domain.is_object()) {
    auto all = domain.members();
    found = std::any_of(all.begin(), all.end(),
                        [&](const Member& member) { return member.value == left; });
  }
  uint64_t work = left.is_collection() ? domain.weight() / 16 + 1 : domain.size() / 8;
  if (domain.is_collection()) steps_left_ -= std::min(steps_left_, work);
  Register(in.a) = Value::Bool(found);
  return true;
}

// Removes choices above the latest one of a kind. Only scans can be there.
void Machine::CutTo(Choice::Kind kind) {
  while (choices_.back().kind != kind) choices_.pop_back();
}

bool Machine::Yield(const Instruction& in) {
  switch (static_cast<Collector>(in.flag)) {
    case Collector::kArrayOf:
    case Collector::kSetOf:
      builders_.back().Add(Read(in.a));
      return false;
    case Collector::kObjectOf:
      builders_.back().Add(Read(in.a));
      builders_.back().Add(Read(in.b));
      return false;
    case Collector::kNot:
      CutTo(Choice::Kind::kCollect);
      choices_.pop_back();
      return false;
    case Collector::kExists: {
      CutTo(Choice::Kind::kCollect);
      const Instruction& begin = program_->code[static_cast<size_t>(choices_.back().pc)];
      pc_ = choices_.back().pc + begin.c;
      if ((begin.flag & kEndsWith) != 0) PopScope();
      choices_.pop_back();
      return true;
    }
  }
  return false;
}

// No more solutions of a nested body: true when the clause goes on after it.
bool Machine::FinishCollect(const Choice& choice) {
  const Instruction& in = program_->code[static_cast<size_t>(choice.pc)];
  auto collector = static_cast<Collector>(in.flag & ~kEndsWith);
  if ((in.flag & kEndsWith) != 0) PopScope();
  pc_ = choice.pc;
  if (collector == Collector::kExists) return false;
  if (collector != Collector::kNot) {
    AnyBuilder builder = builders_.back();
    builders_.pop_back();
    Value conflict;
    Value made = collector == Collector::kArrayOf ? builder.Build()
                 : collector == Collector::kSetOf ? builder.BuildSet()
                                                  : builder.BuildObject(&conflict);
    if (conflict.defined()) return Fatal("eval_conflict_error", "object keys must be unique");
    Register(in.a) = made;
  }
  pc_ += in.c;
  return true;
}

bool Machine::NodeStart(const Instruction& in) {
  Value at = scopes_[scope_count_ - 1].data;
  const auto& path = program_->paths[static_cast<size_t>(in.c)];
  for (size_t i = 0; i < path.size() && at.defined(); ++i) at = at.Get(path[i]);
  bool replaced = IsReplaced(program_->nodes[static_cast<size_t>(in.b)].path);
  Register(in.a) = replaced ? Value() : Value::Int(in.b);
  Register(in.a + 1) = at;
  ++pc_;
  return true;
}

// One step down from a place that may hold rules and base documents.
bool Machine::NodeStep(const Instruction& in, const Value& key) {
  Value from = Register(in.b);
  Value base = Register(in.b + 1).Get(key);
  int32_t child = -1;
  if (from.defined() && key.is_string()) {
    child = program_->nodes[static_cast<size_t>(from.small())].Child(key.string());
    if (child >= 0 && IsReplaced(program_->nodes[static_cast<size_t>(child)].path)) child = -1;
  }
  if (child >= 0) {
    const Node& node = program_->nodes[static_cast<size_t>(child)];
    if (node.function) return false;
    if (node.rule >= 0 || node.dynamic >= 0) {
      Register(in.a) = Value();
      return CallRule(node.value, in.a + 1);
    }
    Register(in.a) = Value::Int(child);
    Register(in.a + 1) = base;
    ++pc_;
    return true;
  }
  if (!base.defined()) return false;
  Register(in.a) = Value();
  Register(in.a + 1) = base;
  ++pc_;
  return true;
}

bool Machine::NodeScan(const Instruction& in) {
  const Value& from = Register(in.b);
  const Value& base = Register(in.b + 1);
  SetBuilder keys(arena_);
  if (from.defined()) {
    for (const auto& [name, child] : program_->nodes[static_cast<size_t>(from.small())].children) {
      keys.Add(Value::BorrowString(name));
    }
  }
  if (base.is_object()) {
    for (const Member& member : base.members()) keys.Add(member.key);
  } else if (base.is_array()) {
    for (size_t i = 0; i < base.size(); ++i) keys.Add(Value::Int(static_cast<int64_t>(i)));
  } else if (base.is_set()) {
    for (const Value& element : base.elements()) keys.Add(element);
  }
  Value all = keys.Build();
  if (!all.is_set() || all.size() == 0) return false;
  choices_.push_back({.kind = Choice::Kind::kNodeScan, .pc = pc_, .first = all});
  return ScanStep(choices_.back());
}

bool Machine::NodeValue(const Instruction& in) {
  const Value& node = Register(in.b);
  if (node.defined()) {
    return CallRule(program_->nodes[static_cast<size_t>(node.small())].value, in.a);
  }
  if (!Register(in.b + 1).defined()) return false;
  Register(in.a) = Register(in.b + 1);
  ++pc_;
  return true;
}

}  // namespace nacre::rego
