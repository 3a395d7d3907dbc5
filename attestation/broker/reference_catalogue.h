// The reference values guests are measured against: documents in the store, parsed once and shared
// until they change. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/store.h"
#include "attestation/reference/reference_value.h"
#include "base/status.h"

namespace nacre::attestation {

using ReferenceValues = std::vector<ReferenceValue>;

class ReferenceCatalogue {
 public:
  explicit ReferenceCatalogue(Store* store) : store_(store) {}

  // Replaces one of the same name. Returns that name: the document's, or "snp-<12 hex digits>" of
  // the digest when it has none. kInvalidArgument when it is no reference value document.
  absl::StatusOr<std::string> Register(std::string_view document, int64_t now);
  absl::Status Remove(std::string_view name);  // kNotFound

  // All that are registered. kDataLoss naming one that no longer parses: then nobody is affirmed
  // until the owner has seen to it.
  absl::StatusOr<std::shared_ptr<const ReferenceValues>> All();

 private:
  Store* store_;
  std::mutex mutex_;
  std::shared_ptr<const ReferenceValues> cached_;
};

}  // namespace nacre::attestation
