#include "attestation/broker/key_ring.h"

#include <algorithm>
#include <ctime>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/jwk.h"
#include "crypto/key.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kRefreshS = 15;
constexpr int64_t kNever = 253'402'300'799;  // the end of the year 9999
constexpr size_t kSessionKeySize = 32;
constexpr size_t kIdSize = 8;

int64_t Now(const KeyRingOptions& options) {
  return options.clock ? options.clock() : static_cast<int64_t>(std::time(nullptr));
}

class OneKeySource : public KeySource {
 public:
  explicit OneKeySource(std::shared_ptr<const ServiceKey> key) : key_(std::move(key)) {}
  absl::StatusOr<std::shared_ptr<const ServiceKey>> Current() override { return key_; }
  absl::StatusOr<std::shared_ptr<const ServiceKey>> Find(std::string_view id) override {
    if (id == key_->id) return key_;
    return absl::NotFoundError("no such key");
  }
  absl::StatusOr<ServiceKeys> All() override { return ServiceKeys{key_}; }

 private:
  std::shared_ptr<const ServiceKey> key_;
};

struct Newest {
  int64_t made_at = 0;
  bool any = false;
};

absl::StatusOr<Newest> FindNewest(sql::Connection& connection, std::string_view purpose) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   connection.Query("SELECT made_at FROM service_keys WHERE purpose = $1 ORDER BY "
                                    "made_at DESC LIMIT 1",
                                    {purpose}));
  return Newest{rows.Number(0, 0), !rows.empty()};
}

absl::Status Insert(Store& store, sql::Connection& connection, const KeyRingOptions& options,
                    int64_t now, int64_t active_from) {
  ASSIGN_OR_RETURN(const ServiceKey key, options.make());
  ASSIGN_OR_RETURN(const Bytes sealed,
                   store.sealer().Seal(connection, "service_keys", key.id, key.material.view()));
  return connection
      .Query(
          "INSERT INTO service_keys (id, purpose, sealed, made_at, active_from, expires_at) "
          "VALUES ($1, $2, $3, $4, $5, $6)",
          {key.id, options.purpose, sealed, now, active_from, kNever})
      .status();
}

enum class Turn { kIfOldEnough, kInTurn, kRevoke };

// The entry in the audit log comes first: it is also the lock under which one replica turns the
// ring and the others find it turned.
absl::Status TurnRing(Store& store, const KeyRingOptions& options, Turn turn,
                      const Change& change) {
  const int64_t now = change.time;
  return store.database().Write([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(store.audit().Append(connection, change, "key-rotated", options.purpose,
                                         turn == Turn::kRevoke ? R"({"revoked":true})" : "{}"));
    ASSIGN_OR_RETURN(const Newest newest, FindNewest(connection, options.purpose));
    if (turn == Turn::kIfOldEnough && newest.any && now - newest.made_at < options.rotate_after_s) {
      return absl::AlreadyExistsError("another replica has just done so");
    }
    int64_t active_from = now;
    if (turn == Turn::kRevoke) {
      RETURN_IF_ERROR(
          connection.Query("DELETE FROM service_keys WHERE purpose = $1", {options.purpose})
              .status());
    } else if (newest.any) {
      active_from = now + options.announce_s;
      RETURN_IF_ERROR(connection
                          .Query("UPDATE service_keys SET expires_at = $1 WHERE purpose = $2 AND "
                                 "expires_at = $3",
                                 {active_from + options.keep_s, options.purpose, kNever})
                          .status());
      RETURN_IF_ERROR(connection
                          .Query("DELETE FROM service_keys WHERE purpose = $1 AND expires_at <= $2",
                                 {options.purpose, now})
                          .status());
    }
    return Insert(store, connection, options, now, active_from);
  });
}

}  // namespace

std::unique_ptr<KeySource> OneKey(std::string id, SecretBytes material) {
  return std::make_unique<OneKeySource>(std::make_shared<const ServiceKey>(
      ServiceKey{std::move(id), std::move(material), 0, kNever}));
}

absl::StatusOr<std::unique_ptr<KeyRing>> KeyRing::Open(Store* store, KeyRingOptions options) {
  std::unique_ptr<KeyRing> ring(new KeyRing(store, std::move(options)));
  const int64_t now = Now(ring->options_);
  RETURN_IF_ERROR(ring->Load(now));
  if (!ring->keys_.empty()) return ring;
  const absl::Status turned =
      TurnRing(*store, ring->options_, Turn::kIfOldEnough,
               {.actor = "nacre-kbs", .peer = "local", .request = "", .time = now});
  if (!absl::IsAlreadyExists(turned)) RETURN_IF_ERROR(turned);
  RETURN_IF_ERROR(ring->Load(now));
  return ring;
}

absl::Status KeyRing::Load(int64_t now) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   store_->database().Query("SELECT id, sealed, active_from, expires_at FROM "
                                            "service_keys WHERE purpose = $1 AND expires_at > $2 "
                                            "ORDER BY active_from, id",
                                            {options_.purpose, now}));
  ServiceKeys keys;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string id = rows.Text(i, 0);
    ASSIGN_OR_RETURN(SecretBytes material,
                     store_->sealer().Open(store_->database(), "service_keys", id, rows.Blob(i, 1)),
                     StrCat(options_.purpose, " key ", id));
    keys.push_back(std::make_shared<const ServiceKey>(
        ServiceKey{id, std::move(material), rows.Number(i, 2), rows.Number(i, 3)}));
  }
  std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  loaded_at_ = now;
  return absl::OkStatus();
}

// By when the newest became active: announcing moves that by seconds in months.
bool KeyRing::IsDue(int64_t now) const {
  return options_.rotate_after_s > 0 && !keys_.empty() &&
         now - keys_.back()->active_from >= options_.rotate_after_s;
}

absl::Status KeyRing::RefreshWhenDue(int64_t now) {
  bool due = false;
  {
    std::lock_guard lock(mutex_);
    if (!keys_.empty() && now - loaded_at_ < kRefreshS) return absl::OkStatus();
    due = IsDue(now);
  }
  // What keeps the ring from turning must not end the service: the present key goes on.
  if (due) {
    TurnRing(*store_, options_, Turn::kIfOldEnough,
             {.actor = "nacre-kbs", .peer = "local", .request = "", .time = now})
        .IgnoreError();
  }
  return Load(now);
}

absl::StatusOr<std::shared_ptr<const ServiceKey>> KeyRing::Current() {
  const int64_t now = Now(options_);
  RETURN_IF_ERROR(RefreshWhenDue(now));
  std::lock_guard lock(mutex_);
  for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) {
    if ((*key)->active_from <= now && now < (*key)->expires_at) return *key;
  }
  return absl::InternalError(StrCat("no ", options_.purpose, " key is active"));
}

absl::StatusOr<std::shared_ptr<const ServiceKey>> KeyRing::Find(std::string_view id) {
  const int64_t now = Now(options_);
  RETURN_IF_ERROR(RefreshWhenDue(now));
  // The second time after another look, at most once a second: the id may be anybody's invention.
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool look_again = false;
    {
      std::lock_guard lock(mutex_);
      for (const auto& key : keys_) {
        if (key->id == id && now < key->expires_at) return key;
      }
      look_again = attempt == 0 && loaded_at_ != now;
    }
    if (!look_again) break;
    RETURN_IF_ERROR(Load(now));
  }
  return absl::NotFoundError(StrCat("no such ", options_.purpose, " key"));
}

absl::StatusOr<ServiceKeys> KeyRing::All() {
  const int64_t now = Now(options_);
  RETURN_IF_ERROR(RefreshWhenDue(now));
  std::lock_guard lock(mutex_);
  ServiceKeys valid;
  for (const auto& key : keys_) {
    if (now < key->expires_at) valid.push_back(key);
  }
  return valid;
}

absl::Status RotateKeys(Store& store, const KeyRingOptions& options, bool revoke,
                        const Change& change) {
  return TurnRing(store, options, revoke ? Turn::kRevoke : Turn::kInTurn, change);
}

absl::StatusOr<ServiceKey> MakeSessionKey() {
  return ServiceKey{HexEncode(crypto::RandomBytes(kIdSize)), crypto::RandomSecret(kSessionKeySize),
                    0, 0};
}

absl::StatusOr<ServiceKey> MakeTokenKey() {
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  ASSIGN_OR_RETURN(std::string id, crypto::JwkThumbprint(key.public_key()));
  ASSIGN_OR_RETURN(SecretBytes pem, key.ToPem());
  return ServiceKey{std::move(id), std::move(pem), 0, 0};
}

}  // namespace nacre::attestation
