#include "attestation/harness/case_steps.h"

#include "base/strings.h"

namespace nacre::attestation::harness {

std::string TextOf(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::ignore);
}

std::string RequestText(const Lab& lab, const JsonChange& change) {
  Json request = {{"version", kProtocolVersion},
                  {"tee", lab.tee()},
                  {"extra-params", {{"supported-hash-algorithms", {"sha256", "sha384"}}}}};
  if (change) change(request);
  return TextOf(request);
}

Case RequestCase(std::string name, std::string what, JsonChange change, Expected expected) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    return lab.Auth(RequestText(lab, change));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

Case AttestTextCase(std::string name, std::string what,
                    std::function<std::string(std::string)> change, Expected expected) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
    return lab.AttestText(session, change(TextOf(attestation)));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

Case AttestCase(std::string name, std::string what, JsonChange change, Expected expected) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
    change(attestation);
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

absl::StatusOr<std::string> Replaced(std::string text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos) {
    return absl::InternalError(StrCat("the message has no '", from, "' to be changed"));
  }
  std::string out = text.substr(0, at);
  out.append(to);
  out.append(text, at + from.size());
  return out;
}

absl::StatusOr<Json> BodyOf(const Reply& reply) {
  ASSIGN_OR_RETURN(Json json, ParseJson(reply.body), "body");
  if (!json.is_object()) return absl::InvalidArgumentError("body: not a JSON object");
  return json;
}

}  // namespace nacre::attestation::harness
