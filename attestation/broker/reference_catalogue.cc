#include "attestation/broker/reference_catalogue.h"

#include <algorithm>

#include "attestation/broker/reference_upload.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

// The document's own expiry or the store's, whichever comes first; 0 and none are never.
void LimitExpiry(int64_t expires_at, std::optional<int64_t>* expires) {
  if (expires_at != 0 && (!*expires || expires_at < **expires)) *expires = expires_at;
}

template <typename Reference>
void MoveInto(std::vector<Reference>& from, int64_t expires_at, std::vector<Reference>* to) {
  for (Reference& reference : from) {
    LimitExpiry(expires_at, &reference.expires);
    to->push_back(std::move(reference));
  }
}

absl::Status AddStored(const StoredReference& stored, ReferenceView* view) {
  if (SchemaOf(stored.document) != kPlainSchema) {
    ReferenceSet one;
    RETURN_IF_ERROR(AddReferenceDocument(stored.document, &one));
    MoveInto(one.snp, stored.expires_at, &view->documents.snp);
    MoveInto(one.tdx, stored.expires_at, &view->documents.tdx);
    MoveInto(one.tpm, stored.expires_at, &view->documents.tpm);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Json json, ParseJson(stored.document));
  ASSIGN_OR_RETURN(const Json* value, JsonMember(json, "value", "plain value"));
  view->values[stored.name] = {*value, stored.expires_at};
  return absl::OkStatus();
}

// That what is stored is what a signer whose word counts put his name to.
absl::Status CheckSource(const ReferenceSigners& signers, const StoredReference& stored) {
  const std::string& upload = stored.signature.empty() ? stored.document : stored.signature;
  ASSIGN_OR_RETURN(const SourcedDocument source, signers.Read(upload, stored.registered_at));
  ASSIGN_OR_RETURN(const auto references, ReadReferenceUpload(source.text, stored.registered_at));
  for (const StoredReference& reference : references) {
    if (reference.name == stored.name && reference.document == stored.document) {
      return absl::OkStatus();
    }
  }
  return absl::UnauthenticatedError("it is not what was signed");
}

}  // namespace

Json ReferenceView::Query(std::string_view id, int64_t now) const {
  const auto plain = values.find(id);
  const bool registered =
      plain != values.end() && (plain->second.expires_at == 0 || now < plain->second.expires_at);
  Json out = registered ? plain->second.value : Json(nullptr);
  if (id != "snp_launch_measurement" || (registered && !out.is_array())) return out;
  for (const ReferenceValue& reference : documents.snp) {
    const bool expired = reference.expires && now >= *reference.expires;
    if (!expired) out.push_back(HexEncode(reference.measurement.digest));
  }
  return out;
}

std::optional<int64_t> ReferenceView::ExpiredAt(std::string_view id, int64_t now) const {
  const auto plain = values.find(id);
  if (plain == values.end()) return std::nullopt;
  const int64_t at = plain->second.expires_at;
  return at != 0 && at <= now ? std::optional<int64_t>(at) : std::nullopt;
}

Json ReferenceQuestions::Ask(std::string_view id) {
  if (const auto at = view_->ExpiredAt(id, now_)) expired_.emplace(id, *at);
  return view_->Query(id, now_);
}

std::string ReferenceQuestions::ExpiredOnes() const {
  std::string out;
  for (const auto& [id, at] : expired_) {
    StrAppend(&out, "; reference value '", id, "' expired ", crypto::FormatTime(at));
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> ReferenceCatalogue::Register(std::string_view upload,
                                                                      const Change& change) {
  ASSIGN_OR_RETURN(const SourcedDocument source, signers_.Read(upload, change.time));
  ASSIGN_OR_RETURN(std::vector<StoredReference> references,
                   ReadReferenceUpload(source.text, change.time));
  std::vector<std::string> names;
  std::lock_guard lock(mutex_);
  cached_.reset();
  for (StoredReference& reference : references) {
    reference.registered_at = change.time;
    reference.source_digest = crypto::OciDigest(AsBytes(source.text));
    reference.signer = source.signer;
    reference.signature = source.signature;
    RETURN_IF_ERROR(store_->PutReference(reference, change));
    names.push_back(reference.name);
  }
  return names;
}

absl::StatusOr<std::string> ReferenceCatalogue::Shown(const StoredReference& reference) {
  if (SchemaOf(reference.document) != kPlainSchema) return reference.document;
  ASSIGN_OR_RETURN(const Json json, ParseJson(reference.document));
  ASSIGN_OR_RETURN(const Json* value, JsonMember(json, "value", reference.name));
  return DumpJson(*value);
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
    const absl::Status source =
        signers_.required() ? CheckSource(signers_, entry) : absl::OkStatus();
    if (!source.ok()) {
      values->not_counted.emplace(entry.name, Message(source));
      continue;
    }
    const absl::Status added = AddStored(entry, values.get());
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
