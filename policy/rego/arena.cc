#include "policy/rego/arena.h"

#include <algorithm>
#include <cstring>

namespace nacre::rego {
namespace {

constexpr size_t kFirstChunk = 32 << 10;
constexpr size_t kLargestStep = 1 << 20;

}  // namespace

// Chunks double up to a mebibyte; a chunk kept from before is used again if it is large enough.
void* Arena::AllocateSlow(size_t size) {
  used_ += static_cast<size_t>(next_ - begin_);
  begin_ = next_ = end_;
  if (size > budget_ || used_ > budget_ - size) return FailMemory();
  while (current_ < chunks_.size() && chunks_[current_].size < size) ++current_;
  if (current_ == chunks_.size()) {
    size_t step = kFirstChunk << std::min<size_t>(chunks_.size(), 5);
    step = std::max(size, std::min(step, kLargestStep));
    chunks_.push_back({std::unique_ptr<char[]>(new char[step]), step});
  }
  Chunk& chunk = chunks_[current_++];
  begin_ = chunk.memory.get();
  // A chunk larger than what is left of the budget is filled only so far.
  end_ = begin_ + std::min(chunk.size, budget_ - used_);
  next_ = begin_ + size;
  return begin_;
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* out = static_cast<char*>(Allocate(text.size()));
  if (out == nullptr) return {};
  std::memcpy(out, text.data(), text.size());
  return {out, text.size()};
}

void Arena::Reset(size_t keep) {
  size_t kept = 0, count = 0;
  while (count < chunks_.size() && kept + chunks_[count].size <= keep) {
    kept += chunks_[count++].size;
  }
  chunks_.resize(count);
  begin_ = next_ = end_ = nullptr;
  used_ = current_ = 0;
  failure_ = Failure::kNone;
}

}  // namespace nacre::rego
