#include "runtime/hypervisor/qmp_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGreeting[] = "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";

TEST(QmpMessage, FourKinds) {
  EXPECT_EQ(ParseQmpMessage(R"({"QMP":{}})")->kind, QmpMessage::Kind::kGreeting);
  EXPECT_EQ(ParseQmpMessage(R"({"return":{"status":"running"},"id":3})")->id, 3u);
  const auto error = ParseQmpMessage(R"({"error":{"class":"GenericError","desc":"no"},"id":4})");
  ASSERT_TRUE(error.ok());
  EXPECT_EQ(error->text, "no");
  const auto event = ParseQmpMessage(
      R"({"timestamp":{"seconds":1},"event":"SHUTDOWN","data":{"reason":"guest-panic"}})");
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->name, "SHUTDOWN");
  EXPECT_EQ(event->data["reason"], "guest-panic");
}

TEST(QmpMessage, HostileLinesAreErrors) {
  for (const std::string& line :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"), std::string("null"),
        std::string("{\"return\":1,\"return\":2}"), std::string("{\"return\":{},\"id\":\"x\"}"),
        std::string("{\"return\":{},\"id\":-1}"), std::string("{\"error\":1}"),
        std::string("{\"error\":{\"class\":1,\"desc\":\"x\"}}"), std::string("{\"event\":{}}"),
        std::string("{\"return\":\"\xff\"}"), std::string("{\"return\":\"a\0b\"}", 16),
        std::string(20, '[') + std::string(20, ']'),
        "{\"return\":" + std::string(17, '[') + std::string(17, ']') + "}"}) {
    EXPECT_FALSE(ParseQmpMessage(line).ok()) << line;
  }
}

TEST(QmpLines, SplitAnywhere) {
  const std::string text = "one\r\ntwo\nthree";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    QmpLines lines;
    ASSERT_TRUE(lines.Feed(AsBytes(text.substr(0, cut))).ok());
    ASSERT_TRUE(lines.Feed(AsBytes(text.substr(cut))).ok());
    EXPECT_EQ(lines.Next(), "one");
    EXPECT_EQ(lines.Next(), "two");
    EXPECT_EQ(lines.Next(), std::nullopt);
  }
}

TEST(QmpLines, LineLimit) {
  QmpLines at, above;
  EXPECT_TRUE(at.Feed(AsBytes(std::string(kMaxQmpLine, 'a'))).ok());
  EXPECT_TRUE(at.Feed(AsBytes("\n")).ok());
  EXPECT_TRUE(above.Feed(AsBytes(std::string(kMaxQmpLine, 'a'))).ok());
  EXPECT_EQ(above.Feed(AsBytes("a")).code(), absl::StatusCode::kResourceExhausted);
}

// A QEMU of the test's own: one end of a socket pair, and a thread that runs the client's loop.
class Conversation : public ::testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    qemu_ = UniqueFd(pair[0]);
    client_ = std::make_unique<QmpClient>(UniqueFd(pair[1]),
                                          [this](const std::string& name, const Json&) {
                                            std::lock_guard lock(mutex_);
                                            events_.push_back(name);
                                          });
    loop_ = std::thread([this] {
      pollfd watched = {client_->fd(), POLLIN, 0};
      while (::poll(&watched, 1, 10000) > 0 && client_->ReadAvailable().ok()) {
      }
    });
  }
  void TearDown() override {
    qemu_.Reset();
    loop_.join();
  }
  void Say(std::string_view text) { ASSERT_TRUE(WriteAll(qemu_.get(), AsBytes(text)).ok()); }
  // The next line the client sent.
  std::string Hear() {
    std::string line;
    for (char c; ::read(qemu_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  void Negotiate() {
    Say(kGreeting);
    const auto command = ParseJson(Hear());
    ASSERT_TRUE(command.ok());
    ASSERT_EQ((*command)["execute"], "qmp_capabilities");
    Say(StrCat("{\"return\":{},\"id\":", (*command)["id"].get<uint64_t>(), "}\r\n"));
  }

  UniqueFd qemu_;
  std::unique_ptr<QmpClient> client_;
  std::thread loop_;
  std::mutex mutex_;
  std::vector<std::string> events_;
};

TEST_F(Conversation, CommandAfterNegotiation) {
  std::thread qemu([this] {
    Negotiate();
    EXPECT_EQ(Hear(), R"({"execute":"query-status","id":1})");
    Say("{\"event\":\"RESUME\"}\r\n{\"return\":{\"running\":true},\"id\":1}\r\n");
  });
  const auto answer = client_->Execute("query-status", 10000);
  qemu.join();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)["running"], true);
  std::lock_guard lock(mutex_);
  EXPECT_THAT(events_, ElementsAre("RESUME"));
}

TEST_F(Conversation, QemusErrorIsToldInItsWords) {
  std::thread qemu([this] {
    Negotiate();
    Hear();
    Say("{\"error\":{\"class\":\"GenericError\",\"desc\":\"not now\"},\"id\":1}\r\n");
  });
  const auto answer = client_->Execute("system_powerdown", 10000);
  qemu.join();
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(answer.status())), HasSubstr("not now"));
}

TEST_F(Conversation, SilenceIsADeadline) {
  EXPECT_EQ(client_->Execute("quit", 1).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(Conversation, HangUpFailsTheCall) {
  std::thread qemu([this] {
    Negotiate();
    Hear();
    ::shutdown(qemu_.get(), SHUT_RDWR);
  });
  EXPECT_EQ(client_->Execute("quit", 10000).status().code(), absl::StatusCode::kUnavailable);
  qemu.join();
}

TEST_F(Conversation, NonsenseFailsTheCall) {
  std::thread qemu([this] { Say("{\"hello\":1}\r\n"); });
  EXPECT_EQ(client_->Execute("quit", 10000).status().code(), absl::StatusCode::kInvalidArgument);
  qemu.join();
}

TEST_F(Conversation, SecondGreetingIsRefused) {
  std::thread qemu([this] {
    Say(kGreeting);
    Say(kGreeting);
  });
  EXPECT_EQ(client_->Execute("quit", 10000).status().code(), absl::StatusCode::kInvalidArgument);
  qemu.join();
}

}  // namespace
}  // namespace nacre::runtime
