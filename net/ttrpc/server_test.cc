// The server against a peer that speaks in raw bytes.
#include "net/ttrpc/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <latch>
#include <thread>

#include "base/file.h"
#include "net/stream.h"
#include "net/ttrpc/raw_peer.h"

namespace nacre::ttrpc {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

// Blocks until its call is cancelled; counts those that run and have ended.
struct Blocker {
  std::mutex mutex;
  std::condition_variable_any changed;
  int running = 0;
  int cancelled = 0;

  Handler handler() {
    return [this](const CallContext& context, std::string_view) -> absl::StatusOr<std::string> {
      std::unique_lock lock(mutex);
      ++running;
      changed.notify_all();
      changed.wait(lock, context.stop_token(), [] { return false; });
      ++cancelled;
      changed.notify_all();
      EXPECT_TRUE(context.cancelled());
      return absl::CancelledError("blocker was stopped");
    };
  }
  void AwaitRunning(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running >= count; });
  }
  void AwaitCancelled(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return cancelled >= count; });
  }
};

class ServerTest : public ::testing::Test {
 protected:
  // Serves one connection on a thread of its own; the peer's end.
  RawPeer Start(const ServerOptions& options = {}) {
    server_ = std::make_unique<Server>(options);
    server_->RegisterMethod("t.Test", "Echo", [](const CallContext&, std::string_view payload) {
      return absl::StatusOr<std::string>(std::string(payload));
    });
    server_->RegisterMethod("t.Test", "Block", blocker_.handler());
    server_->RegisterMethod("t.Test", "Size", [](const CallContext&, std::string_view payload) {
      return absl::StatusOr<std::string>(std::string(std::stoul(std::string(payload)), 'x'));
    });
    auto [ours, theirs] = SocketPair();
    thread_ = std::thread([this, fd = std::move(theirs)]() mutable {
      result_ = server_->ServeConnection(std::move(fd));
    });
    return RawPeer(std::move(ours));
  }
  absl::Status Result() {
    thread_.join();
    return result_;
  }
  void TearDown() override {
    if (server_) server_->Stop();
    if (thread_.joinable()) thread_.join();
  }
  static Request Echo(std::string payload) { return {"t.Test", "Echo", std::move(payload), 0, {}}; }
  static Request Block() { return {"t.Test", "Block", "", 0, {}}; }

  Blocker blocker_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  absl::Status result_;
};

TEST_F(ServerTest, AnswersCallsAndEndsWithItsPeer) {
  RawPeer peer = Start();
  for (uint32_t id : {1u, 3u, 101u, 4294967295u}) {
    peer.Request(id, Echo("hello"));
    EXPECT_EQ(*peer.Answer(id), "hello");
  }
  peer.Close();
  EXPECT_TRUE(Result().ok());
}

TEST_F(ServerTest, RequestsAtTheSizeLimit) {
  RawPeer peer = Start();
  const size_t overhead = EncodeRequest(Echo(std::string(4 << 20, 'x'))).size() - (4 << 20);
  const std::string largest(kMaxPayload - overhead, 'x');
  ASSERT_EQ(EncodeRequest(Echo(largest)).size(), kMaxPayload);
  peer.Request(1, Echo(largest.substr(1)));
  EXPECT_EQ(peer.Answer(1)->size(), largest.size() - 1);
  peer.Request(3, Echo(largest));
  EXPECT_EQ(peer.Answer(3)->size(), largest.size());
  peer.Request(5, Echo(largest + "x"));
  absl::Status status = peer.Answer(5).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("4194305 bytes is over the 4194304 byte"));
  peer.Request(7, Echo("still here"));
  EXPECT_EQ(*peer.Answer(7), "still here");
}

TEST_F(ServerTest, AnswersAtTheSizeLimit) {
  RawPeer peer = Start();
  const size_t overhead = EncodeResponse(std::string(4 << 20, 'x')).size() - (4 << 20);
  const size_t largest = kMaxPayload - overhead;
  uint32_t id = 1;
  for (size_t size : {largest - 1, largest, largest + 1}) {
    peer.Request(id, {"t.Test", "Size", std::to_string(size), 0, {}});
    const absl::StatusOr<std::string> answer = peer.Answer(id);
    EXPECT_EQ(answer.ok(), size <= largest);
    EXPECT_EQ(absl::IsResourceExhausted(answer.status()), size > largest);
    id += 2;
  }
}

TEST_F(ServerTest, ProtocolErrorsAreAnsweredAndTheConnectionGoesOn) {
  RawPeer peer = Start();
  const std::string good = EncodeRequest(Echo("x"));
  peer.Send(11, FrameType::kRequest, good);
  EXPECT_TRUE(peer.Answer(11).ok());
  const struct {
    uint32_t id;
    FrameType type;
    std::string payload;
    const char* message;
  } cases[] = {
      {0, FrameType::kRequest, good, "even"},
      {12, FrameType::kRequest, good, "even"},
      {12, FrameType::kData, good, "even"},
      {11, FrameType::kRequest, good, "not above the last one, 11"},
      {9, FrameType::kRequest, good, "not above the last one, 11"},
      {11, FrameType::kData, good, "not open"},
      {13, FrameType::kData, "", "not open"},
      {15, FrameType::kRequest, "\xff\xff", "not hold a ttrpc request"},
  };
  for (const auto& c : cases) {
    peer.Send(c.id, c.type, c.payload);
    const absl::Status status = peer.Answer(c.id).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(c.message));
  }
  peer.Send(17, FrameType::kRequest, good);
  EXPECT_TRUE(peer.Answer(17).ok());
}

TEST_F(ServerTest, UnknownFrameTypesAreIgnored) {
  RawPeer peer = Start();
  for (int type : {0, 2, 4, 255}) peer.Send(1, static_cast<FrameType>(type), "future");
  peer.Request(1, Echo("x"));
  EXPECT_EQ(*peer.Answer(1), "x");
}

TEST_F(ServerTest, UnknownMethodsAreUnimplemented) {
  RawPeer peer = Start();
  const std::pair<const char*, const char*> names[] = {
      {"t.Test", "echo"}, {"t.Other", "Echo"}, {"", ""}, {"t.TestEcho", ""}, {"t.Test", "Echo "}};
  uint32_t id = 1;
  for (const auto& [service, method] : names) {
    peer.Request(id, {service, method, "", 0, {}});
    const absl::Status status = peer.Answer(id).status();
    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(StrCat(service, "/", method)));
    id += 2;
  }
}

TEST_F(ServerTest, DispatcherSeesEveryCallAlone) {
  RawPeer peer = Start();  // Echo is registered, and must not be reached
  TearDown();
  server_ = std::make_unique<Server>();
  server_->RegisterMethod("t.Test", "Echo", [](const CallContext&, std::string_view) {
    return absl::StatusOr<std::string>("the way around the gate");
  });
  server_->SetDispatcher([](const CallContext& context, std::string_view payload) {
    return absl::StatusOr<std::string>(
        StrCat(context.service(), "|", context.method(), "|", payload));
  });
  auto [ours, theirs] = SocketPair();
  thread_ = std::thread(
      [this, fd = std::move(theirs)]() mutable { (void)server_->ServeConnection(std::move(fd)); });
  RawPeer gated(std::move(ours));
  gated.Request(1, Echo("p"));
  EXPECT_EQ(*gated.Answer(1), "t.Test|Echo|p");
  gated.Request(3, {"any.Other", "Thing", "q", 0, {}});
  EXPECT_EQ(*gated.Answer(3), "any.Other|Thing|q");
}

TEST_F(ServerTest, GarbageEndsTheConnectionCleanly) {
  RawPeer peer = Start();
  peer.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");  // claims 1.1 GB
  peer.Close();
  EXPECT_TRUE(absl::IsDataLoss(Result()));
}

TEST_F(ServerTest, EndInsideAFrameIsDataLoss) {
  const std::string frame = FrameText(1, FrameType::kRequest, EncodeRequest(Echo("x")));
  for (size_t size : {size_t{1}, size_t{9}, size_t{10}, frame.size() - 1}) {
    RawPeer peer = Start();
    peer.Send(std::string_view(frame).substr(0, size));
    peer.FinishWriting();
    EXPECT_TRUE(absl::IsDataLoss(Result())) << size;
    EXPECT_TRUE(peer.AtEnd());
  }
}

TEST_F(ServerTest, BlockedCallsDoNotHoldUpOthers) {
  RawPeer peer = Start();
  for (uint32_t id = 1; id < 21; id += 2) peer.Request(id, Block());
  blocker_.AwaitRunning(10);
  peer.Request(21, Echo("quick"));
  EXPECT_EQ(*peer.Answer(21), "quick");
}

TEST_F(ServerTest, ClosingTheConnectionCancelsItsCalls) {
  RawPeer peer = Start();
  peer.Request(1, Block());
  peer.Request(3, Block());
  blocker_.AwaitRunning(2);
  peer.Close();
  blocker_.AwaitCancelled(2);
  EXPECT_TRUE(Result().ok());
}

TEST_F(ServerTest, CallsOverTheLimitAreRefusedNotQueued) {
  RawPeer peer = Start({.max_calls = 2});
  peer.Request(1, Block());
  peer.Request(3, Block());
  blocker_.AwaitRunning(2);
  peer.Request(5, Echo("third"));
  const absl::Status status = peer.Answer(5).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("the limit of 2 running calls"));
  server_->Stop();
  EXPECT_TRUE(absl::IsCancelled(DecodeResponse(peer.Receive().payload).status()));
}

TEST_F(ServerTest, ACallerThatWaitsForEachAnswerIsNeverRefused) {
  RawPeer peer = Start({.max_calls = 1, .max_pending_bytes = EncodeRequest(Echo("12345")).size()});
  for (uint32_t id = 1; id < 4001; id += 2) {
    peer.Request(id, Echo("12345"));
    const absl::StatusOr<std::string> answer = peer.Answer(id);
    ASSERT_TRUE(answer.ok()) << answer.status() << " at " << id;
  }
}

TEST_F(ServerTest, PayloadsOfRunningCallsAreBoundedTogether) {
  const Request blocked{"t.Test", "Block", std::string(600, 'x'), 0, {}};
  RawPeer peer = Start({.max_pending_bytes = 1000});
  peer.Request(1, blocked);
  blocker_.AwaitRunning(1);
  peer.Request(3, blocked);
  EXPECT_TRUE(absl::IsResourceExhausted(peer.Answer(3).status()));
  peer.Request(5, Echo("small"));
  EXPECT_EQ(*peer.Answer(5), "small");
}

TEST_F(ServerTest, DeadlineAndMetadataReachTheHandler) {
  RawPeer peer = Start();
  TearDown();
  server_ = std::make_unique<Server>();
  server_->SetDispatcher([](const CallContext& context, std::string_view) {
    const bool has = context.deadline().has_value();
    const auto left = has ? *context.deadline() - steady_clock::now() : steady_clock::duration();
    return absl::StatusOr<std::string>(
        StrCat(has ? std::chrono::ceil<std::chrono::seconds>(left).count() : -1,
               context.cancelled() ? " cancelled " : " live ",
               context.MetadataValue("k").value_or("none")));
  });
  auto [ours, theirs] = SocketPair();
  thread_ = std::thread(
      [this, fd = std::move(theirs)]() mutable { (void)server_->ServeConnection(std::move(fd)); });
  RawPeer timed(std::move(ours));
  const std::pair<Request, const char*> cases[] = {
      {{"s", "m", "", 0, {}}, "-1 live none"},
      {{"s", "m", "", 100'000'000'000, {{"k", "v"}, {"k", "w"}}}, "100 live v"},
      {{"s", "m", "", 1, {{"K", "v"}}}, "0 cancelled none"},
      {{"s", "m", "", -7, {}}, "0 cancelled none"},
      {{"s", "m", "", INT64_MIN, {}}, "0 cancelled none"},
      {{"s", "m", "", INT64_MAX, {}}, "31536000 live none"},
  };
  uint32_t id = 1;
  for (const auto& [request, expected] : cases) {
    timed.Request(id, request);
    EXPECT_EQ(*timed.Answer(id), expected);
    id += 2;
  }
}

TEST_F(ServerTest, StopFromAHandlerStillAnswersIt) {
  RawPeer peer = Start();
  server_->RegisterMethod("t.Test", "Stop", [this](const CallContext&, std::string_view) {
    server_->Stop();
    return absl::StatusOr<std::string>("bye");
  });
  peer.Request(1, {"t.Test", "Stop", "", 0, {}});
  EXPECT_EQ(*peer.Answer(1), "bye");
  EXPECT_TRUE(peer.AtEnd());
  EXPECT_TRUE(Result().ok());
}

TEST_F(ServerTest, StopEndsAConnectionWhosePeerNeverReads) {
  RawPeer peer = Start();
  const Request large{"t.Test", "Size", "4000000", 0, {}};
  peer.Request(1, large);
  peer.Request(3, Block());
  blocker_.AwaitRunning(1);
  const auto start = steady_clock::now();
  server_->Stop();
  EXPECT_TRUE(Result().ok());
  EXPECT_LT(steady_clock::now() - start, std::chrono::milliseconds(3 * kFarewellMs));
}

TEST_F(ServerTest, OneServerServesOneConnectionAfterAnother) {
  Server server;
  server.SetDispatcher(
      [](const CallContext&, std::string_view) { return absl::StatusOr<std::string>("ok"); });
  for (int round = 0; round < 3; ++round) {
    auto [ours, theirs] = SocketPair();
    RawPeer peer(std::move(ours));
    peer.Request(1, Echo(""));
    peer.FinishWriting();
    EXPECT_TRUE(server.ServeConnection(std::move(theirs)).ok());
  }
  server.Stop();
  EXPECT_TRUE(server.ServeConnection(SocketPair().first).ok()) << "returns at once";
}

TEST_F(ServerTest, RefusesDescriptorsThatAreNoByteStream) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd other(pair[1]);
  EXPECT_TRUE(absl::IsInvalidArgument(Server().ServeConnection(UniqueFd(pair[0]))));
  EXPECT_FALSE(Server().ServeConnection(UniqueFd()).ok());
}

class ListenerTest : public ServerTest {
 protected:
  std::string Listen(const ServerOptions& options = {}) {
    const std::string path = StrCat(folder_.path(), "/s");
    listener_ = *net::ListenUnix(path);
    server_ = std::make_unique<Server>(options);
    server_->RegisterMethod("t.Test", "Block", blocker_.handler());
    server_->RegisterMethod("t.Test", "Echo", [](const CallContext&, std::string_view payload) {
      return absl::StatusOr<std::string>(std::string(payload));
    });
    thread_ = std::thread([this] { result_ = server_->Serve(std::move(listener_)); });
    return path;
  }
  TemporaryDirectory folder_ = *TemporaryDirectory::Create("ttrpc");
  UniqueFd listener_;
};

TEST_F(ListenerTest, ServesManyConnectionsUntilStopped) {
  const std::string path = Listen({.require_same_user = true});
  std::vector<RawPeer> peers;
  for (int i = 0; i < 5; ++i) peers.emplace_back(*net::ConnectUnix(path));
  for (RawPeer& peer : peers) peer.Request(1, Echo("x"));
  for (RawPeer& peer : peers) EXPECT_EQ(*peer.Answer(1), "x");
  peers[0].Request(3, Block());
  blocker_.AwaitRunning(1);
  server_->Stop();
  EXPECT_TRUE(absl::IsCancelled(peers[0].Answer(3).status()));
  for (RawPeer& peer : peers) EXPECT_TRUE(peer.AtEnd());
  EXPECT_TRUE(Result().ok());
  EXPECT_FALSE(net::ConnectUnix(path).ok());
}

TEST_F(ListenerTest, ConnectionsOverTheLimitHearWhy) {
  const std::string path = Listen({.max_connections = 1});
  RawPeer first(*net::ConnectUnix(path));
  first.Request(1, Echo("x"));
  EXPECT_TRUE(first.Answer(1).ok());
  RawPeer second(*net::ConnectUnix(path));
  EXPECT_TRUE(absl::IsResourceExhausted(second.Answer(1).status()));
  EXPECT_TRUE(second.AtEnd());
}

TEST_F(ListenerTest, CallsOfAllConnectionsShareOneLimit) {
  const std::string path = Listen({.max_calls = 1});
  RawPeer first(*net::ConnectUnix(path));
  RawPeer second(*net::ConnectUnix(path));
  first.Request(1, Block());
  blocker_.AwaitRunning(1);
  second.Request(1, Echo("x"));
  EXPECT_TRUE(absl::IsResourceExhausted(second.Answer(1).status()));
}

TEST_F(ListenerTest, SomethingThatDoesNotListenIsAnError) {
  server_ = std::make_unique<Server>();
  EXPECT_TRUE(absl::IsInvalidArgument(server_->Serve(SocketPair().first)));
  EXPECT_TRUE(absl::IsInvalidArgument(server_->Serve(UniqueFd())));
}

}  // namespace
}  // namespace nacre::ttrpc
