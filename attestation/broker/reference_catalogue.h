// The reference values guests are measured against: documents in the store, parsed once and shared
// until they change. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/store.h"
#include "attestation/verifier/launch_registers.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

// One state of the catalogue; immutable.
struct ReferenceView {
  struct Plain {
    Json value;
    int64_t expires_at = 0;  // 0: never
  };
  ReferenceSet documents;
  std::map<std::string, Plain, std::less<>> values;  // by id

  // For query_reference_value: what is in force at `now` under an id, as JSON; null when nothing
  // is. "snp_launch_measurement" also lists the digests of the SNP documents.
  Json Query(std::string_view id, int64_t now) const;
};

class ReferenceCatalogue {
 public:
  explicit ReferenceCatalogue(Store* store) : store_(store) {}

  // A document of any schema of attestation/reference, which replaces one of the same name; it is
  // called by its name or, when it has none, by its kind and 12 hex digits of its digest,
  // "snp-0123456789ab". Or a message of Confidential Containers' reference value service,
  //   {"version": "0.1.0", "type": "sample", "payload": base64 of {"<id>": value, ...}}
  // whose plain values policies ask for; in force for a year. Returns the names.
  // kInvalidArgument when it is neither.
  absl::StatusOr<std::vector<std::string>> Register(std::string_view document,
                                                    const Change& change);
  // What is shown of one: the document, or the plain value as JSON.
  static absl::StatusOr<std::string> Shown(const StoredReference& reference);
  absl::Status Remove(std::string_view name, const Change& change);  // kNotFound

  // All that are registered. kDataLoss naming one that no longer parses: then nobody is affirmed
  // until the owner has seen to it.
  absl::StatusOr<std::shared_ptr<const ReferenceView>> All();

 private:
  Store* store_;
  std::mutex mutex_;
  std::shared_ptr<const ReferenceView> cached_;
  int64_t generation_ = 0;  // of the store, when `cached_` was read
};

}  // namespace nacre::attestation
