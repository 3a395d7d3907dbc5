#include "attestation/broker/serving.h"

#include <chrono>

#include "attestation/protocol/error_body.h"
#include "attestation/protocol/limits.h"
#include "base/file.h"
#include "base/log.h"

namespace nacre::attestation {
namespace {

void LogAnswer(const net::HttpServerRequest& request, const Answer& answer,
               std::chrono::steady_clock::time_point start) {
  const auto took = std::chrono::steady_clock::now() - start;
  const auto took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  LogLevel level = answer.response.status >= 500 ? LogLevel::kError
                   : !answer.code.empty()        ? LogLevel::kWarning
                                                 : LogLevel::kInfo;
  if (!IsLogged(level)) return;
  Log(level, "request",
      {{"method", request.method},
       {"path", request.path},
       {"peer", request.peer},
       {"status", answer.response.status},
       {"id", answer.response.Header("X-Correlation-Id")},
       {"code", answer.code},
       {"summary", answer.summary},
       {"took_us", took_us}});
}

// Requests that never reach the broker get the protocol's error body too.
net::HttpResponse RefuseUnread(int status, std::string_view why) {
  const ErrorBody body{.variant = status == 413 ? "PayloadTooLarge" : "MalformedRequest",
                       .detail = std::string(why),
                       .code = status == 408   ? "too-slow"
                               : status == 413 ? "too-large"
                               : status == 431 ? "head-too-large"
                                               : "malformed",
                       .correlation_id = {}};
  return net::MakeResponse(status, "application/json", SerializeErrorBody(body));
}

}  // namespace

absl::StatusOr<net::HttpServerOptions> ServerOptionsOf(const BrokerConfig& config) {
  net::HttpServerOptions options;
  ASSIGN_OR_RETURN(ListenAddress listen, ParseListenAddress(config.listen));
  options.address = listen.address;
  options.port = listen.port;
  ASSIGN_OR_RETURN(options.tls_certificate_chain_pem, ReadTextFile(config.tls_certificate, 1 << 20),
                   "TLS certificate");
  ASSIGN_OR_RETURN(Bytes key, ReadFile(config.tls_key, 1 << 20), "TLS key");
  options.tls_private_key_pem = SecretBytes::TakeFrom(std::move(key));
  if (!config.tls_client_ca.empty()) {
    ASSIGN_OR_RETURN(options.client_ca_pem, ReadTextFile(config.tls_client_ca, 1 << 20),
                     "[tls] client_ca");
  }
  options.refusal = RefuseUnread;
  options.max_body = kMaxMessageSize;
  options.max_head = static_cast<uint32_t>(config.max_head);
  options.head_timeout_ms = static_cast<int64_t>(config.head_timeout_s) * 1000;
  options.body_timeout_ms = static_cast<int64_t>(config.body_timeout_s) * 1000;
  options.idle_timeout_ms = static_cast<int64_t>(config.idle_timeout_s) * 1000;
  options.max_connections = static_cast<uint32_t>(config.max_connections);
  options.handler_threads = static_cast<int>(config.handler_threads);
  return options;
}

sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int WaitForStop(const sigset_t& signals, const std::function<absl::Status()>& reload) {
  int signal_number = 0;
  while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) {
    const absl::Status reloaded = reload();
    Log(reloaded.ok() ? LogLevel::kInfo : LogLevel::kError, "certificate-reload",
        {{"ok", reloaded.ok()}, {"error", std::string(reloaded.message())}});
  }
  return signal_number;
}

absl::Status ReloadCertificate(const BrokerConfig& config, net::HttpServer& server) {
  ASSIGN_OR_RETURN(std::string chain, ReadTextFile(config.tls_certificate, 1 << 20));
  ASSIGN_OR_RETURN(Bytes key, ReadFile(config.tls_key, 1 << 20));
  return server.ReloadCertificate(chain, SecretBytes::TakeFrom(std::move(key)));
}

net::HttpServer::Handler LogRequests(std::function<Answer(const net::HttpServerRequest&)> handle) {
  return [handle = std::move(handle)](const net::HttpServerRequest& request) {
    const auto start = std::chrono::steady_clock::now();
    Answer answer = handle(request);
    LogAnswer(request, answer, start);
    return std::move(answer.response);
  };
}

net::HttpServer::LateHandler LogLateRequests(
    std::function<void(const net::HttpServerRequest&, std::function<void(Answer)>)> handle) {
  return [handle = std::move(handle)](const net::HttpServerRequest& request,
                                      const net::HttpReply& reply) {
    const auto start = std::chrono::steady_clock::now();
    handle(request, [&request, reply, start](Answer answer) {
      LogAnswer(request, answer, start);
      reply.Send(std::move(answer.response));
    });
  };
}

net::HttpServer::FirstTry LogRequestsAtOnce(
    std::function<std::optional<Answer>(const net::HttpServerRequest&)> handle) {
  return [handle = std::move(handle)](
             const net::HttpServerRequest& request) -> std::optional<net::HttpResponse> {
    const auto start = std::chrono::steady_clock::now();
    std::optional<Answer> answer = handle(request);
    if (!answer) return std::nullopt;
    LogAnswer(request, *answer, start);
    return std::move(answer->response);
  };
}

}  // namespace nacre::attestation
