#include "attestation/broker/reference_catalogue.h"

#include "base/encoding.h"

namespace nacre::attestation {

absl::StatusOr<std::string> ReferenceCatalogue::Register(std::string_view document, int64_t now) {
  ASSIGN_OR_RETURN(ReferenceValue reference, ParseReferenceValue(document));
  if (reference.name.empty()) {
    reference.name = "snp-" + HexEncode(reference.measurement.digest).substr(0, 12);
  }
  ASSIGN_OR_RETURN(std::string text, SerializeReferenceValue(reference));
  std::lock_guard lock(mutex_);
  cached_.reset();
  RETURN_IF_ERROR(store_->PutReference(
      {.name = reference.name, .document = std::move(text), .registered_at = now}));
  return reference.name;
}

absl::Status ReferenceCatalogue::Remove(std::string_view name) {
  std::lock_guard lock(mutex_);
  cached_.reset();
  return store_->DeleteReference(name);
}

absl::StatusOr<std::shared_ptr<const ReferenceValues>> ReferenceCatalogue::All() {
  std::lock_guard lock(mutex_);
  if (cached_ != nullptr) return cached_;
  ASSIGN_OR_RETURN(std::vector<StoredReference> stored, store_->ListReferences());
  auto values = std::make_shared<ReferenceValues>();
  for (const StoredReference& entry : stored) {
    auto reference = ParseReferenceValue(entry.document);
    if (!reference.ok()) {
      return absl::DataLossError("stored reference value " + entry.name + ": " +
                                 std::string(reference.status().message()));
    }
    values->push_back(*std::move(reference));
  }
  cached_ = std::move(values);
  return cached_;
}

}  // namespace nacre::attestation
