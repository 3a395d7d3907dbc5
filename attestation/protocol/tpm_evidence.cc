#include "attestation/protocol/tpm_evidence.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using tee::tpm::Bank;
using tee::tpm::TpmEvidence;

constexpr std::string_view kWhere = "tpm evidence";
constexpr uint32_t kPcrs = 24;
constexpr size_t kPcrSize = 32;  // SHA-256

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(kWhere, ": ", message));
}

absl::StatusOr<Bytes> Base64Member(const Json& json, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(json, key, kWhere));
  ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(text), StrCat(kWhere, ": ", key));
  return bytes;
}

absl::StatusOr<Json> PcrsToJson(const TpmEvidence& evidence) {
  Json out = Json::array();
  const auto bank = evidence.pcrs.find(Bank::kSha256);
  for (uint32_t i = 0; i < kPcrs; ++i) {
    if (bank == evidence.pcrs.end() || !bank->second.contains(i)) {
      return Refuse(StrCat("SHA-256 PCR ", i, " is missing"));
    }
    out.push_back(HexEncode(bank->second.at(i)));
  }
  return out;
}

absl::StatusOr<tee::tpm::PcrBanks> PcrsFromJson(const Json& quote) {
  ASSIGN_OR_RETURN(const Json* list, JsonArray(quote, "pcrs", kWhere));
  if (list->size() != kPcrs) return Refuse(StrCat("pcrs: ", list->size(), " values, not 24"));
  tee::tpm::PcrBanks banks;
  for (uint32_t i = 0; i < kPcrs; ++i) {
    const Json& value = (*list)[i];
    if (!value.is_string()) return Refuse(StrCat("PCR ", i, ": not a text"));
    ASSIGN_OR_RETURN(Bytes bytes, HexDecode(value.get_ref<const std::string&>()),
                     StrCat(kWhere, ": PCR ", i));
    if (bytes.size() != kPcrSize) return Refuse(StrCat("PCR ", i, ": not 32 bytes"));
    banks[Bank::kSha256][i] = std::move(bytes);
  }
  return banks;
}

// Base64url as peers write it: padded.
std::string PaddedBase64Url(ByteView bytes) {
  std::string text = Base64UrlEncode(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

}  // namespace

absl::StatusOr<Json> TpmEvidenceToJson(const TpmEvidenceMessage& message) {
  ASSIGN_OR_RETURN(Json pcrs, PcrsToJson(message.evidence));
  Json json = {{"tpm_quote",
                {{"signature", Base64Encode(message.evidence.signature)},
                 {"message", Base64Encode(message.evidence.attest)},
                 {"pcrs", std::move(pcrs)}}},
               {"ak_public", Base64Encode(message.ak_public)}};
  if (!message.evidence.event_log.empty()) {
    json["event_log"] = Base64Encode(message.evidence.event_log);
  }
  return json;
}

absl::StatusOr<TpmEvidenceMessage> TpmEvidenceFromJson(const Json& json) {
  if (!json.is_object()) return Refuse("not an object");
  TpmEvidenceMessage message;
  ASSIGN_OR_RETURN(const Json* quote, JsonObject(json, "tpm_quote", kWhere));
  ASSIGN_OR_RETURN(message.evidence.signature, Base64Member(*quote, "signature"));
  ASSIGN_OR_RETURN(message.evidence.attest, Base64Member(*quote, "message"));
  ASSIGN_OR_RETURN(message.evidence.pcrs, PcrsFromJson(*quote));
  ASSIGN_OR_RETURN(message.ak_public, Base64Member(json, "ak_public"));
  const auto log = json.find("event_log");
  if (log == json.end() || log->is_null()) return message;
  ASSIGN_OR_RETURN(message.evidence.event_log, Base64Member(json, "event_log"));
  return message;
}

absl::StatusOr<Json> AzureEvidenceToJson(EvidenceKind kind,
                                         const tee::tpm::AzureEvidence& evidence) {
  ASSIGN_OR_RETURN(tee::tpm::Signature signature, tee::tpm::ParseSignature(evidence.tpm.signature));
  if (signature.kind != tee::tpm::SignatureKind::kRsaSsa) {
    return Refuse("Azure's evidence carries RSASSA signatures only");
  }
  ASSIGN_OR_RETURN(Json pcrs, PcrsToJson(evidence.tpm));
  Json json = {{"version", 1},
               {"tpm_quote",
                {{"signature", HexEncode(signature.rsa)},
                 {"message", HexEncode(evidence.tpm.attest)},
                 {"pcrs", std::move(pcrs)}}},
               {"hcl_report", PaddedBase64Url(evidence.hcl_report)}};
  if (kind == EvidenceKind::kAzureTdx) {
    json["td_quote"] = PaddedBase64Url(evidence.td_quote);
    return json;
  }
  if (evidence.certificates.size() != 1) return Refuse("Azure's evidence carries one VCEK");
  json["vcek"] = PaddedBase64Url(evidence.certificates[0].data);
  return json;
}

absl::StatusOr<tee::tpm::AzureEvidence> AzureEvidenceFromJson(EvidenceKind kind, const Json& json) {
  ASSIGN_OR_RETURN(const std::string text, DumpJson(json));
  ASSIGN_OR_RETURN(tee::tpm::AzureEvidence evidence, tee::tpm::ParseAzureEvidence(text));
  if (evidence.td_quote.empty() != (kind == EvidenceKind::kAzureSnp)) {
    return absl::InvalidArgumentError(
        StrCat(EvidenceKindName(kind), " evidence: it is of Azure's other kind"));
  }
  return evidence;
}

}  // namespace nacre::attestation
