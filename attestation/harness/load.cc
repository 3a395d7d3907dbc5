// Each connection is a small machine: auth, attest, resource, and again. A thread polls all of its
// connections and moves those on that have an answer. Evidence is made where the answer to auth was
// read, on the same thread: its time is not the broker's and not counted, but it is spent, so on a
// machine that both share the rate is that of the pair.
#include "attestation/harness/load.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "attestation/client/handshake.h"
#include "attestation/harness/raw_http.h"
#include "attestation/harness/tee_key.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/messages.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr int kPollMs = 20;
constexpr auto kPauseAfterFailure = std::chrono::milliseconds(50);

int64_t Since(Time start) {
  auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
}

// What all connections of a thread share.
struct Shared {
  Probe& probe;
  Guest& guest;
  const LoadOptions& options;
  TeeKey key;
  std::map<std::string, Latencies> latencies{};
  std::map<std::string, uint64_t> errors{};
  uint64_t connections = 0;
};

class Connection {
 public:
  explicit Connection(Shared& shared) : shared_(shared) {}

  // A descriptor to poll, or -1 while it pauses.
  pollfd Polled() const {
    if (connection_ == nullptr) return {.fd = -1, .events = 0, .revents = 0};
    return {.fd = connection_->fd(), .events = connection_->events(), .revents = 0};
  }

  void Advance() {
    if (connection_ == nullptr) {
      if (std::chrono::steady_clock::now() >= resume_at_) Begin();
      if (connection_ == nullptr) return;
    }
    absl::Status status = connection_->Step();
    if (!status.ok()) return Fail(StrCat(step_, ": ", absl::StatusCodeToString(status.code())));
    for (;;) {
      auto answer = ParseAnswer(connection_->received(), connection_->ended());
      if (!answer) break;
      connection_->received().erase(0, answer->size);
      Answered(answer->reply);
      if (connection_ == nullptr) return;
    }
    if (connection_->ended()) Fail(StrCat(step_, ": closed"));
  }

 private:
  void Begin() {
    auto connection = shared_.probe.dialer().Start();
    if (!connection.ok()) return Fail("connect");
    connection_ = *std::move(connection);
    ++shared_.connections;
    Auth();
  }

  void Send(const char* step, std::string_view method, std::string_view path,
            const std::string& cookie, std::string_view body) {
    step_ = step;
    std::string bytes =
        StrCat(method, " ", path, " HTTP/1.1\r\nHost: ", shared_.probe.url().Authority(), "\r\n");
    if (!cookie.empty()) StrAppend(&bytes, "Cookie: ", cookie, "\r\n");
    if (!body.empty()) StrAppend(&bytes, "Content-Type: application/json\r\n");
    StrAppend(&bytes, "Content-Length: ", body.size(), "\r\n\r\n", body);
    connection_->Queue(bytes);
    sent_ = std::chrono::steady_clock::now();
    if (absl::Status status = connection_->Step(); !status.ok()) {
      Fail(StrCat(step_, ": ", absl::StatusCodeToString(status.code())));
    }
  }

  void Auth() {
    whole_us_ = 0;
    Send("auth", "POST", "/kbs/v0/auth", "",
         StrCat(R"({"extra-params":{"supported-hash-algorithms":["sha384"]},"tee":")",
                EvidenceKindName(shared_.guest.kind()), R"(","version":")", kProtocolVersion,
                R"("})"));
  }

  void Answered(const Reply& reply) {
    const int64_t took_us = Since(sent_);
    if (reply.status != 200) {
      auto error = ParseErrorBody(reply.body);
      return Fail(StrCat(step_, ": ", reply.status, " ",
                         error.ok() ? (error->code.empty() ? error->variant : error->code) : ""));
    }
    shared_.latencies[step_].Add(took_us);
    whole_us_ += took_us;
    if (step_ == std::string_view("auth")) return Attest(reply);
    if (std::string cookie = SessionCookieOf(reply.headers); !cookie.empty()) cookie_ = cookie;
    const bool fetch = step_ == std::string_view("attest") && !shared_.options.resource.empty();
    if (fetch) {
      return Send("resource", "GET", StrCat("/kbs/v0/resource/", shared_.options.resource), cookie_,
                  "");
    }
    shared_.latencies["handshake"].Add(whole_us_);
    if (!shared_.options.keep_alive) return connection_.reset();
    Auth();
  }

  void Attest(const Reply& reply) {
    cookie_ = SessionCookieOf(reply.headers);
    auto body = Attestation(reply.body);
    if (!body.ok())
      return Fail(StrCat("evidence: ", absl::StatusCodeToString(body.status().code())));
    Send("attest", "POST", "/kbs/v0/attest", cookie_, *body);
  }

  absl::StatusOr<std::string> Attestation(std::string_view challenge_text) {
    ASSIGN_OR_RETURN(const Challenge challenge, ParseChallenge(challenge_text));
    ASSIGN_OR_RETURN(const tee::ReportData report_data,
                     BindReportData(challenge.nonce, shared_.key.jwk, ""));
    attestation::Attestation attestation{.init_data = shared_.guest.init_data(),
                                         .nonce = challenge.nonce,
                                         .tee_pubkey = shared_.key.jwk,
                                         .primary_evidence = {},
                                         .additional_evidence = ""};
    ASSIGN_OR_RETURN(attestation.primary_evidence, shared_.guest.Evidence(report_data));
    return SerializeAttestation(attestation);
  }

  void Fail(std::string error) {
    ++shared_.errors[std::move(error)];
    connection_.reset();
    resume_at_ = std::chrono::steady_clock::now() + kPauseAfterFailure;
  }

  Shared& shared_;
  std::unique_ptr<net::RawConnection> connection_;
  const char* step_ = "connect";
  std::string cookie_;
  Time sent_{};
  Time resume_at_{};
  int64_t whole_us_ = 0;
};

void Work(Shared& shared, size_t count, Time end) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (size_t i = 0; i < count; ++i) connections.push_back(std::make_unique<Connection>(shared));
  std::vector<pollfd> polled(count);
  for (auto& connection : connections) connection->Advance();
  while (std::chrono::steady_clock::now() < end) {
    for (size_t i = 0; i < count; ++i) polled[i] = connections[i]->Polled();
    poll(polled.data(), polled.size(), kPollMs);
    for (size_t i = 0; i < count; ++i) {
      if (polled[i].fd < 0 || polled[i].revents != 0) connections[i]->Advance();
    }
  }
}

std::string Row(const std::string& name, const Latencies& latencies) {
  auto column = [&latencies](double share) {
    std::string text = std::to_string(latencies.Percentile(share));
    return std::string(text.size() < 10 ? 10 - text.size() : 1, ' ') + text;
  };
  return StrCat(name, std::string(name.size() < 10 ? 10 - name.size() : 1, ' '), column(0.5),
                column(0.9), column(0.99), column(0.999), column(1), "\n");
}

std::string PerSecond(uint64_t count, int64_t us) {
  if (us <= 0) return "0";
  const int64_t tenths = std::llround(static_cast<double>(count) * 1e7 / static_cast<double>(us));
  return StrCat(tenths / 10, ".", tenths % 10);
}

}  // namespace

void Latencies::Merge(const Latencies& other) {
  values_.insert(values_.end(), other.values_.begin(), other.values_.end());
}

void Latencies::Sort() { std::sort(values_.begin(), values_.end()); }

int64_t Latencies::Percentile(double share) const {
  if (values_.empty()) return 0;
  double rank = std::ceil(share * static_cast<double>(values_.size()));
  size_t index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  return values_[std::min(index, values_.size() - 1)];
}

uint64_t LoadReport::handshakes() const {
  auto found = latencies.find("handshake");
  return found == latencies.end() ? 0 : found->second.count();
}

uint64_t LoadReport::failures() const {
  uint64_t sum = 0;
  for (const auto& [name, count] : errors) sum += count;
  return sum;
}

absl::StatusOr<LoadReport> RunLoad(Probe& probe, Guest& guest, const LoadOptions& options) {
  const size_t threads =
      std::clamp<size_t>(options.threads, 1, std::max<size_t>(options.clients, 1));
  std::vector<std::unique_ptr<Shared>> shared;
  for (size_t i = 0; i < threads; ++i) {
    ASSIGN_OR_RETURN(TeeKey key, MakeTeeKey("P-256"));
    shared.emplace_back(new Shared{probe, guest, options, std::move(key)});
  }
  auto start = std::chrono::steady_clock::now();
  auto end = start + std::chrono::seconds(options.seconds);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < threads; ++i) {
    size_t count = options.clients / threads + (i < options.clients % threads ? 1 : 0);
    workers.emplace_back(Work, std::ref(*shared[i]), count, end);
  }
  for (std::thread& worker : workers) worker.join();
  LoadReport report{.broker = probe.target().url, .guest = guest.Describe(), .options = options};
  report.took_us = Since(start);
  for (const auto& part : shared) {
    report.connections += part->connections;
    for (const auto& [name, count] : part->errors) report.errors[name] += count;
    for (const auto& [name, values] : part->latencies) report.latencies[name].Merge(values);
  }
  for (auto& [name, values] : report.latencies) values.Sort();
  return report;
}

std::string FormatLoad(const LoadReport& report) {
  std::string text =
      StrCat("broker  ", report.broker, "\nguest   ", report.guest, "\n", report.options.clients,
             " clients for ", report.options.seconds, " s: ", report.handshakes(), " handshakes, ",
             PerSecond(report.handshakes(), report.took_us), " a second, ", report.failures(),
             " failures, ", report.connections, " connections\n\n",
             "us              p50       p90       p99     p99.9       max\n");
  for (const char* step : {"auth", "attest", "resource", "handshake"}) {
    auto found = report.latencies.find(step);
    if (found != report.latencies.end()) text += Row(step, found->second);
  }
  for (const auto& [name, count] : report.errors) {
    StrAppend(&text, "failed: ", name, ": ", count, "\n");
  }
  return text;
}

Json LoadToJson(const LoadReport& report) {
  Json latencies = Json::object();
  for (const auto& [name, values] : report.latencies) {
    latencies[name] = {{"count", values.count()},
                       {"p50_us", values.Percentile(0.5)},
                       {"p90_us", values.Percentile(0.9)},
                       {"p99_us", values.Percentile(0.99)},
                       {"p999_us", values.Percentile(0.999)},
                       {"max_us", values.Percentile(1)}};
  }
  return {{"schema", "nacre.attest.load/1"},
          {"broker", report.broker},
          {"guest", report.guest},
          {"clients", report.options.clients},
          {"seconds", report.options.seconds},
          {"took_us", report.took_us},
          {"handshakes", report.handshakes()},
          {"handshakes_per_s", report.took_us == 0 ? 0.0
                                                   : static_cast<double>(report.handshakes()) *
                                                         1e6 / static_cast<double>(report.took_us)},
          {"failures", report.failures()},
          {"connections", report.connections},
          {"latencies", std::move(latencies)},
          {"errors", report.errors}};
}

}  // namespace nacre::attestation::harness
