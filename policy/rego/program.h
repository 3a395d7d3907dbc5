// What policies are compiled to: straight code with backtracking, in the manner of Prolog machines.
//
// A rule's definition is a clause: instructions over its own registers. An instruction either goes
// on to the next one or fails; failing goes back to the latest choice (the next element of a scan,
// the end of a comprehension, the next definition of the rule). Which variable is bound where is
// settled when compiling, so nothing is ever unbound at run time: going back simply overwrites.
//
// Operands: >= 0 is a register, < 0 the constant ~operand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/arena.h"
#include "policy/rego/builtin.h"
#include "policy/rego/error.h"
#include "policy/rego/value.h"

namespace nacre::rego {

enum class Op : uint8_t {
  kFail,
  kMove,             // a = b
  kInput,            // a = input; fails when there is none
  kBase,             // a = base document at paths[b]; fails when there is none
  kLookup,           // a = b[c]
  kScan,             // for each c: a = b[c]; tries every element
  kNodeStart,        // a, a+1 = node b of the rule tree, with the base document at paths[c]
  kNodeLookup,       // a, a+1 = (b, b+1)[c]
  kNodeScan,         // for each c: a, a+1 = (b, b+1)[c]
  kNodeValue,        // a = the whole of (b, b+1)
  kCallRule,         // a = value of groups[b]
  kCallFunction,     // a = groups[b](registers c ... c+n-1)
  kCallBuiltin,      // a = builtins[b](registers c ... c+n-1); tries every solution of a relation
  kArithmetic,       // a = b (flag: Arith) c
  kCompare,          // fails unless b (flag: Comparison) c
  kCompareValue,     // a = b (flag: Comparison) c
  kMember,           // a = b in c
  kMemberPair,       // a = registers b, b+1 (key, value) in c
  kEqual,            // fails unless a == b
  kCheck,            // fails when a is false
  kCheckCollection,  // fails unless a is an array, object or set
  kMakeArray,        // a = [registers b ... b+n-1]
  kMakeSet,
  kMakeObject,   // n entries: key, value, key, value...
  kMatchArray,   // fails unless a is an array of n elements
  kMatchObject,  // fails unless a is an object of n keys
  kElement,      // a = b[n], after kMatchArray
  kCollect,      // starts a nested body that ends at +c and gives a; flag: Collector
  kYield,        // a solution of the innermost nested body (flag: Collector): a (and b)
  kPushWith,     // withs[b] from here to the end of the next kCollect
  kTemplate,     // a = text of registers b ... b+n-1, each an array of 0 or 1 values
  kReturn,       // a solution of the clause: a (and b: object value); flag: last one wanted
};

enum class Arith : uint8_t { kPlus, kMinus, kTimes, kDivide, kRemainder, kAnd, kOr };
enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
enum class Collector : uint8_t {
  kArrayOf,
  kSetOf,
  kObjectOf,
  kExists,  // goes on after the first solution, fails without one
  kNot,     // goes on without a solution, fails after the first
};
constexpr uint8_t kEndsWith = 0x80;  // in kCollect's flag: a kPushWith came before it

struct Instruction {
  Op op = Op::kFail;
  uint8_t flag = 0;
  uint16_t n = 0;
  int32_t a = 0;
  int32_t b = 0;
  int32_t c = 0;
};
static_assert(sizeof(Instruction) == 16);

// One definition of a rule (or one `else` of it).
struct Clause {
  int32_t begin = 0;  // its first instruction
  int32_t end = 0;    // one past its last
  int32_t registers = 0;
  int32_t otherwise = -1;  // clause tried when this one has no solution
  Location location;
  // The author's variables and their registers, for explanations.
  std::vector<std::pair<std::string_view, int32_t>> names = {};
};

class RuleIndex;

// All definitions of one rule, or something the compiler made up that has a value like a rule.
struct Group {
  enum class Kind : uint8_t {
    kComplete,       // one value
    kFunction,       // one value for given arguments
    kPartialSet,     // all values
    kPartialObject,  // key, value: a key has one value
    kRows,           // [[path...], value, is_set]: nested objects (ref heads with variables)
    kNode,           // key, value: objects under the same key are merged (packages)
    kQuery,          // array of all values
  };
  Kind kind = Kind::kComplete;
  bool one_is_enough = false;  // all definitions give the same constant
  int32_t arity = 0;
  int32_t fallback = -1;  // clause of `default`
  int32_t path = -1;      // paths[]: where in `data` (for `with`), -1 for what the compiler made up
  std::vector<int32_t> clauses;
  std::shared_ptr<const RuleIndex> index = nullptr;  // none where it would not help
  std::string name;                                  // "data.a.p", for messages
  Location location;
};

// One place in the tree of packages and rules.
struct Node {
  std::vector<std::pair<std::string_view, int32_t>> children;  // sorted by name
  int32_t parent = -1;
  int32_t rule = -1;     // group of the rule exactly here
  int32_t dynamic = -1;  // group (kRows) of ref heads with variables that start here
  int32_t value = -1;    // group that gives the whole value here
  int32_t path = -1;     // paths[]
  bool function = false;

  int32_t Child(std::string_view name) const;
};

struct WithTarget {
  enum class Kind : uint8_t { kInput, kData, kFunction, kBuiltin };
  Kind kind = Kind::kInput;
  int32_t path = -1;    // paths[] inside input or data
  int32_t callee = -1;  // group or builtin that is replaced
  // What replaces it: a value, or (for callees) a function.
  int32_t operand = 0;
  int32_t new_group = -1;
  int32_t new_builtin = -1;
};

// Everything an evaluation reads. Immutable once made, shared by threads.
struct Program {
  std::vector<Instruction> code;
  std::vector<Location> locations;  // of each instruction
  std::vector<Value> constants;
  std::vector<Clause> clauses;
  std::vector<Group> groups;
  std::vector<Node> nodes;  // nodes[0] is data
  std::vector<std::vector<Value>> paths;
  std::vector<std::vector<WithTarget>> withs;
  std::vector<const Builtin*> builtins;
  std::vector<std::string> files;  // by Location::module
};

}  // namespace nacre::rego
