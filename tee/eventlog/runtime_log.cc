#include "tee/eventlog/runtime_log.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::eventlog {
namespace {

constexpr uint32_t kRtmr3 = 3;

absl::Status AddEvent(const Json& entry, size_t i, RuntimeLog* log) {
  const std::string where = StrCat("runtime event ", i);
  if (!entry.is_object()) return absl::InvalidArgumentError(where + ": not an object");
  ASSIGN_OR_RETURN(uint64_t imr, JsonUint(entry, "imr", where));
  ASSIGN_OR_RETURN(uint64_t type, JsonUint(entry, "event_type", where));
  ASSIGN_OR_RETURN(std::string digest_text, JsonString(entry, "digest", where));
  ASSIGN_OR_RETURN(Bytes digest, HexDecode(digest_text), where + ": digest");
  ASSIGN_OR_RETURN(std::string name, JsonString(entry, "event", where));
  ASSIGN_OR_RETURN(std::string payload_text, JsonString(entry, "event_payload", where));
  if (imr > kRtmr3 || type > UINT32_MAX) {
    return absl::InvalidArgumentError(StrCat(where, ": imr ", imr, ", type ", type));
  }
  if (imr == kRtmr3) {
    ASSIGN_OR_RETURN(Bytes payload, HexDecode(payload_text), where + ": payload");
    const Bytes computed = DstackEventDigest(static_cast<uint32_t>(type), name, payload);
    if (!digest.empty() && digest != computed) {
      return RefusedError(RefusalClass::kEventDataMismatch,
                          StrCat(where, " '", name, "': does not hash to its digest"));
    }
    digest = computed;
    log->events.push_back({"", name, payload_text});
  }
  if (digest.size() != BankSize(Bank::kSha384)) {
    return absl::InvalidArgumentError(StrCat(where, ": digest of ", digest.size(), " bytes"));
  }
  Bytes& value = log->registers.try_emplace(static_cast<uint32_t>(imr) + 1, 48).first->second;
  value = Extended(Bank::kSha384, value, digest);
  return absl::OkStatus();
}

}  // namespace

Bytes DstackEventDigest(uint32_t event_type, std::string_view event, ByteView payload) {
  const Bytes text =
      ByteWriter().U32Le(event_type).U8(':').Put(event).U8(':').Put(payload).Release();
  return BankDigest(Bank::kSha384, text);
}

absl::StatusOr<RuntimeLog> ParseDstackLog(std::string_view json) {
  const auto parsed = ParseJson(json, {.max_size = kMaxRuntimeLogSize, .max_depth = 4});
  if (!parsed.ok()) return WithClass(parsed.status(), RefusalClass::kFormat);
  if (!parsed->is_array() || parsed->size() > kMaxRuntimeEvents) {
    return RefusedError(RefusalClass::kFormat, "runtime log: not an array of events");
  }
  RuntimeLog log;
  for (size_t i = 0; i < parsed->size(); ++i) {
    const absl::Status status = AddEvent((*parsed)[i], i, &log);
    if (!status.ok()) return WithClass(status, RefusalClass::kFormat);
  }
  return log;
}

}  // namespace nacre::tee::eventlog
