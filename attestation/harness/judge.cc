#include "attestation/harness/judge.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "attestation/harness/lab.h"
#include "attestation/protocol/error_body.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

constexpr size_t kMaxRefusal = 4096;
constexpr size_t kLeak = 64;

bool IsDigestCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '_' ||
         c == '-' || c == '=';
}

bool RightStatus(const Expected& expected, int status, bool peer_codes) {
  if (expected.statuses.contains(status)) return true;
  bool refusal = std::any_of(expected.statuses.begin(), expected.statuses.end(),
                             [](int wanted) { return wanted >= 400; });
  return peer_codes && refusal && status >= 400 && status < 500;
}

std::string JudgeRefusal(const Expected& expected, const Reply& reply) {
  if (reply.body.size() > kMaxRefusal) {
    return StrCat(reply.status, " with a body of ", reply.body.size(), " bytes");
  }
  if (std::string_view leak = LeakIn(reply.body, reply.request); !leak.empty()) {
    return StrCat(reply.status, " and a body that tells '", leak.substr(0, 16), "...'");
  }
  auto error = ParseErrorBody(reply.body);
  if (expected.error_body && !error.ok()) {
    return StrCat(reply.status, " without the protocol's error JSON: ", Message(error.status()));
  }
  bool right_type = reply.body.find(kErrorTypePrefix) != std::string::npos;
  if (expected.error_body && !right_type) return StrCat(reply.status, " with another error type");
  return "";
}

}  // namespace

std::string_view LeakIn(std::string_view body, std::string_view request) {
  for (size_t begin = 0; begin < body.size();) {
    size_t end = begin;
    while (end < body.size() && IsDigestCharacter(body[end])) ++end;
    std::string_view run = body.substr(begin, end - begin);
    // The error's own URL, of which a dot cuts pieces, is no digest.
    bool words = run.find("/kbs/errors/") != std::string_view::npos;
    if (run.size() >= kLeak && !words && request.find(run) == std::string_view::npos) return run;
    begin = end + 1;
  }
  return {};
}

std::string Judge(const Expected& expected, const Reply& reply, const JudgeOptions& options) {
  if (reply.status == 0) {
    return expected.may_close ? "" : StrCat("no answer: ", reply.failure);
  }
  bool leaked = !options.secret.empty() && reply.body.find(options.secret) != std::string::npos;
  if (leaked) return StrCat(reply.status, " and the secret in clear");
  if (!RightStatus(expected, reply.status, options.peer_codes)) return Describe(reply);
  if (reply.status >= 400) {
    if (std::string got = JudgeRefusal(expected, reply); !got.empty()) return got;
  }
  return expected.check ? expected.check(reply) : "";
}

namespace {

std::string StatusText(const std::set<int>& statuses) {
  std::string text;
  for (int status : statuses) StrAppend(&text, text.empty() ? "" : " or ", status);
  return text;
}

}  // namespace

Expected Refused(std::set<int> statuses) {
  std::string text = StatusText(statuses) + " with the protocol's error JSON";
  return {.text = std::move(text), .statuses = std::move(statuses), .error_body = true};
}

Expected RefusedOrClosed(std::set<int> statuses) {
  std::string text = StatusText(statuses) + " or a closed connection";
  return {.text = std::move(text), .statuses = std::move(statuses), .may_close = true};
}

Expected Accepted(std::string text, std::function<std::string(const Reply&)> check) {
  return {.text = std::move(text), .statuses = {200}, .check = std::move(check)};
}

}  // namespace nacre::attestation::harness
