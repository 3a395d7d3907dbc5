// Rego values: null, boolean, number, string, array, object, set. A Value is a 16-byte handle to
// something immutable that an Arena owns; copying it copies nothing, and it lives as long as its
// arena (strings may also view text that outlives the arena). Values may be read by many threads.
//
// Objects are kept sorted by key and sets by member, in OPA's total order
//   null < boolean < number < string < array < object < set
// (false < true; numbers by value; strings by bytes; arrays and sets member by member, then the
// shorter first; objects key by key with values compared after equal keys), so that iteration and
// output have one order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "policy/rego/arena.h"
#include "policy/rego/limits.h"

namespace nacre::rego {

enum class Kind : uint8_t { kUndefined, kNull, kBool, kNumber, kString, kArray, kObject, kSet };

// "null", "boolean", "number", "string", "array", "object", "set" (and "undefined").
std::string_view KindName(Kind kind);

struct Member;

class Value {
 public:
  Value() = default;  // undefined: the absence of a value; never inside another value
  static Value Null() { return Value(Kind::kNull, 0); }
  static Value Bool(bool value) { return Value(Kind::kBool, value ? 1 : 0); }
  static Value Int(int64_t value) { return Value(Kind::kNumber, value); }
  static Value String(Arena& arena, std::string_view text);  // copies; UTF-8 (not checked)
  static Value BorrowString(std::string_view text);          // views; must outlive all users
  static Value Array(Arena& arena, std::span<const Value> elements);
  static Value Array(Arena& arena, std::initializer_list<Value> elements) {
    return Array(arena, std::span(elements.begin(), elements.size()));
  }
  static Value EmptyArray();
  static Value EmptyObject();
  static Value EmptySet();

  Kind kind() const { return kind_; }
  bool defined() const { return kind_ != Kind::kUndefined; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_number() const { return kind_ == Kind::kNumber; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_set() const { return kind_ == Kind::kSet; }
  bool is_collection() const { return kind_ >= Kind::kArray; }
  bool is_false() const { return kind_ == Kind::kBool && integer_ == 0; }
  bool is_true() const { return kind_ == Kind::kBool && integer_ != 0; }

  // Each accessor below wants a value of its kind.
  bool boolean() const { return integer_ != 0; }
  std::string_view string() const { return {text_, size_}; }
  // Numbers: most are an int64 in the handle; all others are decimal text as it was written
  // ("1.50", "1e3", 40 digits). Arithmetic and conversions are in number.h.
  bool is_small() const { return kind_ == Kind::kNumber && !has_text_; }
  int64_t small() const { return integer_; }
  std::string_view number_text() const { return {text_, size_}; }  // when !is_small()

  // Bytes of a string, elements of an array, members of a set, entries of an object.
  size_t size() const { return size_; }
  std::span<const Value> elements() const;  // array, or set in order
  std::span<const Member> members() const;  // object, in key order
  // The element at an index, the value at a key, or the member itself; undefined when absent or
  // when this is no collection.
  Value Get(const Value& key) const;
  Value Get(std::string_view key) const;  // of an object; undefined for other kinds
  bool Contains(const Value& key) const { return Get(key).defined(); }

  int depth() const;        // 0 for a scalar, 1 + the deepest member for a collection
  uint32_t weight() const;  // see kMaxValueWeight; at least 1
  uint64_t Hash() const;    // equal values (1 and 1.0 too) have equal hashes

  // < 0, 0, > 0 in the total order above.
  static int Compare(const Value& a, const Value& b);
  friend bool operator==(const Value& a, const Value& b) {
    return a.SameHandle(b) || EqualSlow(a, b);
  }
  friend bool operator<(const Value& a, const Value& b) { return Compare(a, b) < 0; }
  // The very same handle (quick sufficient test of equality).
  bool SameHandle(const Value& other) const {
    return kind_ == other.kind_ && size_ == other.size_ && integer_ == other.integer_;
  }

 private:
  friend class ArrayBuilder;
  friend class SetBuilder;
  friend class ObjectBuilder;
  friend Value NumberFromCheckedText(std::string_view text);
  struct Node;  // header before the elements of a collection

  Value(Kind kind, int64_t integer) : kind_(kind), integer_(integer) {}
  Value(Kind kind, uint32_t size, const Node* node) : kind_(kind), size_(size), node_(node) {}
  static bool EqualSlow(const Value& a, const Value& b);

  Kind kind_ = Kind::kUndefined;
  bool has_text_ = false;
  uint32_t size_ = 0;
  union {
    int64_t integer_ = 0;
    const char* text_;
    const Node* node_;
  };
};
static_assert(sizeof(Value) == 16);

struct Member {
  Value key;
  Value value;
};

struct Value::Node {
  mutable std::atomic<uint64_t> hash{0};  // 0 until first asked for
  uint32_t depth : 9 = 1;
  uint32_t weight : 23 = 1;
  uint32_t capacity = 0;  // while being built
  Value* values() { return reinterpret_cast<Value*>(this + 1); }
  const Value* values() const { return reinterpret_cast<const Value*>(this + 1); }
};

// Builders grow inside the arena. Once its budget is spent, or a value would nest deeper than
// kMaxValueDepth or weigh more than kMaxValueWeight, they ignore what is added and build null; the
// arena remembers the failure.
class ArrayBuilder {
 public:
  explicit ArrayBuilder(Arena& arena, size_t expected = 0);
  void Add(const Value& value);
  size_t size() const { return size_; }
  std::span<const Value> so_far() const;
  Value Build();  // once; an array in the order of Add

 protected:
  Value BuildSet();
  Value BuildObject(Value* conflict);
  bool Reserve(size_t count);
  Value Finish(Kind kind, size_t count);

  Arena& arena_;
  Value::Node* node_ = nullptr;
  size_t size_ = 0;
  uint32_t depth_ = 0;
};

class SetBuilder : private ArrayBuilder {
 public:
  using ArrayBuilder::Add;
  using ArrayBuilder::ArrayBuilder;
  using ArrayBuilder::size;             // with duplicates
  Value Build() { return BuildSet(); }  // once; sorted, each member once
};

// What becomes an array, a set or an object (of keys and values in turn) is said at the end.
class AnyBuilder : public ArrayBuilder {
 public:
  using ArrayBuilder::ArrayBuilder;
  using ArrayBuilder::BuildObject;
  using ArrayBuilder::BuildSet;
};

class ObjectBuilder : private ArrayBuilder {
 public:
  explicit ObjectBuilder(Arena& arena, size_t expected = 0) : ArrayBuilder(arena, 2 * expected) {}
  void Set(const Value& key, const Value& value) {
    Add(key);
    Add(value);
  }
  void Set(std::string_view key, const Value& value);  // copies the key
  size_t size() const { return size_ / 2; }            // with duplicates
  Value Build() {
    return BuildObject(nullptr);
  }  // once; of entries with the same key the last one counts
  // The same, but undefined, with `conflict` set to the key, when a key has two different values.
  Value BuildUnique(Value* conflict) { return BuildObject(conflict); }
};

// About what putting values in order costs, in steps.
uint64_t SortingWork(std::span<const Value> values);

// A copy in `arena` of everything `value` consists of; for results that outlive an evaluation.
Value DeepCopy(Arena& arena, const Value& value);

// The text of a value as a Rego term, as OPA prints it: {"a": [1, "b"]}, {1, 2}, set().
std::string ToRego(const Value& value);
void AppendRego(std::string* out, const Value& value);

struct ValueHash {
  size_t operator()(const Value& value) const { return value.Hash(); }
};

}  // namespace nacre::rego
