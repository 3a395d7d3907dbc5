// The reference values guests are measured against: documents in the store, parsed once and shared
// until they change. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "attestation/broker/store.h"
#include "attestation/verifier/launch_registers.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

// One state of the catalogue; immutable.
struct ReferenceView {
  ReferenceSet documents;

  // For query_reference_value: what is in force at `now` under an id, as JSON; null when nothing
  // is. "snp_launch_measurement" also lists the digests of the SNP documents.
  Json Query(std::string_view id, int64_t now) const;
};

class ReferenceCatalogue {
 public:
  explicit ReferenceCatalogue(Store* store) : store_(store) {}

  // A document of any schema of attestation/reference. Replaces one of the same name. Returns that
  // name: the document's, or the kind and 12 hex digits of its digest, "snp-0123456789ab", when it
  // has none. kInvalidArgument when it is no reference value document.
  absl::StatusOr<std::string> Register(std::string_view document, const Change& change);
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
