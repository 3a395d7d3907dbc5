// The file of a backup: rows of tables, sealed, in the order they were written.
//
//   "nacre-kbs backup 1\n"
//   u32 size, header: JSON {"made_at", "schema", "key"}: the backup's own key, wrapped by the
//     store's master key, in base64
//   frames: u8 1 in the last one, else 0; u32 size; AES-256-GCM ciphertext and tag. The IV is the
//     frame's number; its associated data the SHA-256 of the header and the first byte.
//   a frame holds whole rows: u8 size, table; u8 columns; each u8 1, u64 | u8 2 or 3, u32 size,
//     text or bytes
//
// All numbers are big-endian. A file that was cut off has no last frame, one that was added to has
// bytes after it: both are refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/broker/storage/master_key.h"
#include "attestation/broker/storage/sql.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::attestation {

inline constexpr size_t kMaxBackupFrame = 8 << 20;

struct BackupRow {
  std::string table;
  std::vector<sql::Value> values;
};

class BackupWriter {
 public:
  // `fd` is written from where it stands.
  static absl::StatusOr<BackupWriter> Begin(int fd, MasterKey& master, int64_t made_at,
                                            int64_t schema);
  absl::Status Add(std::string_view table, const std::vector<sql::Value>& values);
  absl::Status Finish();

 private:
  BackupWriter(int fd, SecretBytes key, Bytes header_digest)
      : fd_(fd), key_(std::move(key)), header_digest_(std::move(header_digest)) {}
  absl::Status WriteFrame(bool last);
  int fd_;
  SecretBytes key_;
  Bytes header_digest_;
  uint64_t frames_ = 0;
  ByteWriter rows_;
};

class BackupReader {
 public:
  // kInvalidArgument when it is no backup; kFailedPrecondition when its key is under another
  // master key.
  static absl::StatusOr<BackupReader> Open(const std::string& path, MasterKey& master);
  int64_t made_at() const { return made_at_; }
  int64_t schema() const { return schema_; }
  // The rows of the next frame; empty after the last. kDataLoss when the file is cut off, was added
  // to or changed.
  absl::StatusOr<std::vector<BackupRow>> Next();

 private:
  explicit BackupReader(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  SecretBytes key_;
  Bytes header_digest_;
  int64_t made_at_ = 0;
  int64_t schema_ = 0;
  uint64_t frames_ = 0;
  bool last_ = false;
};

// The rows of one opened frame. kDataLoss for what is not whole rows.
absl::StatusOr<std::vector<BackupRow>> ParseBackupRows(ByteView frame);
void PutBackupRow(std::string_view table, const std::vector<sql::Value>& values, ByteWriter* out);

}  // namespace nacre::attestation
