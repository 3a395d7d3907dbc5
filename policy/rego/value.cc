#include "policy/rego/value.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "base/bytes.h"
#include "policy/rego/json.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

// As unsigned bytes, which is what char_traits compares.
int CompareBytes(std::string_view a, std::string_view b) { return a.compare(b); }

uint64_t Mix(uint64_t hash, uint64_t next) {
  hash ^= next + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccd;
  return hash ^ (hash >> 32);
}

int CompareSequences(std::span<const Value> a, std::span<const Value> b) {
  size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    int order = Value::Compare(a[i], b[i]);
    if (order != 0) return order;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// Keys first, then values, entry by entry: objects with different keys differ there.
int CompareObjects(std::span<const Member> a, std::span<const Member> b) {
  size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    int order = Value::Compare(a[i].key, b[i].key);
    if (order == 0) order = Value::Compare(a[i].value, b[i].value);
    if (order != 0) return order;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

template <typename Before>
const Member* FindMember(std::span<const Member> members, Before before) {
  auto found = std::lower_bound(members.begin(), members.end(), 0,
                                [&](const Member& member, int) { return before(member.key) < 0; });
  if (found == members.end() || before(found->key) != 0) return nullptr;
  return &*found;
}

// Stable, since the place in which an entry came decides between equal keys; small objects and
// sorted ones without a buffer on the heap.
template <typename Before>
void SortStably(Member* begin, Member* end, Before before) {
  if (end - begin > 64) {
    if (std::is_sorted(begin, end, before)) return;
    struct Placed {
      Member member;
      ptrdiff_t place;
    };
    std::vector<Placed> all;
    all.reserve(static_cast<size_t>(end - begin));
    for (Member* next = begin; next != end; ++next) all.push_back({*next, next - begin});
    std::sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) {
      int order = Value::Compare(a.member.key, b.member.key);
      return order != 0 ? order < 0 : a.place < b.place;
    });
    for (const Placed& placed : all) *begin++ = placed.member;
    return;
  }
  for (Member* next = begin + 1; next < end; ++next) {
    Member moving = *next;
    Member* place = next;
    for (; place != begin && before(moving, *(place - 1)); --place) *place = *(place - 1);
    *place = moving;
  }
}

}  // namespace

std::string_view KindName(Kind kind) {
  static constexpr std::string_view kNames[] = {"undefined", "null",  "boolean", "number",
                                                "string",    "array", "object",  "set"};
  return kNames[static_cast<size_t>(kind)];
}

Value Value::BorrowString(std::string_view text) {
  Value out(Kind::kString, 0);
  out.size_ = static_cast<uint32_t>(text.size());
  out.text_ = text.data();
  return out;
}

Value Value::String(Arena& arena, std::string_view text) { return BorrowString(arena.Copy(text)); }

Value Value::Array(Arena& arena, std::span<const Value> elements) {
  ArrayBuilder builder(arena, elements.size());
  for (const Value& element : elements) builder.Add(element);
  return builder.Build();
}

Value Value::EmptyArray() {
  static const Node kNode;
  return Value(Kind::kArray, 0, &kNode);
}

Value Value::EmptyObject() {
  static const Node kNode;
  return Value(Kind::kObject, 0, &kNode);
}

Value Value::EmptySet() {
  static const Node kNode;
  return Value(Kind::kSet, 0, &kNode);
}

std::span<const Value> Value::elements() const { return {node_->values(), size_}; }

std::span<const Member> Value::members() const {
  static_assert(sizeof(Member) == 2 * sizeof(Value));
  return {reinterpret_cast<const Member*>(node_ + 1), size_};
}

uint32_t Value::weight() const {
  if (is_collection()) return node_->weight;
  bool text = is_string() || (is_number() && !is_small());
  return text ? static_cast<uint32_t>(std::min(1 + size_ / 16, kMaxValueWeight)) : 1;
}

uint64_t SortingWork(std::span<const Value> values) {
  uint64_t work = 0;
  for (const Value& value : values) work += value.weight();
  return work * std::bit_width(values.size()) / 16;
}

int Value::depth() const { return is_collection() ? static_cast<int>(node_->depth) : 0; }

Value Value::Get(std::string_view key) const {
  if (!is_object()) return Value();
  const Member* found = FindMember(members(), [&](const Value& other) {
    return other.is_string() ? CompareBytes(other.string(), key)
                             : static_cast<int>(other.kind()) - static_cast<int>(Kind::kString);
  });
  return found == nullptr ? Value() : found->value;
}

Value Value::Get(const Value& key) const {
  if (is_object()) {
    if (key.is_string()) return Get(key.string());
    const Member* found =
        FindMember(members(), [&](const Value& other) { return Compare(other, key); });
    return found == nullptr ? Value() : found->value;
  }
  if (is_array()) {
    if (!key.is_number()) return Value();
    std::optional<int64_t> index = key.is_small() ? key.small() : ToInt64(key);
    if (!index || *index < 0 || static_cast<uint64_t>(*index) >= size_) return Value();
    return elements()[static_cast<size_t>(*index)];
  }
  if (is_set()) {
    auto all = elements();
    auto found = std::lower_bound(all.begin(), all.end(), key);
    if (found != all.end() && Compare(*found, key) == 0) return *found;
  }
  return Value();
}

int Value::Compare(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return static_cast<int>(a.kind_) - static_cast<int>(b.kind_);
  switch (a.kind_) {
    case Kind::kUndefined:
    case Kind::kNull:
      return 0;
    case Kind::kBool:
      return static_cast<int>(a.integer_ - b.integer_);
    case Kind::kNumber:
      if (a.is_small() && b.is_small()) {
        return a.integer_ < b.integer_ ? -1 : a.integer_ > b.integer_ ? 1 : 0;
      }
      return CompareNumbers(a, b);
    case Kind::kString:
      return CompareBytes(a.string(), b.string());
    case Kind::kArray:
    case Kind::kSet:
      return a.node_ == b.node_ && a.size_ == b.size_
                 ? 0
                 : CompareSequences(a.elements(), b.elements());
    case Kind::kObject:
      return a.node_ == b.node_ && a.size_ == b.size_ ? 0
                                                      : CompareObjects(a.members(), b.members());
  }
  return 0;
}

bool Value::EqualSlow(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return false;
  if (a.kind_ == Kind::kNumber) return Compare(a, b) == 0;
  if (a.size_ != b.size_) return false;
  if (a.is_collection()) {
    uint64_t hash_a = a.node_->hash.load(std::memory_order_relaxed);
    uint64_t hash_b = b.node_->hash.load(std::memory_order_relaxed);
    if (hash_a != 0 && hash_b != 0 && hash_a != hash_b) return false;
  }
  return Compare(a, b) == 0;
}

uint64_t Value::Hash() const {
  uint64_t hash = Mix(0, static_cast<uint64_t>(kind_));
  switch (kind_) {
    case Kind::kUndefined:
    case Kind::kNull:
      return hash;
    case Kind::kBool:
      return Mix(hash, static_cast<uint64_t>(integer_));
    case Kind::kNumber:
      return Mix(hash, is_small() ? static_cast<uint64_t>(integer_) : HashNumber(*this));
    case Kind::kString:
      return Mix(hash, std::hash<std::string_view>{}(string()));
    case Kind::kArray:
    case Kind::kObject:
    case Kind::kSet:
      break;
  }
  uint64_t kept = node_->hash.load(std::memory_order_relaxed);
  if (kept != 0) return kept;
  size_t count = is_object() ? 2 * size_t{size_} : size_;
  for (size_t i = 0; i < count; ++i) hash = Mix(hash, node_->values()[i].Hash());
  if (hash == 0) hash = 1;
  node_->hash.store(hash, std::memory_order_relaxed);
  return hash;
}

ArrayBuilder::ArrayBuilder(Arena& arena, size_t expected) : arena_(arena) {
  if (expected > 0) Reserve(expected);
}

bool ArrayBuilder::Reserve(size_t count) {
  if (node_ != nullptr && count <= node_->capacity) return true;
  size_t capacity = node_ == nullptr ? std::max<size_t>(count, 4)
                                     : std::max<size_t>(count, 2 * size_t{node_->capacity});
  if (capacity > UINT32_MAX / 2) capacity = SIZE_MAX / 64;  // more than any budget
  void* memory = arena_.Allocate(sizeof(Value::Node) + capacity * sizeof(Value));
  if (memory == nullptr) return false;
  auto* node = new (memory) Value::Node;
  node->capacity = static_cast<uint32_t>(capacity);
  if (size_ > 0)
    std::memcpy(static_cast<void*>(node->values()), node_->values(), size_ * sizeof(Value));
  node_ = node;
  return true;
}

void ArrayBuilder::Add(const Value& value) {
  if (!Reserve(size_ + 1)) return;
  new (&node_->values()[size_++]) Value(value);
  depth_ = std::max(depth_, static_cast<uint32_t>(value.depth()));
}

std::span<const Value> ArrayBuilder::so_far() const {
  if (node_ == nullptr) return {};
  return {node_->values(), size_};
}

Value ArrayBuilder::Finish(Kind kind, size_t count) {
  if (depth_ + 1 > static_cast<uint32_t>(kMaxValueDepth)) {
    arena_.Fail(Arena::Failure::kDepth);
    return Value::Null();
  }
  uint64_t weight = 1;
  size_t values = kind == Kind::kObject ? 2 * count : count;
  for (size_t i = 0; i < values; ++i) weight += node_->values()[i].weight();
  if (weight > kMaxValueWeight) {
    arena_.Fail(Arena::Failure::kWeight);
    return Value::Null();
  }
  if (arena_.failure() != Arena::Failure::kNone) return Value::Null();
  node_->depth = (depth_ + 1) & 0x1ff;
  node_->weight = weight & kMaxValueWeight;
  return Value(kind, static_cast<uint32_t>(count), node_);
}

Value ArrayBuilder::Build() {
  if (size_ == 0) return Value::EmptyArray();
  return Finish(Kind::kArray, size_);
}

Value ArrayBuilder::BuildSet() {
  if (size_ == 0) return Value::EmptySet();
  Value* begin = node_->values();
  Value* end = begin + size_;
  if (!arena_.Work(SortingWork({begin, end}))) return Value::Null();
  if (!std::is_sorted(begin, end)) std::sort(begin, end);
  end = std::unique(begin, end);
  return Finish(Kind::kSet, static_cast<size_t>(end - begin));
}

void ObjectBuilder::Set(std::string_view key, const Value& value) {
  Set(Value::String(arena_, key), value);
}

Value ArrayBuilder::BuildObject(Value* conflict) {
  if (size_ < 2) return Value::EmptyObject();
  if (!arena_.Work(SortingWork({node_->values(), size_}))) return Value::Null();
  auto* begin = reinterpret_cast<Member*>(node_->values());
  Member* end = begin + size_ / 2;
  auto before = [](const Member& a, const Member& b) { return a.key < b.key; };
  SortStably(begin, end, before);
  Member* out = begin;
  for (Member* next = begin + 1; next != end; ++next) {
    if (next->key == out->key) {
      if (conflict != nullptr && !(next->value == out->value)) {
        *conflict = next->key;
        return Value();
      }
      out->value = next->value;
    } else {
      *++out = *next;
    }
  }
  return Finish(Kind::kObject, static_cast<size_t>(out - begin) + 1);
}

Value DeepCopy(Arena& arena, const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return Value::String(arena, value.string());
    case Kind::kNumber:
      if (value.is_small()) return value;
      return NumberFromCheckedText(arena.Copy(value.number_text()));
    case Kind::kArray: {
      ArrayBuilder out(arena, value.size());
      for (const Value& element : value.elements()) out.Add(DeepCopy(arena, element));
      return out.Build();
    }
    case Kind::kSet: {
      SetBuilder out(arena, value.size());
      for (const Value& element : value.elements()) out.Add(DeepCopy(arena, element));
      return out.Build();
    }
    case Kind::kObject: {
      ObjectBuilder out(arena, value.size());
      for (const Member& member : value.members()) {
        out.Set(DeepCopy(arena, member.key), DeepCopy(arena, member.value));
      }
      return out.Build();
    }
    default:
      return value;
  }
}

void AppendRego(std::string* out, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      out->append("undefined");
      return;
    case Kind::kNull:
      out->append("null");
      return;
    case Kind::kBool:
      out->append(value.boolean() ? "true" : "false");
      return;
    case Kind::kNumber:
      AppendNumber(out, value);
      return;
    case Kind::kString:
      AppendJsonString(out, value.string());
      return;
    case Kind::kArray:
    case Kind::kSet: {
      if (value.is_set() && value.size() == 0) {
        out->append("set()");
        return;
      }
      out->push_back(value.is_array() ? '[' : '{');
      bool first = true;
      for (const Value& element : value.elements()) {
        if (!first) out->append(", ");
        first = false;
        AppendRego(out, element);
      }
      out->push_back(value.is_array() ? ']' : '}');
      return;
    }
    case Kind::kObject: {
      out->push_back('{');
      bool first = true;
      for (const Member& member : value.members()) {
        if (!first) out->append(", ");
        first = false;
        AppendRego(out, member.key);
        out->append(": ");
        AppendRego(out, member.value);
      }
      out->push_back('}');
      return;
    }
  }
}

std::string ToRego(const Value& value) {
  std::string out;
  AppendRego(&out, value);
  return out;
}

}  // namespace nacre::rego
