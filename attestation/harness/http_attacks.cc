// HTTP and TLS as no client speaks them: slow, ambiguous, smuggled, cut.
#include <chrono>
#include <thread>

#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/raw_http.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

Case Raw(std::string name, std::string what, std::function<std::string(Lab&)> bytes,
         Expected expected = RefusedOrClosed({400, 401, 403, 404, 405, 413, 431, 501, 505})) {
  auto steps = [bytes = std::move(bytes)](Lab& lab) -> absl::StatusOr<Reply> {
    return SendRaw(lab, bytes(lab));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

// ---- two readers, two requests

std::string Smuggled(Lab& lab, const std::vector<std::string>& lines) {
  return HeadOf(lab, "POST", "/kbs/v0/auth", lines) + "\r\n0\r\n\r\n" +
         WholeRequest(lab, "GET", "/healthz", "");
}

std::vector<Case> Ambiguous() {
  return {Raw("length-and-chunks", "a request with a length and with chunks",
              [](Lab& lab) {
                return Smuggled(lab, {"Content-Length: 5", "Transfer-Encoding: chunked"});
              }),
          Raw("two-lengths", "a request with two lengths that differ",
              [](Lab& lab) {
                return HeadOf(lab, "POST", "/kbs/v0/auth",
                              {"Content-Length: 2", "Content-Length: 3"}) +
                       "\r\n{}x";
              }),
          Raw("encoding-unknown", "an encoding nobody knows",
              [](Lab& lab) { return Smuggled(lab, {"Transfer-Encoding: pearl"}); }),
          Raw("encoding-chunked-twice", "chunks inside chunks",
              [](Lab& lab) { return Smuggled(lab, {"Transfer-Encoding: chunked, chunked"}); }),
          Raw("chunk-size-garbage", "a chunk size that is no number",
              [](Lab& lab) {
                return HeadOf(lab, "POST", "/kbs/v0/auth", {"Transfer-Encoding: chunked"}) +
                       "\r\nxyz\r\n{}\r\n0\r\n\r\n";
              }),
          Raw("chunk-size-overflow", "a chunk size past 64 bits",
              [](Lab& lab) {
                return HeadOf(lab, "POST", "/kbs/v0/auth", {"Transfer-Encoding: chunked"}) +
                       "\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n";
              }),
          Raw("two-hosts", "a request with two hosts",
              [](Lab& lab) {
                return WholeRequest(lab, "POST", "/kbs/v0/auth", "{}", {"Host: other"});
              }),
          Raw("no-host", "a request without a host",
              [](Lab&) {
                return std::string("POST /kbs/v0/auth HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
              }),
          Raw("space-before-colon", "a space between a header's name and its colon", [](Lab& lab) {
            return WholeRequest(lab, "POST", "/kbs/v0/auth", "{}", {"Content-Length : 2"});
          })};
}

std::vector<Case> Grammar() {
  return {Raw("garbage", "bytes that are no HTTP",
              [](Lab&) { return std::string("\x16\x03\x01 hello broker\r\n\r\n"); }),
          Raw("http-0.9", "a request of HTTP 0.9",
              [](Lab&) { return std::string("GET /healthz\r\n\r\n"); }),
          Raw("http-2-preface", "the beginning of HTTP/2",
              [](Lab&) { return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); }),
          Raw("method-unknown", "a method that does not exist",
              [](Lab& lab) { return WholeRequest(lab, "PEARL", "/kbs/v0/auth", "{}"); }),
          Raw("method-connect", "a request to be a proxy",
              [](Lab& lab) { return WholeRequest(lab, "CONNECT", "127.0.0.1:22", ""); }),
          Raw("method-trace", "TRACE, which would echo cookies",
              [](Lab& lab) {
                return WholeRequest(lab, "TRACE", "/kbs/v0/auth", "", {"Cookie: kbs-session-id=a"});
              }),
          Raw("target-of-another-host", "a target on another host",
              [](Lab& lab) {
                return WholeRequest(lab, "GET", "http://example.invalid/kbs/v0/resource/a/b/c", "");
              }),
          Raw("nul-in-header", "a NUL in a header",
              [](Lab& lab) {
                return WholeRequest(lab, "POST", "/kbs/v0/auth", "{}",
                                    {std::string("X-A: a\0b", 8)});
              }),
          Raw(
              "folded-header", "a header over two lines, as it was once allowed",
              [](Lab& lab) {
                return WholeRequest(lab, "POST", "/kbs/v0/auth", "{}", {"X-A: a\r\n b"});
              },
              RefusedOrClosed({200, 400, 401}))};
}

// Two guests behind one connection: each answer must be for its own cookie.
absl::StatusOr<Reply> Pipelined(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  std::string path = StrCat("/kbs/v0/resource/", lab.resource());
  std::string bytes =
      WholeRequest(lab, "GET", path, "", {StrCat("Cookie: ", attested.session.cookie)}) +
      WholeRequest(lab, "GET", path, "");
  std::vector<Reply> replies = SendPipelined(lab, bytes, 2);
  if (replies[0].status != 200) return StepFailed("the first of two", replies[0]);
  return replies.back();
}

// ---- slow clients

// Holds this many connections on which a byte comes now and then; meanwhile an honest client must
// be served, and in the end the broker must have hung up on all of them.
absl::StatusOr<Reply> Trickle(Lab& lab, std::string begin, size_t count) {
  std::vector<std::unique_ptr<net::RawConnection>> slow;
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(auto connection, lab.probe().dialer().Start());
    connection->Queue(begin);
    slow.push_back(std::move(connection));
  }
  bool served = false;
  for (Deadline deadline = Deadline::After(lab.options().patience_ms); !deadline.expired();) {
    std::erase_if(slow, [](auto& connection) {
      connection->Queue("a");
      return !connection->Step().ok() || connection->ended() || !connection->received().empty();
    });
    if (!served) {
      auto start = std::chrono::steady_clock::now();
      RETURN_IF_ERROR(lab.Begin().status(), "an honest client meanwhile");
      served = true;
      if (std::chrono::steady_clock::now() - start > std::chrono::seconds(5)) {
        return absl::FailedPreconditionError("an honest client waited for more than 5 s");
      }
    }
    if (slow.empty()) return Reply{.status = 408};
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return absl::FailedPreconditionError(StrCat(slow.size(), " of ", count,
                                              " slow clients still connected after ",
                                              lab.options().patience_ms, " ms"));
}

Case Slow(std::string name, std::string what, std::function<std::string(Lab&)> begin) {
  auto steps = [begin = std::move(begin)](Lab& lab) { return Trickle(lab, begin(lab), 32); };
  return {
      .name = std::move(name),
      .what = std::move(what),
      .steps = std::move(steps),
      .expected = {.text = "an honest client served, all slow ones turned away", .statuses = {408}},
      .slow = true};
}

std::vector<Case> SlowClients() {
  return {Slow("slow-head", "32 clients whose heads come byte by byte (slowloris)",
               [](Lab& lab) { return HeadOf(lab, "POST", "/kbs/v0/auth") + "X-A: "; }),
          Slow("slow-body", "32 clients whose bodies come byte by byte", [](Lab& lab) {
            return HeadOf(lab, "POST", "/kbs/v0/auth", {"Content-Length: 100000"}) + "\r\n{";
          })};
}

// ---- TLS

absl::StatusOr<Reply> PlainToTls(Lab& lab) {
  ASSIGN_OR_RETURN(auto connection, lab.probe().dialer().StartPlain());
  connection->Queue(WholeRequest(lab, "POST", "/kbs/v0/auth", RequestText(lab)));
  absl::Status status =
      connection->RunUntil(Deadline::After(20'000), [&] { return connection->ended(); });
  if (absl::IsDeadlineExceeded(status)) return status;
  auto answer = ParseAnswer(connection->received(), true);
  return answer ? answer->reply : Reply{.failure = "the connection was closed"};
}

absl::StatusOr<Reply> CutBodies(Lab& lab) {
  for (int i = 0; i < 50; ++i) {
    ASSIGN_OR_RETURN(auto connection, lab.probe().dialer().Start());
    connection->Queue(HeadOf(lab, "POST", "/kbs/v0/attest", {"Content-Length: 1000"}) + "\r\n{");
    RETURN_IF_ERROR(connection->RunUntil(
        Deadline::After(10'000), [&] { return connection->open() && connection->unsent() == 0; }));
  }
  RETURN_IF_ERROR(lab.Begin().status());
  return Reply{.status = 200};
}

}  // namespace

Family HttpAttacks() {
  std::vector<Case> cases = {{"pipelined",
                              "two requests in one go, only the first with a session",
                              {Need::kGuest, Need::kRelease},
                              Pipelined,
                              RefusedOrClosed({401})},
                             {"plain-to-tls",
                              "plain HTTP where TLS belongs",
                              {Need::kTls},
                              PlainToTls,
                              RefusedOrClosed({400, 426})},
                             {"cut-bodies",
                              "fifty clients that go away in the middle of a body",
                              {},
                              CutBodies,
                              Accepted("an honest client served")}};
  for (auto& more : {Ambiguous(), Grammar(), SlowClients()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "http", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
