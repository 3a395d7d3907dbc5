// What a builtin may ask of the machine that calls it: steps, randomness, and a memory of one
// evaluation or of all.
#include <sys/random.h>

#include <algorithm>

#include "base/strings.h"
#include "policy/rego/machine.h"

namespace nacre::rego {

absl::Status Machine::Step(uint64_t steps) {
  if (steps > steps_left_) {
    steps_left_ = 0;
    return absl::ResourceExhaustedError("step budget spent");
  }
  steps_left_ -= steps;
  if (arena_.failure() != Arena::Failure::kNone) {
    return absl::ResourceExhaustedError("memory budget spent");
  }
  return absl::OkStatus();
}

// splitmix64 over the seed; without a seed, the system's randomness.
void Machine::Random(std::span<uint8_t> out) {
  if (options_.seed == 0) {
    size_t done = 0;
    while (done < out.size()) {
      ssize_t got = getrandom(out.data() + done, out.size() - done, 0);
      if (got > 0) done += static_cast<size_t>(got);
    }
    return;
  }
  for (uint8_t& byte : out) {
    uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    byte = static_cast<uint8_t>(z >> 56);
  }
}

Value Machine::Recall(std::string_view kind, const Value& key) {
  auto found = recalled_.find(std::string(kind));
  if (found == recalled_.end()) return Value();
  steps_left_ -= std::min<uint64_t>(steps_left_, found->second.size() / 4);
  for (const auto& [known, value] : found->second) {
    if (known == key) return value;
  }
  return Value();
}

void Machine::Remember(std::string_view kind, const Value& key, const Value& value) {
  recalled_[std::string(kind)].emplace_back(key, value);
}

std::shared_ptr<const void> Machine::Kept(std::string_view kind, std::string_view key) {
  // Looked up in every decision: the name is built in memory that stays.
  thread_local std::string name;
  name.assign(kind).append("\n").append(key);
  auto found = kept_.find(name);
  return found == kept_.end() ? nullptr : found->second;
}

// Bounded: what is kept beyond that is forgotten all at once.
void Machine::Keep(std::string_view kind, std::string_view key, std::shared_ptr<const void> thing) {
  constexpr size_t kMostKept = 256;
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_[StrCat(kind, "\n", key)] = std::move(thing);
}

Value Machine::runtime() {
  return options_.runtime.defined() ? options_.runtime : Value::EmptyObject();
}

}  // namespace nacre::rego
