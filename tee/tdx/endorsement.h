// Everything a quote's verification rests on that is not the quote's own: a PCK that has been
// checked all the way to a pinned root, and collateral about its platform that has been checked
// under the same root. What is left per quote are two ECDSA P-256 verifications.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "tee/tdx/collateral.h"
#include "tee/tdx/pck_chain.h"
#include "tee/tdx/pck_extension.h"

namespace nacre::tee::tdx {

struct Endorsement {
  PckChain chain;
  PckExtension pck;
  crypto::PublicKey pck_key;
  // No date that was looked at passes between these: from the first second to before the second.
  int64_t from = 0;
  int64_t until = 0;
};

// The stretch around `now` in which every comparison of a date of these with `now` comes out alike.
void SetPeriod(const ParsedCollateral& collateral, int64_t now, Endorsement* endorsement);

// Endorsements that were good, by everything that made them so: the bytes of the PCK chain and of
// the collateral, and the pins. Another byte or a time outside the period is a miss, so a cache
// never changes a verdict. Holds the `capacity` most recently used. Thread-safe.
class EndorsementCache {
 public:
  explicit EndorsementCache(size_t capacity = 1024) : capacity_(capacity) {}

  // nullptr when there is none for this key that holds at `now`.
  std::shared_ptr<const Endorsement> Find(const std::string& key, int64_t now);
  void Store(const std::string& key, std::shared_ptr<const Endorsement> endorsement);
  size_t size() const;
  uint64_t hits() const;

  // 32 bytes that stand for all but the time.
  static std::string Key(ByteView certification_data, const ParsedCollateral& collateral,
                         const TdxTrust& trust);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Endorsement> endorsement;
  };
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  uint64_t hits_ = 0;
};

}  // namespace nacre::tee::tdx
