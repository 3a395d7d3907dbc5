#include "attestation/broker/reference_upload.h"

#include "attestation/reference/reference_json.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kTdxSchema = "nacre.reference.tdx/";
constexpr std::string_view kTpmSchema = "nacre.reference.tpm/";
constexpr int64_t kPlainLifetimeS = int64_t{365} * 24 * 3600;
constexpr size_t kMaxPlainValues = 256;  // of one message

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
    out.expires_at = reference.expires.value_or(0);
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
    out.expires_at = reference.expires.value_or(0);
    ASSIGN_OR_RETURN(out.document, SerializeTpmReference(reference));
  } else {
    ReferenceValue& reference = set.snp.at(0);
    if (reference.name.empty()) reference.name = NameOf("snp", reference.measurement.digest);
    out.name = reference.name;
    out.expires_at = reference.expires.value_or(0);
    ASSIGN_OR_RETURN(out.document, SerializeReferenceValue(reference));
  }
  return out;
}

}  // namespace

std::string SchemaOf(std::string_view document) {
  const auto json = ParseJson(document, {.max_size = kMaxReferenceDocument, .max_depth = 8});
  if (!json.ok()) return "";
  return JsonString(*json, "schema", "reference value").value_or("");
}

absl::Status AddReferenceDocument(std::string_view document, ReferenceSet* set) {
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

absl::StatusOr<std::vector<StoredReference>> ReadReferenceUpload(std::string_view document,
                                                                 int64_t now) {
  if (IsPeersMessage(document)) return PlainValues(document, now);
  ReferenceSet one;
  RETURN_IF_ERROR(AddReferenceDocument(document, &one));
  ASSIGN_OR_RETURN(StoredReference reference, Named(std::move(one)));
  if (reference.expires_at != 0 && reference.expires_at <= now) {
    return absl::InvalidArgumentError(StrCat("reference value '", reference.name, "' expired ",
                                             crypto::FormatTime(reference.expires_at)));
  }
  return std::vector<StoredReference>{std::move(reference)};
}

}  // namespace nacre::attestation
