// What was proved once and may be used again while its dates hold: the part of a verification that
// is the same for many reports of one machine.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace nacre::tee {

// `Proof` has int64_t not_before and not_after: it holds from the first second to before the
// second. A key must stand for everything else the proof depended on; then a cache never changes a
// verdict. Holds the `capacity` most recently used. Thread-safe.
template <typename Proof>
class ProofCache {
 public:
  explicit ProofCache(size_t capacity) : capacity_(capacity) {}

  // nullptr when there is none for this key that holds at `now`.
  std::shared_ptr<const Proof> Find(const std::string& key, int64_t now) {
    std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    const auto entry = found->second;
    if (now < entry->proof->not_before || now >= entry->proof->not_after) return nullptr;
    entries_.splice(entries_.begin(), entries_, entry);
    ++hits_;
    return entry->proof;
  }

  void Store(const std::string& key, std::shared_ptr<const Proof> proof) {
    std::lock_guard lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      entries_.erase(found->second);
      by_key_.erase(found);
    }
    entries_.push_front({key, std::move(proof)});
    by_key_[key] = entries_.begin();
    if (entries_.size() <= capacity_) return;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return entries_.size();
  }
  uint64_t hits() const {
    std::lock_guard lock(mutex_);
    return hits_;
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Proof> proof;
  };
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> by_key_;
  uint64_t hits_ = 0;
};

}  // namespace nacre::tee
