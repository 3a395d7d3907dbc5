// Our client against containerd's Go server, and its Go client against our server. The calls carry
// ttrpc.Request messages (a string, bytes and a number), which peer.go has without code generation.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <latch>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "net/stream.h"
#include "net/ttrpc/client.h"
#include "net/ttrpc/server.h"

namespace nacre::ttrpc {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kService[] = "nacre.test.Peer";

class InteropTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string_view(NACRE_GO_TTRPC_PEER).empty()) {
      GTEST_SKIP() << "containerd's ttrpc is not here: install golang-go and "
                      "golang-github-containerd-ttrpc-dev, and configure again";
    }
  }
  std::string socket() const { return folder_.path() + "/s"; }
  TemporaryDirectory folder_ = *TemporaryDirectory::Create("ttrpc-interop");
};

class GoServerTest : public InteropTest {
 protected:
  void SetUp() override {
    InteropTest::SetUp();
    if (IsSkipped()) return;
    int in[2];
    int out[2];
    ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    UniqueFd its_in(in[0]);
    UniqueFd its_out(out[1]);
    UniqueFd from_peer(out[0]);
    to_peer_.Reset(in[1]);
    SubprocessOptions options;
    options.argv = {NACRE_GO_TTRPC_PEER, "serve", socket()};
    options.stdin_fd = its_in.get();
    options.stdout_fd = its_out.get();
    options.stderr_fd = 2;
    absl::StatusOr<Subprocess> started = Subprocess::Start(options);
    ASSERT_TRUE(started.ok()) << started.status();
    process_.emplace(*std::move(started));
    Bytes ready(6);
    ASSERT_TRUE(ReadExact(from_peer.get(), ready).ok());
    ASSERT_EQ(AsText(ready), "ready\n");
    client_ = *Client::Create(*net::ConnectUnix(socket()));
  }
  void TearDown() override {
    to_peer_.Reset();  // ends it
    if (process_) {
      EXPECT_EQ(process_->WaitFor(20000)->code, 0);
    }
  }
  absl::StatusOr<Request> Call(std::string_view method, const Request& request,
                               const CallOptions& options = {}) {
    ASSIGN_OR_RETURN(std::string bytes,
                     client_->Call(kService, method, EncodeRequest(request), options));
    return DecodeRequest(AsBytes(bytes));
  }

  UniqueFd to_peer_;
  std::optional<Subprocess> process_;
  std::unique_ptr<Client> client_;
};

TEST_F(GoServerTest, Sizes) {
  for (size_t size : {0, 1, 4095, 65536, 1 << 20, (4 << 20) - 64}) {
    absl::StatusOr<Request> answer = Call("Echo", {.payload = std::string(size, 'x')});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->payload.size(), size);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(Call("Size", {.timeout_ns = 5 << 20}).status()));
  EXPECT_TRUE(Call("Echo", {}).ok()) << "the connection goes on";
}

TEST_F(GoServerTest, Statuses) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status = Call("Fail", {.method = "because", .timeout_ns = code}).status();
    EXPECT_EQ(status, absl::Status(static_cast<absl::StatusCode>(code), "because"));
  }
  EXPECT_TRUE(absl::IsUnimplemented(Call("None", {}).status()));
  EXPECT_TRUE(absl::IsUnimplemented(client_->Call("none.Such", "Echo", "").status()));
}

TEST_F(GoServerTest, MetadataAndDeadlines) {
  const Metadata metadata = {{"k", "a"}, {"k", "b"}};
  absl::StatusOr<Request> answer = Call("Context", {}, {.metadata = metadata});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->method, "a,b");
  EXPECT_EQ(answer->timeout_ns, 0);
  answer = Call("Context", {}, {.timeout_ms = 3600'000});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GT(answer->timeout_ns, int64_t{3000} * 1'000'000'000);
  EXPECT_LE(answer->timeout_ns, int64_t{3600} * 1'000'000'000);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Call("Block", {}, {.timeout_ms = 20}).status()));
}

TEST_F(GoServerTest, ManyCallsAtOnce) {
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < 20; ++caller) {
    callers.emplace_back([this, caller] {
      for (size_t i = 0; i < 50; ++i) {
        absl::StatusOr<Request> answer =
            Call("Echo", {.payload = std::string(caller * 100 + i, 'x')});
        ASSERT_TRUE(answer.ok()) << answer.status();
        ASSERT_EQ(answer->payload.size(), caller * 100 + i);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(GoServerTest, ServerThatDies) {
  std::thread caller([this] { EXPECT_TRUE(absl::IsUnavailable(Call("Block", {}).status())); });
  EXPECT_TRUE(Call("Echo", {}).ok());
  to_peer_.Reset();
  caller.join();
  EXPECT_TRUE(absl::IsUnavailable(Call("Echo", {}).status()));
}

class GoClientTest : public InteropTest {
 protected:
  using Answer = absl::StatusOr<Request>;
  void Register(std::string_view method,
                std::function<Answer(const CallContext&, const Request&)> function) {
    server_.RegisterMethod(kService, method,
                           [function](const CallContext& context,
                                      std::string_view payload) -> absl::StatusOr<std::string> {
                             ASSIGN_OR_RETURN(Request request, DecodeRequest(AsBytes(payload)));
                             ASSIGN_OR_RETURN(Request answer, function(context, request));
                             return EncodeRequest(answer);
                           });
  }
  void RegisterAll() {
    Register("Echo", [](const CallContext&, const Request& r) -> Answer { return r; });
    Register("Size", [](const CallContext&, const Request& r) -> Answer {
      return Request{.payload = std::string(static_cast<size_t>(r.timeout_ns), 'x')};
    });
    Register("Fail", [](const CallContext&, const Request& r) -> Answer {
      if (r.timeout_ns < 0) return absl::InternalError("\xff\xfe");
      return absl::Status(static_cast<absl::StatusCode>(r.timeout_ns), r.method);
    });
    Register("Context", [](const CallContext& context, const Request&) -> Answer {
      Request answer;
      for (const auto& [key, value] : context.metadata()) {
        if (key == "k") StrAppend(&answer.method, answer.method.empty() ? "" : ",", value);
      }
      if (context.deadline()) {
        answer.timeout_ns =
            std::chrono::nanoseconds(*context.deadline() - steady_clock::now()).count();
      }
      return answer;
    });
    Register("Block", [this](const CallContext& context, const Request&) -> Answer {
      std::unique_lock lock(mutex_);
      if (!context.deadline()) {
        blocked_ = true;
        changed_.notify_all();
        changed_.wait(lock, context.stop_token(), [] { return false; });
        noticed_ = true;
      } else {
        changed_.wait_until(lock, context.stop_token(), *context.deadline(), [] { return false; });
        return absl::DeadlineExceededError("blocked until the deadline");
      }
      return absl::CancelledError("blocked until nobody waited");
    });
    Register("AwaitBlocked", [this](const CallContext&, const Request&) -> Answer {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return blocked_; });
      return Request();
    });
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool blocked_ = false;
  bool noticed_ = false;
  Server server_;
};

TEST_F(GoClientTest, PassesAllItsChecks) {
  RegisterAll();
  UniqueFd listener = *net::ListenUnix(socket());
  std::thread thread([&] { EXPECT_TRUE(server_.Serve(std::move(listener)).ok()); });
  SubprocessOptions options;
  options.argv = {NACRE_GO_TTRPC_PEER, "call", socket()};
  absl::StatusOr<CommandResult> result = RunCommand(options);
  server_.Stop();
  thread.join();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit.code, 0) << result->out << result->err;
  EXPECT_THAT(result->out, Not(HasSubstr("FAILED")));
  EXPECT_THAT(result->out, HasSubstr("ok close ends the blocked call"));
  EXPECT_TRUE(noticed_) << "our handler saw that the Go client left";
}

}  // namespace
}  // namespace nacre::ttrpc
