#include "runtime/shim/stdio_relay.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "net/ttrpc/proto.h"
#include "net/ttrpc/raw_peer.h"
#include "net/ttrpc/server.h"

namespace nacre::runtime {
namespace {

// A guest whose process writes for ever: each read gets a byte. When it is quiet, no read ends.
class Babbler {
 public:
  explicit Babbler(bool quiet) {
    server_.RegisterMethod(
        "grpc.AgentService", "ReadStdout",
        ttrpc::ProtoHandler<grpc::ReadStreamRequest>(
            [this, quiet](const ttrpc::CallContext& context, const grpc::ReadStreamRequest&)
                -> absl::StatusOr<grpc::ReadStreamResponse> {
              std::unique_lock lock(mutex_);
              ++reads_;
              changed_.notify_all();
              if (quiet) {
                changed_.wait(lock, context.stop_token(), [] { return false; });
                return absl::CancelledError("nobody reads");
              }
              grpc::ReadStreamResponse response;
              response.set_data("y");
              return response;
            }));
    server_.RegisterMethod(
        "grpc.AgentService", "CloseStdin",
        ttrpc::ProtoHandler<grpc::CloseStdinRequest>(
            [](const auto&, const auto&) -> absl::StatusOr<grpc::CloseStdinRequest> {
              return grpc::CloseStdinRequest();
            }));
    auto [ours, theirs] = ttrpc::SocketPair();
    agent = AgentClient::Create(std::move(ours)).value();
    thread_ = std::thread([this, fd = std::make_shared<UniqueFd>(std::move(theirs))] {
      (void)server_.ServeConnection(std::move(*fd));
    });
  }
  ~Babbler() {
    agent.reset();
    server_.Stop();
    thread_.join();
  }
  void AwaitReads(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, std::stop_token(), [&] { return reads_ >= count; });
  }

  std::unique_ptr<AgentClient> agent;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int reads_ = 0;
  ttrpc::Server server_;
  std::thread thread_;
};

constexpr int kForeverMs = 3'600'000;

// A terminal has one stream; nobody holds its other end, so what comes is thrown away.
std::unique_ptr<StdioRelay> StartedRelay(const Babbler& guest) {
  StdioPaths paths;
  paths.terminal = true;
  auto relay = StdioRelay::Open(guest.agent.get(), {"box", "box"}, paths).value();
  relay->Start(nullptr);
  return relay;
}

TEST(StdioRelayTest, OutputWithoutEndIsDrainedForSoLong) {
  Babbler guest(false);
  const auto relay = StartedRelay(guest);
  guest.AwaitReads(3);
  relay->Drain(kForeverMs, 30);
  relay->Stop();
}

TEST(StdioRelayTest, OutputThatStandsStillIsDrainedForSoLong) {
  Babbler guest(true);
  const auto relay = StartedRelay(guest);
  guest.AwaitReads(1);
  relay->Drain(30, kForeverMs);
  relay->Stop();
}

}  // namespace
}  // namespace nacre::runtime
