#include "attestation/protocol/error_body.h"

#include <utility>

#include "base/json.h"

namespace nacre::attestation {
namespace {

// A broker is not trusted to keep its errors short: they end up in logs.
constexpr size_t kMaxErrorText = 1024;

// Optional members: absent in a peer's body.
std::string OptionalText(const Json& object, std::string_view key) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return found->get_ref<const std::string&>().substr(0, kMaxErrorText);
}

}  // namespace

std::string SerializeErrorBody(const ErrorBody& error) {
  Json body = {{"type", std::string(kErrorTypePrefix) + error.variant}, {"detail", error.detail}};
  if (!error.code.empty()) body["code"] = error.code;
  if (!error.correlation_id.empty()) body["correlation-id"] = error.correlation_id;
  auto text = DumpJson(body);
  // Only invalid UTF-8 in a detail can get here; the guest still learns that it was refused.
  return text.ok() ? *text
                   : R"({"type":")" + std::string(kErrorTypePrefix) +
                         R"(InternalError","detail":"the reason cannot be shown as text"})";
}

absl::StatusOr<ErrorBody> ParseErrorBody(std::string_view text) {
  ASSIGN_OR_RETURN(Json body, ParseJson(text, {.max_size = 64 << 10, .max_depth = 8}));
  if (!body.is_object()) return absl::InvalidArgumentError("error body: not a JSON object");
  ASSIGN_OR_RETURN(std::string type, JsonString(body, "type", "error body"));
  ErrorBody error;
  error.variant = type.substr(type.rfind('/') + 1).substr(0, kMaxErrorText);
  ASSIGN_OR_RETURN(error.detail, JsonString(body, "detail", "error body"));
  error.detail.resize(std::min(error.detail.size(), kMaxErrorText));
  error.code = OptionalText(body, "code");
  error.correlation_id = OptionalText(body, "correlation-id");
  return error;
}

absl::Status RefusalError(int http_status, const std::string& message) {
  using enum absl::StatusCode;
  constexpr std::pair<int, absl::StatusCode> kCodes[] = {
      {400, kInvalidArgument}, {401, kUnauthenticated}, {403, kPermissionDenied}, {404, kNotFound},
      {413, kInvalidArgument}, {429, kUnavailable},     {503, kUnavailable},
  };
  for (const auto& [status, code] : kCodes) {
    if (status == http_status) return absl::Status(code, message);
  }
  return absl::InternalError(message);
}

}  // namespace nacre::attestation
