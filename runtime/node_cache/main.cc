// nacre-node-cache: keeps blobs of images once for all guests of a node. Reads [node_cache] of the
// runtime's configuration, serves until SIGTERM or SIGINT, logs JSON lines to standard error.
//
//   nacre-node-cache [--config FILE]
//
// Nothing of value is lost with it: it may be killed at any moment, and guests without it pull from
// the registry. Exit codes: 0 stopped by a signal; 2 the command line is wrong; 1 anything else.
#include <signal.h>

#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "net/stream.h"
#include "runtime/config/runtime_config.h"
#include "runtime/node_cache/service.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxConf = 1 << 20;
constexpr size_t kMaxRoots = 4 << 20;
constexpr int64_t kRegistryIdleMs = 10'000;

absl::StatusOr<std::unique_ptr<image::RegistryClient>> Registry(const NodeCacheConfig& config) {
  image::RegistryOptions options;
  options.idle_timeout_ms = kRegistryIdleMs;
  if (!config.registries_conf.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(config.registries_conf, kMaxConf),
                     "[node_cache] registries_conf");
    ASSIGN_OR_RETURN(options.registries, image::RegistriesConf::Parse(text),
                     config.registries_conf);
  }
  if (!config.extra_ca.empty()) {
    ASSIGN_OR_RETURN(options.extra_ca_pem, ReadTextFile(config.extra_ca, kMaxRoots),
                     "[node_cache] extra_ca");
  }
  return image::RegistryClient::Create(options, image::Limits());
}

sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

absl::Status Serve(const std::string& config_path) {
  ASSIGN_OR_RETURN(const RuntimeConfig runtime, LoadRuntimeConfig(config_path));
  const NodeCacheConfig& config = runtime.node_cache;
  if (config.socket.empty()) {
    return absl::FailedPreconditionError(StrCat(config_path, ": [node_cache] socket is empty"));
  }
  const sigset_t signals = BlockStopSignals();  // before any thread starts
  ASSIGN_OR_RETURN(const auto store,
                   BlobStore::Open(config.folder, config.max_size_mib << 20, config.unpacked));
  ASSIGN_OR_RETURN(const auto registry, Registry(config));
  std::optional<Unpacker> unpacker;
  if (config.unpacked) unpacker.emplace(store.get());
  Unpacker* const unpacks = unpacker ? &*unpacker : nullptr;
  Fetches fetches(store.get(), registry.get(), unpacks);
  NodeCacheService service(
      {.store = store.get(), .fetches = config.fetch ? &fetches : nullptr, .unpacker = unpacks});
  ASSIGN_OR_RETURN(UniqueFd listener, net::ListenUnix(config.socket, {.replace_dead = true}));
  Log(LogLevel::kInfo, "node_cache_ready",
      {{"socket", config.socket}, {"bytes", store->total_bytes()}});
  std::thread waiter([&] {
    int number = 0;
    (void)sigwait(&signals, &number);
    service.Stop();
  });
  const absl::Status status = service.Serve(std::move(listener));
  (void)::unlink(config.socket.c_str());
  waiter.join();
  return status;
}

int Main(const std::vector<std::string>& arguments) {
  std::string config(kDefaultConfigPath);
  if (arguments.size() == 2 && arguments[0] == "--config") {
    config = arguments[1];
  } else if (!arguments.empty()) {
    const bool help = arguments.size() == 1 && arguments[0] == "--help";
    std::fputs("usage: nacre-node-cache [--config FILE]\n", help ? stdout : stderr);
    return help ? 0 : 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  InitLog("nacre-node-cache", 2, LogLevel::kInfo);
  const absl::Status status = Serve(config);
  if (status.ok()) return 0;
  std::fputs(StrCat("nacre-node-cache: ", Message(status), "\n").c_str(), stderr);
  return 1;
}

}  // namespace
}  // namespace nacre::runtime

int main(int argc, char** argv) {
  return nacre::runtime::Main(std::vector<std::string>(argv + 1, argv + argc));
}
