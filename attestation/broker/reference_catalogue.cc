#include "attestation/broker/reference_catalogue.h"

#include <algorithm>

#include "attestation/reference/reference_json.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kTdxSchema = "nacre.reference.tdx/";
constexpr std::string_view kTpmSchema = "nacre.reference.tpm/";
constexpr std::string_view kPlainSchema = "nacre.reference.plain/1";
constexpr int64_t kPlainLifetimeS = int64_t{365} * 24 * 3600;
constexpr size_t kMaxPlainValues = 256;  // of one message

// Only to choose a parser, which says what is wrong with a document that is none.
std::string SchemaOf(std::string_view document) {
  const auto json = ParseJson(document, {.max_size = kMaxReferenceDocument, .max_depth = 8});
  if (!json.ok()) return "";
  return JsonString(*json, "schema", "reference value").value_or("");
}

bool IsPeersMessage(std::string_view document) {
  const auto json = ParseJson(document, {.max_size = kMaxReferenceDocument, .max_depth = 8});
  return json.ok() && json->is_object() && json->contains("payload");
}

absl::StatusOr<std::vector<StoredReference>> PlainValues(std::string_view message, int64_t now) {
  constexpr std::string_view kWhere = "reference value message";
  ASSIGN_OR_RETURN(const Json json, ParseJson(message, {.max_size = kMaxReferenceDocument}));
  ASSIGN_OR_RETURN(const std::string version, JsonString(json, "version", kWhere));
  ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", kWhere));
  ASSIGN_OR_RETURN(const std::string payload, JsonString(json, "payload", kWhere));
  if (version != "0.1.0") {
    return absl::InvalidArgumentError(StrCat(kWhere, ": version is not \"0.1.0\""));
  }
  if (type != "sample") {
    return absl::InvalidArgumentError(
        StrCat(kWhere, ": of the types only \"sample\" is known here, which names plain values"));
  }
  ASSIGN_OR_RETURN(const Bytes text, Base64Decode(payload), StrCat(kWhere, ": payload"));
  ASSIGN_OR_RETURN(const Json values, ParseJson(AsText(text), {.max_depth = 16}),
                   StrCat(kWhere, ": payload"));
  if (!values.is_object() || values.empty() || values.size() > kMaxPlainValues) {
    return absl::InvalidArgumentError(
        StrCat(kWhere, ": payload: want an object of 1 to ", kMaxPlainValues, " values"));
  }
  std::vector<StoredReference> out;
  for (const auto& [id, value] : values.items()) {
    if (id.empty() || id.size() > kMaxReferenceName) {
      return absl::InvalidArgumentError(StrCat(kWhere, ": an id is empty or too long"));
    }
    StoredReference reference;
    reference.name = id;
    reference.expires_at = now + kPlainLifetimeS;
    ASSIGN_OR_RETURN(reference.document, DumpJson({{"schema", kPlainSchema}, {"value", value}}));
    out.push_back(std::move(reference));
  }
  return out;
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

absl::Status AddStored(const StoredReference& stored, ReferenceView* view) {
  if (SchemaOf(stored.document) != kPlainSchema) return Add(stored.document, &view->documents);
  ASSIGN_OR_RETURN(const Json json, ParseJson(stored.document));
  ASSIGN_OR_RETURN(const Json* value, JsonMember(json, "value", "plain value"));
  view->values[stored.name] = {*value, stored.expires_at};
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

absl::StatusOr<std::vector<std::string>> ReferenceCatalogue::Register(std::string_view document,
                                                                      const Change& change) {
  std::vector<StoredReference> references;
  if (IsPeersMessage(document)) {
    ASSIGN_OR_RETURN(references, PlainValues(document, change.time));
  } else {
    ReferenceSet one;
    RETURN_IF_ERROR(Add(document, &one));
    ASSIGN_OR_RETURN(StoredReference reference, Named(std::move(one)));
    references.push_back(std::move(reference));
  }
  std::vector<std::string> names;
  std::lock_guard lock(mutex_);
  cached_.reset();
  for (StoredReference& reference : references) {
    reference.registered_at = change.time;
    reference.source_digest = crypto::OciDigest(AsBytes(document));
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
