// Sealing of single records with the store's data key. AES-256-GCM; each record has a random
// initialisation vector and is bound to its table and key, so that a record copied over another one
// does not open. A sealed record says which data key it needs:
//
//   u8 1, u32 id of the data key (big-endian), 12 bytes IV, ciphertext, 16 bytes tag
//
// A random 96-bit IV allows 2^32 records under one data key (NIST SP 800-38D section 8.3); the
// store holds at most 100,000, and `nacre-kbs rekey` makes a new data key.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>

#include "attestation/broker/storage/master_key.h"
#include "attestation/broker/storage/sql.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::attestation {

// Thread-safe.
class Sealer {
 public:
  // `master_key` outlives it.
  explicit Sealer(MasterKey* master_key) : master_key_(master_key) {}

  // Learns the data keys of the database; makes the first one when there is none.
  // kFailedPrecondition when they are wrapped under another master key.
  absl::Status Load(sql::Database& database, int64_t now);

  // Inside the writing transaction that stores the result, after the audit head is locked: the
  // newest data key of the database is used, whatever this replica knew before.
  absl::StatusOr<Bytes> Seal(sql::Connection& connection, std::string_view table,
                             std::string_view key, ByteView plaintext);
  // `connection` is asked only for a data key that is not known yet. kUnauthenticated when the
  // record is not what was sealed for that table and key.
  absl::StatusOr<SecretBytes> Open(sql::Queryable& connection, std::string_view table,
                                   std::string_view key, ByteView sealed);

  // Makes a new data key wrapped by `new_master`, seals every record again under it and forgets the
  // old ones. In the caller's transaction.
  absl::Status Rekey(sql::Connection& connection, MasterKey& new_master, int64_t now);

 private:
  absl::StatusOr<SecretBytes> KeyOf(sql::Queryable& connection, int64_t id);
  std::mutex mutex_;
  std::map<int64_t, SecretBytes> keys_;
  MasterKey* master_key_;
};

}  // namespace nacre::attestation
