// Keys of the broker's own that all replicas share: what seals session cookies and what signs
// tokens. Either one key from a file, or a ring in the store (sealed there), which turns by itself:
// a new key is made when the newest is old enough, is shown for a while before it is used, and the
// one before is kept until all it made has expired. Whoever comes to a replica with a key that this
// one has not seen yet makes it look again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attestation/broker/store.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::attestation {

struct ServiceKey {
  std::string id;
  SecretBytes material;     // 32 bytes, or PEM
  int64_t active_from = 0;  // Unix seconds
  int64_t expires_at = 0;
};
using ServiceKeys = std::vector<std::shared_ptr<const ServiceKey>>;

// Thread-safe.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // Makes things now.
  virtual absl::StatusOr<std::shared_ptr<const ServiceKey>> Current() = 0;
  // kNotFound when there is none of that id, or not any more.
  virtual absl::StatusOr<std::shared_ptr<const ServiceKey>> Find(std::string_view id) = 0;
  // All whose work may still be about, or will be; the newest last.
  virtual absl::StatusOr<ServiceKeys> All() = 0;
};

// The one key of a file.
std::unique_ptr<KeySource> OneKey(std::string id, SecretBytes material);

struct KeyRingOptions {
  std::string purpose;         // "session" or "token"
  int64_t rotate_after_s = 0;  // 0: only when told to
  int64_t announce_s = 0;  // shown before it is used: as long as others keep what they were told
  int64_t keep_s = 0;      // of the one before: how long what it made lives
  std::function<absl::StatusOr<ServiceKey>()> make = {};  // id and material of a new one
  std::function<int64_t()> clock = {};                    // Unix seconds; absent: the system's
};

class KeyRing : public KeySource {
 public:
  // Makes the first key when there is none. `store` outlives it.
  static absl::StatusOr<std::unique_ptr<KeyRing>> Open(Store* store, KeyRingOptions options);

  absl::StatusOr<std::shared_ptr<const ServiceKey>> Current() override;
  absl::StatusOr<std::shared_ptr<const ServiceKey>> Find(std::string_view id) override;
  absl::StatusOr<ServiceKeys> All() override;

 private:
  KeyRing(Store* store, KeyRingOptions options) : store_(store), options_(std::move(options)) {}
  absl::Status Load(int64_t now);
  absl::Status RefreshWhenDue(int64_t now);
  bool IsDue(int64_t now) const;

  Store* store_;
  KeyRingOptions options_;
  std::mutex mutex_;
  ServiceKeys keys_;  // by active_from
  int64_t loaded_at_ = 0;
};

// Makes a new key of `options.purpose`. It is used after announce_s, and those before it expire
// keep_s later; with `revoke` it is used at once and those before it are gone, with all they made:
// for a key that others may have got hold of. Running replicas see it within 15 seconds.
absl::Status RotateKeys(Store& store, const KeyRingOptions& options, bool revoke,
                        const Change& change);

// The rings of this program.
absl::StatusOr<ServiceKey> MakeSessionKey();  // 32 random bytes
absl::StatusOr<ServiceKey> MakeTokenKey();    // EC P-256 as PEM; the id is its RFC 7638 thumbprint

}  // namespace nacre::attestation
