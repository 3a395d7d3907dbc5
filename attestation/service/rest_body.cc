#include "attestation/service/rest_body.h"

#include "attestation/protocol/limits.h"
#include "base/json.h"

namespace nacre::attestation {
namespace {

absl::StatusOr<std::optional<std::string>> OptionalText(const Json& object, std::string_view key) {
  if (!object.contains(key) || object[key].is_null()) return std::optional<std::string>();
  ASSIGN_OR_RETURN(std::string text, JsonString(object, key, "verification request"));
  return std::optional(std::move(text));
}

// A member that is an object, or empty when it is not there.
absl::StatusOr<Json> Part(const Json& object, std::string_view key) {
  if (!object.contains(key) || object[key].is_null()) return Json::object();
  ASSIGN_OR_RETURN(const Json* part, JsonObject(object, key, "verification request"));
  return *part;
}

absl::StatusOr<VerificationRequest> ReadRequest(const Json& json) {
  constexpr std::string_view kWhere = "verification request";
  VerificationRequest out;
  ASSIGN_OR_RETURN(out.tee, JsonString(json, "tee", kWhere));
  ASSIGN_OR_RETURN(out.evidence, JsonString(json, "evidence", kWhere));
  ASSIGN_OR_RETURN(const Json runtime, Part(json, "runtime_data"));
  ASSIGN_OR_RETURN(out.raw_runtime_data, OptionalText(runtime, "raw"));
  if (runtime.contains("structured")) out.structured_runtime_data = runtime["structured"];
  ASSIGN_OR_RETURN(const Json init, Part(json, "init_data"));
  ASSIGN_OR_RETURN(out.init_data_digest, OptionalText(init, "init_data_digest"));
  ASSIGN_OR_RETURN(out.init_data_toml, OptionalText(init, "init_data_toml"));
  ASSIGN_OR_RETURN(const auto hash, OptionalText(json, "runtime_data_hash_algorithm"));
  out.hash_algorithm = hash.value_or("");
  return out;
}

}  // namespace

absl::StatusOr<EvaluationBody> ReadEvaluationBody(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json,
                   ParseJson(text, {.max_size = kMaxMessageSize, .max_depth = kMaxMessageDepth}));
  EvaluationBody body;
  ASSIGN_OR_RETURN(const Json* requests, JsonArray(json, "verification_requests", "request"));
  for (const Json& request : *requests) {
    ASSIGN_OR_RETURN(VerificationRequest one, ReadRequest(request));
    body.requests.push_back(std::move(one));
  }
  if (!json.contains("policy_ids")) return body;
  ASSIGN_OR_RETURN(const Json* ids, JsonArray(json, "policy_ids", "request"));
  for (const Json& id : *ids) {
    if (!id.is_string()) return absl::InvalidArgumentError("policy_ids: want names");
    body.policy_ids.push_back(id.get<std::string>());
  }
  return body;
}

}  // namespace nacre::attestation
