// nacre-kbs: the key broker. Reads its configuration, serves until SIGTERM or SIGINT, logs one JSON
// line a request to standard error. SIGHUP makes it read its TLS certificate and key anew.
//
//   nacre-kbs --config kbs.toml [--listen ADDRESS:PORT] [--port-file FILE]
//   nacre-kbs init --dir DIR [--san NAME]... [--emulated-root PEM] [--allow-emulated]
//   nacre-kbs backup | restore | rekey | rotate-keys | audit | master-key    maintenance.h
//
// Exit codes: 0 stopped by a signal or done; 2 the command line is wrong; 1 anything else.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>

#include "attestation/broker/broker.h"
#include "attestation/broker/maintenance.h"
#include "attestation/broker/serving.h"
#include "attestation/broker/setup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/usage_error.h"

namespace nacre::attestation {
namespace {

struct ServeOptions {
  std::string config;
  std::string listen;
  std::string port_file;
};

absl::Status Serve(const ServeOptions& options) {
  ASSIGN_OR_RETURN(BrokerConfig config, ReadBrokerConfig(options.config));
  if (!options.listen.empty()) config.listen = options.listen;
  InitLog("nacre-kbs", STDERR_FILENO, config.log_level);
  sigset_t stop_signals = BlockStopSignals();
  signal(SIGPIPE, SIG_IGN);
  ASSIGN_OR_RETURN(net::HttpServerOptions server_options, ServerOptionsOf(config));
  ASSIGN_OR_RETURN(std::unique_ptr<BrokerContext> context, OpenBrokerContext(config));
  Broker broker(std::move(context));
  server_options.first_try = LogRequestsAtOnce(
      [&broker](const net::HttpServerRequest& request) { return broker.HandleAtOnce(request); });
  ASSIGN_OR_RETURN(
      std::unique_ptr<net::HttpServer> server,
      net::HttpServer::Start(std::move(server_options),
                             LogLateRequests([&broker](const net::HttpServerRequest& request,
                                                       std::function<void(Answer)> done) {
                               broker.HandleLater(request, std::move(done));
                             })));
  if (!options.port_file.empty()) {
    RETURN_IF_ERROR(
        WriteFileAtomic(options.port_file, AsBytes(std::to_string(server->port()) + "\n")));
  }
  Log(LogLevel::kInfo, "ready",
      {{"url", server->url()}, {"allow_emulated", config.allow_emulated}});
  const int signal_number =
      WaitForStop(stop_signals, [&] { return ReloadCertificate(config, *server); });
  Log(LogLevel::kInfo, "stopping", {{"signal", signal_number}});
  server->Stop();
  return absl::OkStatus();
}

absl::Status Init(const SetupOptions& options) {
  RETURN_IF_ERROR(SetUpBroker(options, std::time(nullptr)));
  std::printf(
      "%s/kbs.toml is ready: nacre-kbs --config %s/kbs.toml\n"
      "clients pin %s/tls.pem; move %s/admin.key to where you administer from\n",
      options.folder.c_str(), options.folder.c_str(), options.folder.c_str(),
      options.folder.c_str());
  return absl::OkStatus();
}

int Report(std::string message, int exit_code) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  std::fprintf(stderr, "nacre-kbs: %s\n", message.c_str());
  return exit_code;
}

int Main(int argc, char** argv) {
  CLI::App app("Key broker: gives secrets to guests that prove what they run.", "nacre-kbs");
  ServeOptions serve;
  app.add_option("--config", serve.config, "Configuration file (TOML)");
  app.add_option("--listen", serve.listen, "ADDRESS:PORT instead of the configured one");
  app.add_option("--port-file", serve.port_file, "Write the port here once listening");
  SetupOptions setup;
  CLI::App* init = app.add_subcommand("init", "Make a folder with keys and a configuration");
  init->add_option("--dir", setup.folder, "The folder")->required();
  init->add_option("--san", setup.extra_names, "Another name or address of this broker");
  init->add_option("--emulated-root", setup.emulated_root, "Trust this emulator's root (PEM)");
  init->add_flag("--allow-emulated", setup.allow_emulated, "Give resources to emulated guests");
  Maintenance maintenance(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s\n", DescribeUsageError(app, error).c_str());
    return 2;
  }
  if (std::optional<absl::Status> done = maintenance.Run()) {
    return done->ok() ? 0 : Report(std::string(done->message()), 1);
  }
  if (!init->parsed() && serve.config.empty()) return Report("--config is required", 2);
  absl::Status status = init->parsed() ? Init(setup) : Serve(serve);
  return status.ok() ? 0 : Report(std::string(status.message()), 1);
}

}  // namespace
}  // namespace nacre::attestation

int main(int argc, char** argv) {
  try {
    return nacre::attestation::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nacre-kbs: %s\n", error.what());
    return 1;
  }
}
