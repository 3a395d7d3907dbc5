#include "attestation/broker/reference_catalogue.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kTdxSchema = "nacre.reference.tdx/";
constexpr std::string_view kTpmSchema = "nacre.reference.tpm/";

// Only to choose a parser, which says what is wrong with a document that is none.
std::string SchemaOf(std::string_view document) {
  const auto json = ParseJson(document, {.max_size = kMaxReferenceDocument, .max_depth = 8});
  if (!json.ok()) return "";
  return JsonString(*json, "schema", "reference value").value_or("");
}

absl::Status Add(std::string_view document, ReferenceSet* set) {
  const std::string schema = SchemaOf(document);
  if (schema.starts_with(kTdxSchema)) {
    ASSIGN_OR_RETURN(TdxReferenceValue reference, ParseTdxReference(document));
    set->tdx.push_back(std::move(reference));
  } else if (schema.starts_with(kTpmSchema)) {
    ASSIGN_OR_RETURN(TpmReferenceValue reference, ParseTpmReference(document));
    set->tpm.push_back(std::move(reference));
  } else {
    ASSIGN_OR_RETURN(ReferenceValue reference, ParseReferenceValue(document));
    set->snp.push_back(std::move(reference));
  }
  return absl::OkStatus();
}

std::string NameOf(std::string_view kind, ByteView digest) {
  return std::string(kind) + "-" + HexEncode(digest).substr(0, 12);
}

// Gives a name to the one reference of `set` when it has none, and its text.
absl::StatusOr<StoredReference> Named(ReferenceSet set) {
  StoredReference out;
  if (!set.tdx.empty()) {
    TdxReferenceValue& reference = set.tdx[0];
    if (reference.name.empty()) reference.name = NameOf("tdx", reference.mrtd);
    out.name = reference.name;
    ASSIGN_OR_RETURN(out.document, SerializeTdxReference(reference));
  } else if (!set.tpm.empty()) {
    TpmReferenceValue& reference = set.tpm[0];
    if (reference.prediction.pcrs.empty()) {
      return absl::InvalidArgumentError("TPM reference: it names no PCR");
    }
    if (reference.name.empty()) {
      reference.name = NameOf("tpm", reference.prediction.pcrs.begin()->second);
    }
    out.name = reference.name;
    ASSIGN_OR_RETURN(out.document, SerializeTpmReference(reference));
  } else {
    ReferenceValue& reference = set.snp.at(0);
    if (reference.name.empty()) reference.name = NameOf("snp", reference.measurement.digest);
    out.name = reference.name;
    ASSIGN_OR_RETURN(out.document, SerializeReferenceValue(reference));
  }
  return out;
}

}  // namespace

Json ReferenceView::Query(std::string_view id, int64_t now) const {
  if (id != "snp_launch_measurement") return nullptr;
  Json out = Json::array();
  for (const ReferenceValue& reference : documents.snp) {
    const bool expired = reference.expires && now >= *reference.expires;
    if (!expired) out.push_back(HexEncode(reference.measurement.digest));
  }
  return out.empty() ? Json(nullptr) : out;
}

absl::StatusOr<std::string> ReferenceCatalogue::Register(std::string_view document,
                                                         const Change& change) {
  ReferenceSet one;
  RETURN_IF_ERROR(Add(document, &one));
  ASSIGN_OR_RETURN(StoredReference reference, Named(std::move(one)));
  reference.registered_at = change.time;
  reference.source_digest = crypto::OciDigest(AsBytes(document));
  std::lock_guard lock(mutex_);
  cached_.reset();
  RETURN_IF_ERROR(store_->PutReference(reference, change));
  return reference.name;
}

absl::Status ReferenceCatalogue::Remove(std::string_view name, const Change& change) {
  std::lock_guard lock(mutex_);
  cached_.reset();
  return store_->DeleteReference(name, change);
}

absl::StatusOr<std::shared_ptr<const ReferenceView>> ReferenceCatalogue::All() {
  std::lock_guard lock(mutex_);
  // Read before the documents: at worst they are read once more than needed.
  ASSIGN_OR_RETURN(const int64_t generation, store_->Generation());
  if (cached_ != nullptr && generation == generation_) return cached_;
  ASSIGN_OR_RETURN(std::vector<StoredReference> stored, store_->ListReferences());
  auto values = std::make_shared<ReferenceView>();
  for (const StoredReference& entry : stored) {
    const absl::Status added = Add(entry.document, &values->documents);
    if (!added.ok()) {
      return absl::DataLossError("stored reference value " + entry.name + ": " +
                                 std::string(added.message()));
    }
  }
  cached_ = std::move(values);
  generation_ = generation;
  return cached_;
}

}  // namespace nacre::attestation
