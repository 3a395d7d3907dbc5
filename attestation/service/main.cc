// nacre-as: the attestation service alone. Reads a broker's configuration; serves until SIGTERM or
// SIGINT.
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

absl::Status Serve(const Options& options) {
  ASSIGN_OR_RETURN(BrokerConfig config, ReadBrokerConfig(options.config));
  if (!options.listen.empty()) config.listen = options.listen;
  InitLog("nacre-as", STDERR_FILENO, config.log_level);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  ASSIGN_OR_RETURN(net::HttpServerOptions http, ServerOptionsOf(config));
  const GrpcOptions grpc_options = {
      .address = options.grpc,
      .certificate_chain_pem = http.tls_certificate_chain_pem,
      .private_key_pem = std::string(AsText(http.tls_private_key_pem.view()))};
  ASSIGN_OR_RETURN(std::unique_ptr<BrokerContext> owned, OpenBrokerContext(config));
  BrokerContext* context = owned.get();
  Broker broker(std::move(owned));
  RestService service(&broker, context);
  ASSIGN_OR_RETURN(auto server, net::HttpServer::Start(
                                    std::move(http),
                                    LogRequests([&service](const net::HttpServerRequest& request) {
                                      return service.Handle(request);
                                    })));
  std::unique_ptr<GrpcServer> grpc;
  if (!options.grpc.empty()) {
    ASSIGN_OR_RETURN(grpc, GrpcServer::Start(context, grpc_options));
  }
  if (!options.port_file.empty()) {
    const std::string ports =
        StrCat(server->port(), "\n", grpc == nullptr ? 0 : grpc->port(), "\n");
    RETURN_IF_ERROR(WriteFileAtomic(options.port_file, AsBytes(ports)));
  }
  Log(LogLevel::kInfo, "ready", {{"url", server->url()}, {"grpc", grpc ? grpc->port() : 0}});
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  server->Stop();
  return absl::OkStatus();
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
