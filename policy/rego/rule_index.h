// Rule indexing: which definitions of a rule can have a solution at all, by one value.
//
// A definition that says `input.kind == "pod"` fails unless the input's kind is that text. When
// several definitions of a rule compare the same value (a place in the input, or an argument) with
// constants, a table from the value to the definitions left spares trying the others one by one.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/rego/value.h"

namespace nacre::rego {

struct Program;

// Where the deciding value is: an argument (root >= 0) or the input (kInputRoot), and the way down
// from there.
struct IndexedPlace {
  static constexpr int32_t kInputRoot = -1;
  int32_t root = kInputRoot;
  std::vector<Value> steps;

  friend bool operator==(const IndexedPlace&, const IndexedPlace&) = default;
};

class RuleIndex {
 public:
  // A definition and the values it allows at the place; no values: all of them, and an absent one.
  struct Entry {
    int32_t clause;
    const std::vector<Value>* values;
  };
  RuleIndex(IndexedPlace place, const std::vector<Entry>& entries);

  const IndexedPlace& place() const { return place_; }
  // The definitions that may have a solution, in their order. `found` may be undefined.
  const std::vector<int32_t>& Candidates(const Value& found) const;

 private:
  struct Slot {
    Value key;  // undefined: free
    uint32_t list = 0;
  };
  size_t SlotOf(const Value& key) const;  // where the key is, or would be

  IndexedPlace place_;
  std::vector<Slot> slots_;                  // open addressing, a power of two
  bool has_collections_ = false;             // among the keys
  std::vector<std::vector<int32_t>> lists_;  // lists_[0]: for values that no definition names
};

// Gives the groups from `first_group` on an index where it helps.
void IndexRules(Program& program, size_t first_group);

}  // namespace nacre::rego
