// What a definition demands is read off its instructions. From the first one on, as long as they
// neither call anything nor open a body, every one of them must succeed for the definition to have
// a solution, and none of them can end in an error. So a comparison with a constant among them is
// a necessary condition, and a definition left out for it would have failed without a trace.
#include "policy/rego/rule_index.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>

#include "policy/rego/program.h"

namespace nacre::rego {
namespace {

// Below this many definitions with a demand on one place, trying is as quick as looking up.
constexpr size_t kFewestIndexed = 3;
// Constants of one demand (x in {...}) and demands of one definition that are looked at.
constexpr size_t kMostValues = 1024;
constexpr size_t kMostDemands = 16;
constexpr size_t kMostSteps = 16;
// Definitions without a demand stand in the list of every value.
constexpr size_t kMostListed = 1 << 18;

struct Demand {
  IndexedPlace place;
  std::vector<Value> values;
};

// What a register holds while a definition's first instructions run.
struct Known {
  enum class What : uint8_t { kNothing, kPlace, kMembership };
  What what = What::kNothing;
  IndexedPlace place;                 // kPlace, kMembership
  const Value* collection = nullptr;  // kMembership: whether the place's value is in it
};

class Reader {
 public:
  Reader(const Program& program, const Group& group) : program_(program) {
    bool function = group.kind == Group::Kind::kFunction;
    for (int32_t i = 0; function && i < group.arity; ++i) {
      known_[i] = {Known::What::kPlace, {i, {}}, nullptr};
    }
  }

  std::vector<Demand> DemandsOf(const Clause& clause) {
    for (int32_t pc = clause.begin; pc < clause.end && demands_.size() < kMostDemands; ++pc) {
      if (!Read(program_.code[static_cast<size_t>(pc)])) break;
    }
    return std::move(demands_);
  }

 private:
  // False when the instruction may do more than fail: the reading ends before it.
  bool Read(const Instruction& in) {
    switch (in.op) {
      case Op::kMove:
        Set(in.a, in.b >= 0 ? Get(in.b) : Known{});
        return true;
      case Op::kInput:
        Set(in.a, {Known::What::kPlace, {IndexedPlace::kInputRoot, {}}, nullptr});
        return true;
      case Op::kLookup:
        Lookup(in);
        return true;
      case Op::kElement:
        Set(in.a, Below(in.b, Value::Int(in.n)));
        return true;
      case Op::kScan:
        Set(in.a, {});
        Set(in.c, {});
        return true;
      case Op::kCompare:
        if (static_cast<Comparison>(in.flag) == Comparison::kEqual) Equal(in.b, in.c);
        return true;
      case Op::kEqual:
        Equal(in.a, in.b);
        return true;
      case Op::kMember:
        Set(in.a, Membership(in.b, in.c));
        return true;
      case Op::kCheck:
        if (Known known = Get(in.a); known.what == Known::What::kMembership) {
          Demanded(known.place, *known.collection, false);
        }
        return true;
      case Op::kBase:
      case Op::kCompareValue:
      case Op::kMemberPair:
        Set(in.a, {});
        return true;
      case Op::kCheckCollection:
      case Op::kMatchArray:
      case Op::kMatchObject:
        return true;
      default:
        return false;
    }
  }

  Known Get(int32_t operand) const {
    auto found = known_.find(operand);
    return operand < 0 || found == known_.end() ? Known{} : found->second;
  }
  void Set(int32_t reg, Known known) { known_[reg] = std::move(known); }
  const Value* Constant(int32_t operand) const {
    return operand >= 0 ? nullptr : &program_.constants[static_cast<size_t>(~operand)];
  }

  Known Below(int32_t operand, const Value& step) const {
    Known known = Get(operand);
    if (known.what != Known::What::kPlace || known.place.steps.size() >= kMostSteps) return {};
    known.place.steps.push_back(step);
    return known;
  }

  void Lookup(const Instruction& in) {
    const Value* key = Constant(in.c);
    const Value* table = Constant(in.b);
    Known by = Get(in.c);
    if (table != nullptr && by.what == Known::What::kPlace) Demanded(by.place, *table, true);
    Set(in.a, key != nullptr ? Below(in.b, *key) : Known{});
  }

  Known Membership(int32_t member, int32_t collection) const {
    Known known = Get(member);
    const Value* all = Constant(collection);
    if (known.what != Known::What::kPlace || all == nullptr || !all->is_collection()) return {};
    return {Known::What::kMembership, known.place, all};
  }

  void Equal(int32_t left, int32_t right) {
    if (Constant(left) != nullptr) std::swap(left, right);
    const Value* value = Constant(right);
    Known known = Get(left);
    if (value != nullptr && known.what == Known::What::kPlace) {
      demands_.push_back({known.place, {*value}});
    }
  }

  // The value at the place is a key of the collection, or (without `keys`) a value in it.
  void Demanded(const IndexedPlace& place, const Value& collection, bool keys) {
    if (!collection.is_collection() || collection.size() > kMostValues) return;
    if (keys && collection.is_array()) return;  // any index up to its size
    Demand demand{place, {}};
    if (collection.is_object()) {
      for (const Member& member : collection.members()) {
        demand.values.push_back(keys ? member.key : member.value);
      }
    } else {
      demand.values.assign(collection.elements().begin(), collection.elements().end());
    }
    demands_.push_back(std::move(demand));
  }

  const Program& program_;
  std::map<int32_t, Known> known_;
  std::vector<Demand> demands_;
};

// What a definition with its `else` parts demands: a solution of any of them is one of it.
std::vector<Demand> DemandsOfChain(const Program& program, const Group& group, int32_t clause) {
  std::vector<Demand> all;
  for (bool first = true; clause >= 0; first = false) {
    const Clause& one = program.clauses[static_cast<size_t>(clause)];
    std::vector<Demand> demands = Reader(program, group).DemandsOf(one);
    clause = one.otherwise;
    if (first) {
      all = std::move(demands);
      continue;
    }
    for (Demand& demand : all) {
      auto same = std::find_if(demands.begin(), demands.end(),
                               [&](const Demand& other) { return other.place == demand.place; });
      if (same == demands.end()) {
        demand.place.root = INT32_MIN;
      } else {
        demand.values.insert(demand.values.end(), same->values.begin(), same->values.end());
      }
    }
    std::erase_if(all, [](const Demand& demand) { return demand.place.root == INT32_MIN; });
  }
  return all;
}

bool PlaceBefore(const IndexedPlace& a, const IndexedPlace& b) {
  return a.root != b.root ? a.root < b.root : a.steps < b.steps;
}

struct Tally {
  size_t definitions = 0;
  size_t latest = SIZE_MAX;  // the definition counted last
  std::set<Value> values;
};

// The place with most definitions that look at it, and most different values they look for.
std::optional<IndexedPlace> BestPlace(const std::vector<std::vector<Demand>>& demands) {
  std::map<IndexedPlace, Tally, decltype(&PlaceBefore)> tallies(PlaceBefore);
  for (size_t i = 0; i < demands.size(); ++i) {
    for (const Demand& demand : demands[i]) {
      Tally& tally = tallies[demand.place];
      if (tally.latest != i) ++tally.definitions;
      tally.latest = i;
      tally.values.insert(demand.values.begin(), demand.values.end());
    }
  }
  std::optional<IndexedPlace> best;
  size_t best_score = 0;
  for (const auto& [place, tally] : tallies) {
    size_t others = demands.size() - tally.definitions;
    bool helps = tally.definitions >= kFewestIndexed && tally.values.size() > 1 &&
                 tally.values.size() * others <= kMostListed;
    size_t score = tally.definitions * tally.values.size();
    if (helps && score > best_score) best = place, best_score = score;
  }
  return best;
}

void IndexGroup(Program& program, Group& group) {
  if (group.clauses.size() < kFewestIndexed) return;
  std::vector<std::vector<Demand>> demands;
  for (int32_t clause : group.clauses) demands.push_back(DemandsOfChain(program, group, clause));
  std::optional<IndexedPlace> place = BestPlace(demands);
  if (!place) return;
  std::vector<RuleIndex::Entry> entries;
  for (size_t i = 0; i < demands.size(); ++i) {
    const std::vector<Value>* values = nullptr;
    for (const Demand& demand : demands[i]) {
      if (values == nullptr && demand.place == *place) values = &demand.values;
    }
    entries.push_back({group.clauses[i], values});
  }
  group.index = std::make_shared<const RuleIndex>(*place, entries);
}

}  // namespace

RuleIndex::RuleIndex(IndexedPlace place, const std::vector<Entry>& entries)
    : place_(std::move(place)) {
  lists_.emplace_back();
  size_t values = 0;
  for (const Entry& entry : entries) values += entry.values == nullptr ? 0 : entry.values->size();
  slots_.resize(std::bit_ceil(2 * values + 2));
  for (const Entry& entry : entries) {
    if (entry.values == nullptr) {
      for (std::vector<int32_t>& list : lists_) list.push_back(entry.clause);
      continue;
    }
    for (const Value& value : *entry.values) {
      Slot& slot = slots_[SlotOf(value)];
      if (!slot.key.defined()) {
        has_collections_ |= value.is_collection();
        slot = {value, static_cast<uint32_t>(lists_.size())};
        lists_.push_back(lists_[0]);
      }
      std::vector<int32_t>& list = lists_[slot.list];
      if (list.empty() || list.back() != entry.clause) list.push_back(entry.clause);
    }
  }
}

size_t RuleIndex::SlotOf(const Value& key) const {
  size_t mask = slots_.size() - 1;
  size_t i = key.Hash() & mask;
  while (slots_[i].key.defined() && !(slots_[i].key == key)) i = (i + 1) & mask;
  return i;
}

const std::vector<int32_t>& RuleIndex::Candidates(const Value& found) const {
  if (!found.defined() || (found.is_collection() && !has_collections_)) return lists_[0];
  return lists_[slots_[SlotOf(found)].list];
}

void IndexRules(Program& program, size_t first_group) {
  for (size_t i = first_group; i < program.groups.size(); ++i) {
    IndexGroup(program, program.groups[i]);
  }
}

}  // namespace nacre::rego
