#include "attestation/harness/raw_http.h"

#include "absl/strings/match.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

constexpr int64_t kPipelineMs = 10'000;

bool ParseHead(std::string_view head, Reply* reply) {
  std::vector<std::string_view> lines = StrSplit(head, '\n');
  std::string_view status = lines[0];
  bool http = status.starts_with("HTTP/1.") && status.size() >= 12;
  if (!http || !ParseNumber(status.substr(9, 3), &reply->status)) return false;
  for (size_t i = 1; i < lines.size(); ++i) {
    size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) continue;
    reply->headers.emplace_back(lines[i].substr(0, colon), StripSpace(lines[i].substr(colon + 1)));
  }
  return true;
}

// The body of a chunked answer; nullopt while its end is not there.
std::optional<std::string> Unchunked(std::string_view text, size_t* used) {
  std::string body;
  for (size_t at = 0;;) {
    size_t line = text.find("\r\n", at);
    if (line == std::string_view::npos) return std::nullopt;
    size_t size = std::strtoul(std::string(text.substr(at, line - at)).c_str(), nullptr, 16);
    at = line + 2 + size + 2;
    if (at > text.size()) return std::nullopt;
    if (size == 0) {
      *used = at;
      return body;
    }
    body.append(text.substr(line + 2, size));
  }
}

}  // namespace

std::string HeadOf(const Lab& lab, std::string_view method, std::string_view target,
                   const std::vector<std::string>& lines) {
  std::string head =
      StrCat(method, " ", target, " HTTP/1.1\r\nHost: ", lab.probe().url().Authority(), "\r\n");
  for (const std::string& line : lines) StrAppend(&head, line, "\r\n");
  return head;
}

std::string WholeRequest(const Lab& lab, std::string_view method, std::string_view target,
                         std::string_view body, const std::vector<std::string>& lines) {
  std::string head = HeadOf(lab, method, target, lines);
  if (!body.empty()) StrAppend(&head, "Content-Type: application/json\r\n");
  return StrCat(head, "Content-Length: ", body.size(), "\r\n\r\n", body);
}

std::optional<RawAnswer> ParseAnswer(std::string_view text, bool ended) {
  size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  RawAnswer answer;
  if (!ParseHead(text.substr(0, end), &answer.reply)) {
    answer.reply = {.failure = "the answer is no HTTP"};
    answer.size = text.size();
    return answer;
  }
  const size_t head = end + 4;
  if (answer.reply.status < 200) {  // an interim answer: what counts comes behind it
    auto behind = ParseAnswer(text.substr(head), ended);
    if (behind) behind->size += head;
    return behind;
  }
  size_t length = 0;
  if (ParseNumber(answer.reply.Header("Content-Length"), &length)) {
    if (text.size() < head + length) return std::nullopt;
    answer.reply.body = std::string(text.substr(head, length));
    answer.size = head + length;
    return answer;
  }
  if (absl::EqualsIgnoreCase(std::string(answer.reply.Header("Transfer-Encoding")), "chunked")) {
    auto body = Unchunked(text.substr(head), &length);
    if (!body) return std::nullopt;
    answer.reply.body = *std::move(body);
    answer.size = head + length;
    return answer;
  }
  bool empty = answer.reply.status == 204 || answer.reply.status == 304;
  if (!ended && !empty) return std::nullopt;
  answer.reply.body = std::string(text.substr(head));
  answer.size = text.size();
  return answer;
}

std::vector<Reply> SendPipelined(Lab& lab, std::string bytes, size_t count) {
  auto connection = lab.probe().dialer().Start();
  if (!connection.ok()) return {{.failure = std::string(Message(connection.status()))}};
  net::RawConnection& peer = **connection;
  std::string request = bytes;
  peer.Queue(bytes);
  std::vector<Reply> replies;
  absl::Status status = peer.RunUntil(Deadline::After(kPipelineMs), [&] {
    while (replies.size() < count) {
      auto answer = ParseAnswer(peer.received(), peer.ended());
      if (!answer) return false;
      answer->reply.request = request;
      peer.received().erase(0, answer->size);
      replies.push_back(std::move(answer->reply));
    }
    return true;
  });
  if (replies.size() < count) {
    replies.push_back({.failure = status.ok() ? "the connection was closed without an answer"
                                              : std::string(Message(status))});
  }
  return replies;
}

Reply SendRaw(Lab& lab, std::string bytes, int64_t timeout_ms) {
  auto connection = lab.probe().dialer().Start();
  if (!connection.ok()) return {.failure = std::string(Message(connection.status()))};
  net::RawConnection& peer = **connection;
  Reply reply{.failure = "the connection was closed without an answer"};
  std::string request = bytes;
  peer.Queue(bytes);
  bool answered = false;
  absl::Status status = peer.RunUntil(Deadline::After(timeout_ms), [&] {
    auto answer = ParseAnswer(peer.received(), peer.ended());
    if (answer) reply = std::move(answer->reply);
    answered = answered || answer.has_value();
    return answered;
  });
  if (!answered && absl::IsDeadlineExceeded(status)) {
    reply.failure = StrCat("silence for ", timeout_ms, " ms");
  } else if (!answered && !status.ok()) {
    reply.failure = std::string(Message(status));
  }
  reply.request = std::move(request);
  return reply;
}

}  // namespace nacre::attestation::harness
