#include "tee/tpm/evidence_json.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/event_log.h"

namespace nacre::tee::tpm {
namespace {

constexpr std::string_view kWhere = "TPM evidence";

absl::Status ReadBase64(const Json& json, std::string_view key, Bytes* out) {
  ASSIGN_OR_RETURN(std::string text, JsonString(json, key, kWhere));
  ASSIGN_OR_RETURN(*out, Base64Decode(text), key);
  return absl::OkStatus();
}

absl::StatusOr<PcrBanks> ReadPcrs(const Json& json) {
  ASSIGN_OR_RETURN(const Json* banks, JsonObject(json, "pcrs", kWhere));
  PcrBanks out;
  for (const auto& [bank_name, values] : banks->items()) {
    ASSIGN_OR_RETURN(Bank bank, eventlog::ParseBankName(bank_name));
    if (!values.is_object()) return absl::InvalidArgumentError("pcrs: not an object of objects");
    for (const auto& [pcr_text, value] : values.items()) {
      uint32_t pcr = 0;
      if (!ParseNumber(pcr_text, &pcr) || pcr >= eventlog::kPcrCount || !value.is_string()) {
        return absl::InvalidArgumentError(StrCat("pcrs: '", pcr_text, "'"));
      }
      ASSIGN_OR_RETURN(out[bank][pcr], HexDecode(value.get<std::string>()), "pcrs");
    }
  }
  return out;
}

absl::StatusOr<TpmDocument> Read(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("not a JSON object");
  RETURN_IF_ERROR(JsonOnlyMembers(
      json, {"version", "attest", "signature", "pcrs", "event_log", "ek_certificate", "ak_public"},
      kWhere));
  ASSIGN_OR_RETURN(uint64_t version, JsonUint(json, "version", kWhere));
  if (version != 1) return absl::InvalidArgumentError(StrCat("version ", version, " is not 1"));
  TpmDocument out;
  RETURN_IF_ERROR(ReadBase64(json, "attest", &out.evidence.attest));
  RETURN_IF_ERROR(ReadBase64(json, "signature", &out.evidence.signature));
  ASSIGN_OR_RETURN(out.evidence.pcrs, ReadPcrs(json));
  if (json.contains("event_log")) {
    RETURN_IF_ERROR(ReadBase64(json, "event_log", &out.evidence.event_log));
  }
  if (json.contains("ek_certificate")) {
    RETURN_IF_ERROR(ReadBase64(json, "ek_certificate", &out.ek_certificate));
  }
  if (json.contains("ak_public")) RETURN_IF_ERROR(ReadBase64(json, "ak_public", &out.ak_public));
  return out;
}

}  // namespace

std::string FormatTpmDocument(const TpmDocument& document) {
  Json json = {{"version", 1},
               {"attest", Base64Encode(document.evidence.attest)},
               {"signature", Base64Encode(document.evidence.signature)},
               {"pcrs", Json::object()}};
  for (const auto& [bank, values] : document.evidence.pcrs) {
    Json& out = json["pcrs"][std::string(BankName(bank))] = Json::object();
    for (const auto& [pcr, value] : values) out[StrCat(pcr)] = HexEncode(value);
  }
  const std::pair<const char*, const Bytes*> optional[] = {
      {"event_log", &document.evidence.event_log},
      {"ek_certificate", &document.ek_certificate},
      {"ak_public", &document.ak_public}};
  for (const auto& [key, bytes] : optional) {
    if (!bytes->empty()) json[key] = Base64Encode(*bytes);
  }
  return DumpJson(json).value();  // holds ASCII only
}

absl::StatusOr<TpmDocument> ParseTpmDocument(std::string_view text) {
  const auto json = ParseJson(text, {.max_size = kMaxTpmDocument, .max_depth = 8});
  if (!json.ok()) return WithClass(json.status(), RefusalClass::kFormat);
  auto out = Read(*json);
  if (!out.ok()) {
    return RefusedError(RefusalClass::kFormat, StrCat(kWhere, ": ", Message(out.status())));
  }
  return out;
}

}  // namespace nacre::tee::tpm
