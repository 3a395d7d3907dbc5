#include "attestation/protocol/messages.h"

#include "attestation/protocol/limits.h"
#include "base/json_reader.h"

namespace nacre::attestation {
namespace {

constexpr JsonLimits kLimits = {.max_size = kMaxMessageSize, .max_depth = kMaxMessageDepth};

absl::StatusOr<Json> ParseMessage(std::string_view text, std::string_view what,
                                  bool with_bytes = false) {
  ASSIGN_OR_RETURN(Json value,
                   with_bytes ? ParseJsonWithBytes(text, kLimits) : ParseJson(text, kLimits), what);
  if (!value.is_object()) {
    return absl::InvalidArgumentError(std::string(what) + ": not a JSON object");
  }
  return value;
}

absl::Status CheckSize(std::string_view value, size_t max_size, std::string_view what) {
  if (value.size() <= max_size) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string(what) + ": longer than " +
                                    std::to_string(max_size) + " bytes");
}

// extra-params may be any JSON value; the key itself is required on the wire.
absl::StatusOr<Json> ExtraParams(const Json& message, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* extra, JsonMember(message, "extra-params", where));
  return *extra;
}

absl::StatusOr<std::optional<InitData>> ParseInitData(const Json& message) {
  auto found = message.find("init-data");
  if (found == message.end() || found->is_null()) return std::nullopt;
  if (!found->is_object()) {
    return absl::InvalidArgumentError("Attestation: member 'init-data' is not an object");
  }
  InitData init_data;
  ASSIGN_OR_RETURN(init_data.format, JsonString(*found, "format", "init-data"));
  ASSIGN_OR_RETURN(init_data.body, JsonString(*found, "body", "init-data"));
  if (init_data.format != "toml") {
    return absl::InvalidArgumentError("init-data: format '" + init_data.format.substr(0, 32) +
                                      "' is not supported, only 'toml'");
  }
  RETURN_IF_ERROR(CheckSize(init_data.body, kMaxInitDataSize, "init-data body"));
  return std::optional<InitData>(std::move(init_data));
}

}  // namespace

absl::StatusOr<Request> ParseRequest(std::string_view text) {
  ASSIGN_OR_RETURN(Json message, ParseMessage(text, "Request"));
  Request request;
  ASSIGN_OR_RETURN(request.version, JsonString(message, "version", "Request"));
  ASSIGN_OR_RETURN(request.tee, JsonString(message, "tee", "Request"));
  ASSIGN_OR_RETURN(request.extra_params, ExtraParams(message, "Request"));
  return request;
}

absl::StatusOr<std::string> SerializeRequest(const Request& request) {
  return DumpJson(
      {{"version", request.version}, {"tee", request.tee}, {"extra-params", request.extra_params}});
}

absl::StatusOr<Challenge> ParseChallenge(std::string_view text) {
  ASSIGN_OR_RETURN(Json message, ParseMessage(text, "Challenge"));
  Challenge challenge;
  ASSIGN_OR_RETURN(challenge.nonce, JsonString(message, "nonce", "Challenge"));
  RETURN_IF_ERROR(CheckSize(challenge.nonce, kMaxNonceSize, "Challenge: nonce"));
  ASSIGN_OR_RETURN(challenge.extra_params, ExtraParams(message, "Challenge"));
  return challenge;
}

absl::StatusOr<std::string> SerializeChallenge(const Challenge& challenge) {
  return DumpJson({{"nonce", challenge.nonce}, {"extra-params", challenge.extra_params}});
}

absl::StatusOr<Attestation> ParseAttestation(std::string_view text) {
  ASSIGN_OR_RETURN(Json message, ParseMessage(text, "Attestation", true));
  Attestation attestation;
  ASSIGN_OR_RETURN(attestation.init_data, ParseInitData(message));
  ASSIGN_OR_RETURN(const Json* runtime, JsonObject(message, "runtime-data", "Attestation"));
  ASSIGN_OR_RETURN(attestation.nonce, JsonString(*runtime, "nonce", "runtime-data"));
  RETURN_IF_ERROR(CheckSize(attestation.nonce, kMaxNonceSize, "runtime-data: nonce"));
  ASSIGN_OR_RETURN(const Json* key, JsonObject(*runtime, "tee-pubkey", "runtime-data"));
  attestation.tee_pubkey = ListBytes(*key);
  ASSIGN_OR_RETURN(const Json* evidence, JsonObject(message, "tee-evidence", "Attestation"));
  RETURN_IF_ERROR(JsonMember(*evidence, "primary_evidence", "tee-evidence").status());
  attestation.primary_evidence = std::move(message["tee-evidence"]["primary_evidence"]);
  ASSIGN_OR_RETURN(attestation.additional_evidence,
                   JsonString(*evidence, "additional_evidence", "tee-evidence"));
  return attestation;
}

absl::StatusOr<std::string> SerializeAttestation(const Attestation& attestation) {
  Json init_data = nullptr;
  if (attestation.init_data) {
    init_data = {{"format", attestation.init_data->format}, {"body", attestation.init_data->body}};
  }
  return DumpJson(
      {{"init-data", std::move(init_data)},
       {"runtime-data", {{"nonce", attestation.nonce}, {"tee-pubkey", attestation.tee_pubkey}}},
       {"tee-evidence",
        {{"primary_evidence", ListBytes(attestation.primary_evidence)},
         {"additional_evidence", attestation.additional_evidence}}}});
}

absl::StatusOr<std::string> ParseTokenAnswer(std::string_view text) {
  ASSIGN_OR_RETURN(Json message, ParseMessage(text, "token answer"));
  return JsonString(message, "token", "token answer");
}

std::string SerializeTokenAnswer(std::string_view token) {
  return R"({"token":")" + std::string(token) + R"("})";  // a JWT has nothing to escape
}

}  // namespace nacre::attestation
