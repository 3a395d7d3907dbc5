// Memory of one evaluation (or of one compiled policy): handed out in order, freed at once, with a
// hard budget. What lives here is never destroyed one by one, so it must be trivially destructible.
//
// Nothing here fails by itself: a request beyond the budget gives nullptr and leaves `failure()`
// set. Builders of values turn that into null, and the evaluator, which looks after every step,
// ends the evaluation. So no builtin has to check each allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace nacre::rego {

class Arena {
 public:
  enum class Failure : uint8_t { kNone, kMemory, kDepth, kWeight, kWork };

  // At most `budget` bytes are handed out between two resets.
  explicit Arena(size_t budget = size_t{1} << 30) : budget_(budget) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Aligned for any value; nullptr when the budget is spent.
  void* Allocate(size_t size) {
    size = (size + 15) & ~size_t{15};
    if (size <= static_cast<size_t>(end_ - next_)) [[likely]] {
      void* out = next_;
      next_ += size;
      return out;
    }
    return AllocateSlow(size);
  }
  template <typename T>
  T* AllocateArray(size_t count) {
    if (count > budget_ / sizeof(T)) return static_cast<T*>(FailMemory());
    return static_cast<T*>(Allocate(count * sizeof(T)));
  }

  // A copy that lives as long as the arena; an empty view when the budget is spent.
  std::string_view Copy(std::string_view text);

  Failure failure() const { return failure_; }
  void Fail(Failure failure) {
    if (failure_ == Failure::kNone) failure_ = failure;
  }
  // Counts work (units of some 10 ns) that making a value takes beyond its size; false, with
  // failure(), when more than the budget came together since the last reset.
  bool Work(uint64_t units) {
    if (units <= work_left_) [[likely]] {
      work_left_ -= units;
      return true;
    }
    Fail(Failure::kWork);
    return false;
  }
  void set_work_budget(uint64_t units) { work_left_ = units; }

  // Bytes handed out since the last reset, to the chunk.
  size_t used() const { return used_ + static_cast<size_t>(next_ - begin_); }
  size_t budget() const { return budget_; }
  void set_budget(size_t budget) { budget_ = budget; }

  // Forgets everything; keeps up to `keep` bytes of memory for the next use.
  void Reset(size_t keep = size_t{1} << 20);

 private:
  struct Chunk {
    std::unique_ptr<char[]> memory;
    size_t size;
  };
  void* AllocateSlow(size_t size);
  void* FailMemory() {
    failure_ = Failure::kMemory;
    return nullptr;
  }

  size_t budget_;
  uint64_t work_left_ = UINT64_MAX;
  size_t used_ = 0;  // in chunks before the current one
  char* begin_ = nullptr;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::vector<Chunk> chunks_;
  size_t current_ = 0;  // chunks_[current_ - 1] is being filled; 0 before the first
  Failure failure_ = Failure::kNone;
};

}  // namespace nacre::rego
