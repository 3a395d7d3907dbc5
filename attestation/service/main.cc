// nacre-as: the attestation service alone. Reads a broker's configuration; serves until SIGTERM or
// SIGINT. SIGHUP makes it read its TLS certificate and key anew, for both listeners.
//
//   nacre-as --config kbs.toml [--listen ADDRESS:PORT] [--grpc ADDRESS:PORT] [--port-file FILE]
//
// Both listeners speak TLS with the configuration's certificate. FILE gets the REST port and, on a
// second line, the gRPC port. Exit codes: 0 stopped by a signal; 2 the command line is wrong; 1
// anything else.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "attestation/broker/serving.h"
#include "attestation/service/grpc_service.h"
#include "attestation/service/rest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/usage_error.h"

namespace nacre::attestation {
namespace {

struct Options {
  std::string config;
  std::string listen;
  std::string grpc;
  std::string port_file;
};

absl::Status Reload(const BrokerConfig& config, net::HttpServer& server, GrpcServer* grpc) {
  RETURN_IF_ERROR(ReloadCertificate(config, server));
  if (grpc == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const net::HttpServerOptions http, ServerOptionsOf(config));
  return grpc->ReplaceCertificate(http.tls_certificate_chain_pem,
                                  std::string(AsText(http.tls_private_key_pem.view())));
}

absl::Status Serve(const Options& options) {
  ASSIGN_OR_RETURN(BrokerConfig config, ReadBrokerConfig(options.config));
  if (!options.listen.empty()) config.listen = options.listen;
  InitLog("nacre-as", STDERR_FILENO, config.log_level);
  const sigset_t signals = BlockStopSignals();
  signal(SIGPIPE, SIG_IGN);
  ASSIGN_OR_RETURN(net::HttpServerOptions http, ServerOptionsOf(config));
  GrpcOptions grpc_options = GrpcOptionsOf(http);
  ASSIGN_OR_RETURN(std::unique_ptr<BrokerContext> owned, OpenBrokerContext(config));
  BrokerContext* context = owned.get();
  Broker broker(std::move(owned));
  RateLimiter limiter(config.attestations_per_minute);
  RestService service(&broker, context, &limiter);
  ASSIGN_OR_RETURN(auto server, net::HttpServer::Start(
                                    std::move(http),
                                    LogRequests([&service](const net::HttpServerRequest& request) {
                                      return service.Handle(request);
                                    })));
  std::unique_ptr<GrpcServer> grpc;
  if (!options.grpc.empty()) {
    grpc_options.address = options.grpc;
    grpc_options.limiter = &limiter;
    ASSIGN_OR_RETURN(grpc, GrpcServer::Start(context, grpc_options));
  }
  if (!options.port_file.empty()) {
    const std::string ports =
        StrCat(server->port(), "\n", grpc == nullptr ? 0 : grpc->port(), "\n");
    RETURN_IF_ERROR(WriteFileAtomic(options.port_file, AsBytes(ports)));
  }
  Log(LogLevel::kInfo, "ready", {{"url", server->url()}, {"grpc", grpc ? grpc->port() : 0}});
  absl::Status lost;
  WaitForStop(signals, [&] {
    absl::Status reloaded = Reload(config, *server, grpc.get());
    // Without its second listener it is better started again.
    if (absl::IsUnavailable(reloaded)) {
      lost = reloaded;
      raise(SIGTERM);
    }
    return reloaded;
  });
  server->Stop();
  return lost;
}

int Main(int argc, char** argv) {
  CLI::App app("Attestation service: says what evidence is worth.", "nacre-as");
  Options options;
  app.add_option("--config", options.config, "A broker's configuration file")->required();
  app.add_option("--listen", options.listen, "ADDRESS:PORT of REST instead of the configured one");
  app.add_option("--grpc", options.grpc, "ADDRESS:PORT of gRPC; none without it");
  app.add_option("--port-file", options.port_file, "Write the ports here once listening");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s\n", DescribeUsageError(app, error).c_str());
    return 2;
  }
  const absl::Status status = Serve(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "nacre-as: %s\n", std::string(Message(status)).c_str());
  return 1;
}

}  // namespace
}  // namespace nacre::attestation

int main(int argc, char** argv) {
  try {
    return nacre::attestation::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nacre-as: %s\n", error.what());
    return 1;
  }
}
