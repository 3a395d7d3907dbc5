#include "attestation/reference/tdx_reference.h"

#include "attestation/reference/reference_json.h"
#include "attestation/reference/reference_value.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

using tee::tdx::kRtmrSize;
using tee::tdx::RtmrEvent;

constexpr std::string_view kSchema = "nacre.reference.tdx/1";
constexpr std::string_view kWhere = "TDX reference";
constexpr size_t kMaxEvents = 256;
constexpr const char* kRtmrNames[] = {"rtmr0", "rtmr1", "rtmr2"};

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(kWhere, ": ", message));
}

absl::StatusOr<Bytes> OptionalHash(const Json& document, std::string_view key) {
  if (!document.contains(std::string(key))) return Bytes();
  return ReferenceHex(document, key, 32, kWhere);
}

absl::StatusOr<std::vector<RtmrEvent>> ParseEvents(const Json& document) {
  ASSIGN_OR_RETURN(const Json* list, JsonArray(document, "events", kWhere));
  if (list->size() > kMaxEvents) return Refuse("too many events");
  std::vector<RtmrEvent> out;
  for (const Json& item : *list) {
    constexpr std::string_view kItem = "TDX reference: event";
    RETURN_IF_ERROR(JsonOnlyMembers(item, {"rtmr", "name", "digest"}, kItem));
    RtmrEvent event;
    ASSIGN_OR_RETURN(const uint64_t index, JsonUint(item, "rtmr", kItem));
    if (index > 2) return Refuse(StrCat("an event of RTMR", index));
    event.index = static_cast<int>(index);
    ASSIGN_OR_RETURN(event.name, JsonString(item, "name", kItem));
    if (event.name.size() > kMaxReferenceName) return Refuse("an event's name is too long");
    ASSIGN_OR_RETURN(event.digest, ReferenceHex(item, "digest", kRtmrSize, kItem));
    out.push_back(std::move(event));
  }
  return out;
}

// Each register is what its events lead to; one that is left out has none.
absl::Status CheckRegisters(const TdxReferenceValue& value) {
  for (int index = 0; index < 3; ++index) {
    std::vector<RtmrEvent> own;
    for (const RtmrEvent& event : value.events) {
      if (event.index == index) own.push_back(event);
    }
    const auto& expected = value.rtmr[static_cast<size_t>(index)];
    if (!expected && own.empty()) continue;
    if (!expected || *expected != ReplayRtmr(own)) {
      return Refuse(StrCat(kRtmrNames[index], " does not follow from its events"));
    }
  }
  return absl::OkStatus();
}

absl::Status ParseInputs(const Json& document, TdxReferenceValue* out) {
  ASSIGN_OR_RETURN(out->firmware_sha256, ReferenceHex(document, "firmware_sha256", 32, kWhere));
  ASSIGN_OR_RETURN(out->kernel_sha256, OptionalHash(document, "kernel_sha256"));
  ASSIGN_OR_RETURN(out->initrd_sha256, OptionalHash(document, "initrd_sha256"));
  ASSIGN_OR_RETURN(out->command_line, JsonString(document, "command_line", kWhere));
  if (out->command_line.size() > tee::kMaxCommandLine)
    return Refuse("the command line is too long");
  ASSIGN_OR_RETURN(out->memory_bytes, JsonUint(document, "memory_bytes", kWhere));
  ASSIGN_OR_RETURN(out->rtmr_profile, JsonString(document, "rtmr_profile", kWhere));
  return tee::tdx::ParseRtmrProfile(out->rtmr_profile).status();
}

}  // namespace

TdxReferenceValue MakeTdxReference(const tee::tdx::TdxMeasurement& measurement) {
  TdxReferenceValue out;
  out.firmware_sha256 = measurement.firmware_sha256;
  out.kernel_sha256 = measurement.kernel_sha256;
  out.initrd_sha256 = measurement.initrd_sha256;
  out.command_line = measurement.command_line;
  out.memory_bytes = measurement.memory_bytes;
  out.rtmr_profile = FormatRtmrProfile(measurement.options.profile);
  out.mrtd = measurement.mrtd;
  out.rtmr = measurement.rtmr;
  out.events = measurement.events;
  return out;
}

absl::StatusOr<TdxReferenceValue> ParseTdxReference(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document,
                   ParseJson(json, {.max_size = kMaxReferenceDocument, .max_depth = 8}), kWhere);
  RETURN_IF_ERROR(
      JsonOnlyMembers(document,
                      {"schema", "name", "firmware_sha256", "kernel_sha256", "initrd_sha256",
                       "command_line", "memory_bytes", "rtmr_profile", "mrtd", "rtmr0", "rtmr1",
                       "rtmr2", "events", "created", "expires"},
                      kWhere));
  ASSIGN_OR_RETURN(const std::string schema, JsonString(document, "schema", kWhere));
  if (schema != kSchema) return Refuse(StrCat("schema '", schema, "' is not ", kSchema));
  TdxReferenceValue out;
  ASSIGN_OR_RETURN(out.name, JsonString(document, "name", kWhere));
  if (out.name.size() > kMaxReferenceName) return Refuse("the name is too long");
  RETURN_IF_ERROR(ParseInputs(document, &out));
  ASSIGN_OR_RETURN(out.mrtd, ReferenceHex(document, "mrtd", kRtmrSize, kWhere));
  for (size_t i = 0; i < out.rtmr.size(); ++i) {
    if (!document.contains(kRtmrNames[i])) continue;
    ASSIGN_OR_RETURN(out.rtmr[i], ReferenceHex(document, kRtmrNames[i], kRtmrSize, kWhere));
  }
  ASSIGN_OR_RETURN(out.events, ParseEvents(document));
  RETURN_IF_ERROR(CheckRegisters(out));
  ASSIGN_OR_RETURN(out.created, ReferenceTime(document, "created", kWhere));
  ASSIGN_OR_RETURN(out.expires, OptionalReferenceTime(document, "expires", kWhere));
  return out;
}

absl::StatusOr<std::string> SerializeTdxReference(const TdxReferenceValue& reference) {
  RETURN_IF_ERROR(CheckRegisters(reference));
  Json events = Json::array();
  for (const RtmrEvent& event : reference.events) {
    events.push_back(
        {{"rtmr", event.index}, {"name", event.name}, {"digest", HexEncode(event.digest)}});
  }
  Json document = {{"schema", kSchema},
                   {"name", reference.name},
                   {"firmware_sha256", HexEncode(reference.firmware_sha256)},
                   {"command_line", reference.command_line},
                   {"memory_bytes", reference.memory_bytes},
                   {"rtmr_profile", reference.rtmr_profile},
                   {"mrtd", HexEncode(reference.mrtd)},
                   {"events", std::move(events)},
                   {"created", crypto::FormatTime(reference.created)}};
  if (!reference.kernel_sha256.empty()) {
    document["kernel_sha256"] = HexEncode(reference.kernel_sha256);
  }
  if (!reference.initrd_sha256.empty()) {
    document["initrd_sha256"] = HexEncode(reference.initrd_sha256);
  }
  for (size_t i = 0; i < reference.rtmr.size(); ++i) {
    if (reference.rtmr[i]) document[kRtmrNames[i]] = HexEncode(*reference.rtmr[i]);
  }
  if (reference.expires) document["expires"] = crypto::FormatTime(*reference.expires);
  return DumpJson(document, 2);
}

}  // namespace nacre::attestation
