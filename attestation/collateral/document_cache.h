// Documents fetched from a vendor's service, kept on disk until they expire: so that verifying goes
// on while the service does not answer, and asks it once for what many guests need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace nacre::attestation {

inline constexpr size_t kMaxCachedDocument = 4 << 20;
inline constexpr size_t kMaxCachedDocuments = 4096;

// One folder, one file a document, written whole or not at all. What is in it is untrusted, like
// what came over the network: verifiers check signatures and dates. Several processes may share a
// folder.
class DocumentCache {
 public:
  // The folder is made with the first Put.
  explicit DocumentCache(std::string folder) : folder_(std::move(folder)) {}

  // nullopt when there is none for this key, it has expired at `now` (seconds since 1970), or its
  // file is damaged.
  std::optional<Bytes> Get(std::string_view key, int64_t now) const;
  // Replaces what is there. kResourceExhausted for a document past kMaxCachedDocument. Makes room
  // by removing documents that expire first when there are kMaxCachedDocuments.
  absl::Status Put(std::string_view key, ByteView document, int64_t expires) const;

 private:
  std::string PathOf(std::string_view key) const;
  absl::Status MakeRoom() const;

  const std::string folder_;
};

}  // namespace nacre::attestation
