#include "attestation/protocol/tdx_evidence.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/tdx/quote.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kWhere = "tdx evidence";

absl::StatusOr<Bytes> Base64Member(const Json& json, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(json, key, kWhere));
  ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(text), StrCat(kWhere, ": ", key));
  return bytes;
}

}  // namespace

Json TdxEvidenceToJson(const TdxEvidenceMessage& message) {
  Json log = nullptr;
  if (!message.event_log.empty()) log = Base64Encode(message.event_log);
  return {{"quote", Base64Encode(message.quote)}, {"cc_eventlog", std::move(log)}};
}

absl::StatusOr<TdxEvidenceMessage> TdxEvidenceFromJson(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError(StrCat(kWhere, ": not an object"));
  TdxEvidenceMessage message;
  ASSIGN_OR_RETURN(message.quote, Base64Member(json, "quote"));
  if (message.quote.size() > tee::tdx::kMaxQuoteSize) {
    return absl::InvalidArgumentError(
        StrCat(kWhere, ": quote: larger than ", tee::tdx::kMaxQuoteSize, " bytes"));
  }
  const auto log = json.find("cc_eventlog");
  if (log == json.end() || log->is_null()) return message;
  ASSIGN_OR_RETURN(message.event_log, Base64Member(json, "cc_eventlog"));
  return message;
}

}  // namespace nacre::attestation
