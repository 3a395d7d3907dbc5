#include "attestation/broker/ear.h"

#include <algorithm>

#include "base/json_writer.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kProfile = "tag:github.com,2024:confidential-containers/Trustee";
constexpr std::string_view kStatus = "ear.status";
constexpr std::string_view kVector = "ear.trustworthiness-vector";
constexpr std::string_view kPolicyId = "ear.appraisal-policy-id";
constexpr std::string_view kEvidence = "ear.veraison.annotated-evidence";

std::string SubmoduleName(size_t index) { return "cpu" + std::to_string(index); }

void WriteSubmodule(const Judgement& judgement, JsonWriter* out) {
  out->BeginObject();
  out->Key(kPolicyId).Text("default");
  out->Key(kStatus).Text(EarStatusName(judgement.status()));
  out->Key(kVector).Tree(judgement.trust.vector);
  out->Key(kEvidence).Tree(judgement.evidence);
  for (const auto& [name, value] : judgement.trust.extensions.items()) {
    out->Key(name).Tree(value);
  }
  out->EndObject();
}

absl::Status CheckVector(const Json& vector) {
  for (const auto& [name, claim] : vector.items()) {
    if (!claim.is_number_integer()) {
      return absl::InvalidArgumentError("token: trustworthiness claim '" + name +
                                        "' is not an integer");
    }
  }
  return absl::OkStatus();
}

// The claims of the one kind of evidence that is there.
absl::StatusOr<const Json*> TeeClaims(const Json& evidence, std::string* tee) {
  for (EvidenceKind kind : AllEvidenceKinds()) {
    if (!evidence.contains(EvidenceKindName(kind))) continue;
    *tee = std::string(EvidenceKindName(kind));
    return JsonObject(evidence, *tee, "token: evidence");
  }
  return absl::InvalidArgumentError("token: evidence of no kind we know");
}

// A submodule that claims nothing is as bad as one that claims the worst.
EarStatus Merged(EarStatus one, EarStatus other) {
  const bool nothing = one == EarStatus::kNone || other == EarStatus::kNone;
  return nothing ? EarStatus::kNone : std::max(one, other);
}

absl::Status ReadSubmodule(const Json& submodule, bool primary, EarSummary* summary) {
  ASSIGN_OR_RETURN(const Json* vector, JsonObject(submodule, kVector, "token: submodule"));
  RETURN_IF_ERROR(CheckVector(*vector));
  const EarStatus status = WorstOf(*vector);
  const EarStatus but_hardware = WorstOf(*vector, "hardware");
  summary->status = primary ? status : Merged(summary->status, status);
  summary->status_but_hardware =
      primary ? but_hardware : Merged(summary->status_but_hardware, but_hardware);
  ASSIGN_OR_RETURN(const Json* evidence, JsonObject(submodule, kEvidence, "token: submodule"));
  std::string tee;
  ASSIGN_OR_RETURN(const Json* claims, TeeClaims(*evidence, &tee));
  ASSIGN_OR_RETURN(const bool emulated, JsonBool(*claims, "emulated", "token: " + tee));
  summary->emulated = summary->emulated || emulated;
  if (!primary) return absl::OkStatus();
  summary->tee = tee;
  ASSIGN_OR_RETURN(summary->reference, JsonString(*claims, "reference", "token: " + tee));
  ASSIGN_OR_RETURN(const Json* runtime,
                   JsonObject(*evidence, "runtime_data_claims", "token: evidence"));
  ASSIGN_OR_RETURN(const Json* key, JsonObject(*runtime, "tee-pubkey", "token: runtime data"));
  summary->tee_pubkey = *key;
  return absl::OkStatus();
}

EarStatus StatusOf(std::string_view text) {
  for (EarStatus status : {EarStatus::kNone, EarStatus::kAffirming, EarStatus::kWarning}) {
    if (text == EarStatusName(status)) return status;
  }
  return EarStatus::kContraindicated;
}

bool SaysEmulated(const Json& evidence) {
  if (evidence.contains("sample") || evidence.contains("sampledevice")) return true;
  for (const auto& [name, claims] : evidence.items()) {
    const bool has = claims.is_object() && claims.contains("emulated");
    if (has && claims["emulated"] != Json(false)) return true;
  }
  return false;
}

// Where attestation services put the guest's key.
constexpr const char* kForeignKeys[] = {
    "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey",
    "/customized_claims/runtime_data/tee-pubkey", "/tdx/attester_runtime_data/tee-pubkey",
    "/tdx/attester_user_data/tee-pubkey", "/tee-pubkey"};

}  // namespace

absl::StatusOr<std::string> BuildEar(const EarInputs& inputs) {
  JsonWriter out;
  out.BeginObject();
  out.Key("ear.verifier-id").BeginObject();
  out.Key("build").Text("nacre-kbs").Key("developer").Text("Nacre").EndObject();
  out.Key("eat_profile").Text(kProfile);
  out.Key("exp").Number(inputs.expires_at).Key("iat").Number(inputs.issued_at);
  out.Key("iss").Text(inputs.issuer).Key("jti").Text(inputs.id);
  out.Key("submods").BeginObject();
  for (size_t i = 0; i < inputs.judgements.size(); ++i) {
    out.Key(SubmoduleName(i));
    WriteSubmodule(inputs.judgements[i], &out);
  }
  out.EndObject().EndObject();
  return std::move(out).Finish();
}

absl::StatusOr<EarSummary> ReadEar(const Json& claims) {
  EarSummary summary;
  ASSIGN_OR_RETURN(summary.id, JsonString(claims, "jti", "token"));
  ASSIGN_OR_RETURN(const Json* submodules, JsonObject(claims, "submods", "token"));
  if (submodules->empty()) return absl::InvalidArgumentError("token: no submodule");
  for (size_t i = 0; i < submodules->size(); ++i) {
    ASSIGN_OR_RETURN(const Json* submodule,
                     JsonObject(*submodules, SubmoduleName(i), "token: submods"));
    RETURN_IF_ERROR(ReadSubmodule(*submodule, i == 0, &summary));
  }
  return summary;
}

absl::StatusOr<EarSummary> ReadForeignEar(const Json& claims) {
  EarSummary summary;
  summary.id = JsonString(claims, "jti", "token").value_or("of another service");
  ASSIGN_OR_RETURN(const Json* submodules, JsonObject(claims, "submods", "token"));
  if (submodules->empty()) return absl::InvalidArgumentError("token: no submodule");
  bool first = true;
  for (const auto& [name, submodule] : submodules->items()) {
    const std::string where = "token: " + name;
    ASSIGN_OR_RETURN(const std::string text, JsonString(submodule, kStatus, where));
    ASSIGN_OR_RETURN(const Json* evidence, JsonObject(submodule, kEvidence, where));
    EarStatus status = StatusOf(text);
    EarStatus but_hardware = status;
    if (submodule.contains(kVector)) {
      ASSIGN_OR_RETURN(const Json* vector, JsonObject(submodule, kVector, where));
      RETURN_IF_ERROR(CheckVector(*vector));
      status = std::max(status, WorstOf(*vector));
      but_hardware = WorstOf(*vector, "hardware");
    }
    summary.status = first ? status : Merged(summary.status, status);
    summary.status_but_hardware =
        first ? but_hardware : Merged(summary.status_but_hardware, but_hardware);
    summary.emulated = summary.emulated || SaysEmulated(*evidence);
    if (first && !evidence->empty()) summary.tee = evidence->begin().key();
    first = false;
  }
  for (const char* pointer : kForeignKeys) {
    const Json::json_pointer place{std::string(pointer)};
    if (!claims.contains(place) || !claims[place].is_object()) continue;
    summary.tee_pubkey = claims[place];
    return summary;
  }
  return absl::InvalidArgumentError("token: no tee-pubkey");
}

}  // namespace nacre::attestation
