#include "attestation/reference/tpm_reference.h"

#include "attestation/reference/reference_json.h"
#include "attestation/reference/reference_value.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "tee/common/launch_inputs.h"

namespace nacre::attestation {
namespace {

using tee::tpm::PredictedEvent;

constexpr std::string_view kSchema = "nacre.reference.tpm/1";
constexpr std::string_view kWhere = "TPM reference";
constexpr size_t kMaxEvents = 256;
constexpr uint64_t kMaxPcr = 23;

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(kWhere, ": ", message));
}

// What the events leave in the PCRs they extend, each from zero.
std::map<uint32_t, Bytes> Replayed(const tee::tpm::PcrPrediction& prediction) {
  std::map<uint32_t, Bytes> out;
  for (const PredictedEvent& event : prediction.events) {
    Bytes& value = out.try_emplace(event.pcr, BankSize(prediction.bank)).first->second;
    value = Extended(prediction.bank, value, event.digest);
  }
  return out;
}

absl::Status ParseEvents(const Json& document, tee::tpm::PcrPrediction* out) {
  ASSIGN_OR_RETURN(const Json* list, JsonArray(document, "events", kWhere));
  if (list->size() > kMaxEvents) return Refuse("too many events");
  for (const Json& item : *list) {
    constexpr std::string_view kItem = "TPM reference: event";
    RETURN_IF_ERROR(JsonOnlyMembers(item, {"pcr", "name", "digest"}, kItem));
    PredictedEvent event;
    ASSIGN_OR_RETURN(const uint64_t pcr, JsonUint(item, "pcr", kItem));
    if (pcr > kMaxPcr) return Refuse(StrCat("an event of PCR ", pcr));
    event.pcr = static_cast<uint32_t>(pcr);
    ASSIGN_OR_RETURN(event.name, JsonString(item, "name", kItem));
    if (event.name.size() > kMaxReferenceName) return Refuse("an event's name is too long");
    ASSIGN_OR_RETURN(event.digest, ReferenceHex(item, "digest", BankSize(out->bank), kItem));
    out->events.push_back(std::move(event));
  }
  return absl::OkStatus();
}

absl::Status ParsePcrs(const Json& document, tee::tpm::PcrPrediction* out) {
  ASSIGN_OR_RETURN(const Json* pcrs, JsonObject(document, "pcrs", kWhere));
  for (const auto& [key, value] : pcrs->items()) {
    uint32_t pcr = 0;
    if (!ParseNumber(key, &pcr) || pcr > kMaxPcr) return Refuse(StrCat("PCR '", key, "'"));
    ASSIGN_OR_RETURN(out->pcrs[pcr], ReferenceHex(*pcrs, key, BankSize(out->bank), kWhere));
  }
  if (Replayed(*out) != out->pcrs) return Refuse("the PCRs do not follow from the events");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TpmReferenceValue> ParseTpmReference(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document,
                   ParseJson(json, {.max_size = kMaxReferenceDocument, .max_depth = 8}), kWhere);
  RETURN_IF_ERROR(JsonOnlyMembers(
      document, {"schema", "name", "bank", "pcrs", "events", "command_line", "created", "expires"},
      kWhere));
  ASSIGN_OR_RETURN(const std::string schema, JsonString(document, "schema", kWhere));
  if (schema != kSchema) return Refuse(StrCat("schema '", schema, "' is not ", kSchema));
  TpmReferenceValue out;
  ASSIGN_OR_RETURN(out.name, JsonString(document, "name", kWhere));
  if (out.name.size() > kMaxReferenceName) return Refuse("the name is too long");
  ASSIGN_OR_RETURN(const std::string bank, JsonString(document, "bank", kWhere));
  ASSIGN_OR_RETURN(out.prediction.bank, tee::eventlog::ParseBankName(bank), kWhere);
  RETURN_IF_ERROR(ParseEvents(document, &out.prediction));
  RETURN_IF_ERROR(ParsePcrs(document, &out.prediction));
  ASSIGN_OR_RETURN(out.command_line, JsonString(document, "command_line", kWhere));
  if (out.command_line.size() > tee::kMaxCommandLine) return Refuse("the command line is too long");
  ASSIGN_OR_RETURN(out.created, ReferenceTime(document, "created", kWhere));
  ASSIGN_OR_RETURN(out.expires, OptionalReferenceTime(document, "expires", kWhere));
  return out;
}

absl::StatusOr<std::string> SerializeTpmReference(const TpmReferenceValue& reference) {
  const tee::tpm::PcrPrediction& prediction = reference.prediction;
  if (Replayed(prediction) != prediction.pcrs) {
    return Refuse("the PCRs do not follow from the events");
  }
  Json events = Json::array();
  for (const PredictedEvent& event : prediction.events) {
    events.push_back(
        {{"pcr", event.pcr}, {"name", event.name}, {"digest", HexEncode(event.digest)}});
  }
  Json pcrs = Json::object();
  for (const auto& [pcr, value] : prediction.pcrs) pcrs[StrCat(pcr)] = HexEncode(value);
  Json document = {{"schema", kSchema},
                   {"name", reference.name},
                   {"bank", tee::eventlog::BankName(prediction.bank)},
                   {"pcrs", std::move(pcrs)},
                   {"events", std::move(events)},
                   {"command_line", reference.command_line},
                   {"created", crypto::FormatTime(reference.created)}};
  if (reference.expires) document["expires"] = crypto::FormatTime(*reference.expires);
  return DumpJson(document, 2);
}

}  // namespace nacre::attestation
