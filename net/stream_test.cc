#include "net/stream.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <thread>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::net {
namespace {

using ::testing::HasSubstr;

class StreamTest : public ::testing::Test {
 protected:
  std::string Path(std::string_view name) const { return StrCat(folder_.path(), "/", name); }
  TemporaryDirectory folder_ = *TemporaryDirectory::Create("stream");
};

std::string ReadAll(int fd) {
  std::string out;
  char buffer[256];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) out.append(buffer, static_cast<size_t>(got));
  return out;
}

void ExpectTalk(const std::string& address) {
  absl::StatusOr<UniqueFd> listener = ListenUnix(address);
  ASSERT_TRUE(listener.ok()) << listener.status();
  absl::StatusOr<UniqueFd> client = ConnectUnix(address);
  ASSERT_TRUE(client.ok()) << client.status();
  absl::StatusOr<UniqueFd> server = Accept(listener->get());
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE(WriteAll(client->get(), AsBytes("hello")).ok());
  client->Reset();
  EXPECT_EQ(ReadAll(server->get()), "hello");
  for (int fd : {listener->get(), server->get()}) {
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(StreamTest, UnixSocketByPath) { ExpectTalk(Path("s")); }

TEST_F(StreamTest, UnixSocketInAbstractNamespace) {
  ExpectTalk(StrCat("@nacre-test", Path("s").substr(0, 90)));
}

TEST_F(StreamTest, UnixPathLengthsAroundTheKernelsLimit) {
  for (size_t size : {106u, 107u, 108u, 109u, 200u}) {
    std::string folder = folder_.path();
    while (folder.size() + 2 < size - 60) folder += "/ddddddddd";
    ASSERT_TRUE(MakeDirectories(folder).ok());
    ASSERT_LT(folder.size() + 1, size);
    ExpectTalk(StrCat(folder, "/", std::string(size - folder.size() - 1, 'x')));
  }
}

TEST_F(StreamTest, AbstractNameLengthLimit) {
  std::string name = Path("n");
  name.insert(0, 107 - name.size(), 'n');
  EXPECT_TRUE(ListenUnix("@" + name).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(ListenUnix("@n" + name).status()));
}

TEST_F(StreamTest, RefusesAddressesThatAreNone) {
  EXPECT_TRUE(absl::IsInvalidArgument(ConnectUnix("").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ConnectUnix(std::string_view("/a\0b", 4)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ListenUnix("").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ListenUnix(Path(std::string(200, 'x'))).status()));
}

TEST_F(StreamTest, ConnectSaysWhatIsMissing) {
  absl::Status status = ConnectUnix(Path("none")).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr(Path("none")));
  ASSERT_TRUE(ListenUnix(Path("dead")).ok());
  EXPECT_TRUE(absl::IsUnavailable(ConnectUnix(Path("dead")).status()));
}

TEST_F(StreamTest, ListenerHasItsModeFromTheStart) {
  ASSERT_TRUE(ListenUnix(Path("s"), {.mode = 0640}).ok());
  struct stat info;
  ASSERT_EQ(stat(Path("s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(StreamTest, ReplacesADeadSocketOnlyWhenAsked) {
  ASSERT_TRUE(ListenUnix(Path("s")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(ListenUnix(Path("s")).status()));
  absl::StatusOr<UniqueFd> second = ListenUnix(Path("s"), {.replace_dead = true});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(ConnectUnix(Path("s")).ok());
}

TEST_F(StreamTest, NeverReplacesALivingSocketOrAFile) {
  absl::StatusOr<UniqueFd> living = ListenUnix(Path("s"));
  ASSERT_TRUE(living.ok());
  EXPECT_TRUE(absl::IsAlreadyExists(ListenUnix(Path("s"), {.replace_dead = true}).status()));
  ASSERT_TRUE(WriteFile(Path("f"), AsBytes("x")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(ListenUnix(Path("f"), {.replace_dead = true}).status()));
  EXPECT_TRUE(PathExists(Path("f")));
}

// A VMM's socket that reads one line and answers with `answer`.
class FakeVmm {
 public:
  FakeVmm(const std::string& path, std::string answer) : listener_(*ListenUnix(path)) {
    thread_ = std::thread([this, answer = std::move(answer)] {
      connection_ = *Accept(listener_.get());
      char c = 0;
      while (c != '\n' && read(connection_.get(), &c, 1) == 1) line_.push_back(c);
      if (answer.empty()) return connection_.Reset();
      (void)WriteAll(connection_.get(), AsBytes(answer));
    });
  }
  ~FakeVmm() {
    if (thread_.joinable()) thread_.join();
  }
  const std::string& line() {
    thread_.join();
    return line_;
  }

 private:
  UniqueFd listener_;
  UniqueFd connection_;
  std::string line_;
  std::thread thread_;
};

TEST_F(StreamTest, HybridVsockHandshakeLeavesTheRestToTheCaller) {
  FakeVmm vmm(Path("v"), "OK 1073741824\nfirst bytes");
  absl::StatusOr<UniqueFd> fd = ConnectHybridVsock(Path("v"), 1024, 10000);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(vmm.line(), "CONNECT 1024\n");
  Bytes rest(11);
  ASSERT_TRUE(ReadExact(fd->get(), rest).ok());
  EXPECT_EQ(AsText(rest), "first bytes");
}

TEST_F(StreamTest, HybridVsockRefusals) {
  const struct {
    const char* answer;
    absl::StatusCode code;
  } cases[] = {
      {"", absl::StatusCode::kUnavailable},
      {"NO\n", absl::StatusCode::kDataLoss},
      {"OK\n", absl::StatusCode::kDataLoss},
      {"OK \n", absl::StatusCode::kDataLoss},
      {"OK 5 \n", absl::StatusCode::kDataLoss},
      {"OK -1\n", absl::StatusCode::kDataLoss},
      {"OK 99999999999999999999\n", absl::StatusCode::kDataLoss},
      {"OK 00000000000000000000000000000000000000000000000\n", absl::StatusCode::kDataLoss},
  };
  int number = 0;
  for (const auto& c : cases) {
    const std::string path = Path(StrCat("v", number++));
    FakeVmm vmm(path, c.answer);
    EXPECT_EQ(ConnectHybridVsock(path, 1, 10000).status().code(), c.code) << c.answer;
  }
}

TEST_F(StreamTest, HybridVsockDoesNotWaitForEver) {
  absl::StatusOr<UniqueFd> silent = ListenUnix(Path("v"));
  ASSERT_TRUE(silent.ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(ConnectHybridVsock(Path("v"), 1, 1).status()));
}

TEST(VsockTest, ConnectingToNobodyFails) {
  // Port 1 of a guest that is not there; whichever way this kernel can say so.
  const absl::Status status = ConnectVsock(0x7ffffffe, 1, 20).status();
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(absl::IsInternal(status)) << status;
}

class VirtioPortTest : public StreamTest {
 protected:
  void SetUp() override {
    paths_ = {.links = Path("links"), .classes = Path("class"), .devices = Path("dev")};
    for (const auto& folder : {paths_.links, paths_.classes, paths_.devices}) {
      ASSERT_TRUE(MakeDirectories(folder).ok());
    }
  }
  void AddPort(std::string_view device, std::string_view name) {
    const std::string folder = StrCat(paths_.classes, "/", device);
    ASSERT_TRUE(MakeDirectories(folder).ok());
    ASSERT_TRUE(WriteFile(folder + "/name", AsBytes(StrCat(name, "\n"))).ok());
    ASSERT_TRUE(WriteFile(StrCat(paths_.devices, "/", device), AsBytes(device)).ok());
  }
  VirtioPortPaths paths_;
};

TEST_F(VirtioPortTest, FoundByNameThroughSysfs) {
  AddPort("vport0p1", "org.other");
  AddPort("vport1p2", "org.nacre.agent.0");
  absl::StatusOr<UniqueFd> fd = OpenVirtioPort("org.nacre.agent.0", paths_);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(ReadAll(fd->get()), "vport1p2");
}

TEST_F(VirtioPortTest, LinkMadeByUdevIsTakenFirst) {
  AddPort("vport1p2", "org.nacre.agent.0");
  ASSERT_TRUE(WriteFile(paths_.links + "/org.nacre.agent.0", AsBytes("link")).ok());
  EXPECT_EQ(ReadAll(OpenVirtioPort("org.nacre.agent.0", paths_)->get()), "link");
}

TEST_F(VirtioPortTest, MissingPortsAndBadNames) {
  AddPort("vport0p1", "org.nacre.agent.01");
  EXPECT_TRUE(absl::IsNotFound(OpenVirtioPort("org.nacre.agent.0", paths_).status()));
  EXPECT_TRUE(absl::IsNotFound(OpenVirtioPort("x", {"/none", "/none", "/none"}).status()));
  for (const char* name : {"", ".", "..", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(OpenVirtioPort(name, paths_).status())) << name;
  }
  const std::string longest(255, 'n');
  EXPECT_TRUE(absl::IsNotFound(OpenVirtioPort(longest, paths_).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenVirtioPort(longest + "n", paths_).status()));
}

// A FIFO whose writer has gone polls as POLLHUP, like a port whose host has gone.
class AwaitVirtioPeerTest : public StreamTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(mkfifo(Path("p").c_str(), 0600), 0);
    port_ = *OpenFile(Path("p"), O_RDONLY | O_NONBLOCK);
    ASSERT_TRUE(OpenFile(Path("p"), O_WRONLY).ok());  // comes and goes
    pollfd polled{port_.get(), POLLIN, 0};
    ASSERT_EQ(poll(&polled, 1, 0), 1);
    ASSERT_NE(polled.revents & POLLHUP, 0);
  }
  UniqueFd port_;
};

TEST_F(AwaitVirtioPeerTest, WaitsUntilThePeerComes) {
  UniqueFd peer;
  std::thread host([&] {
    peer = *OpenFile(Path("p"), O_WRONLY);
    (void)WriteAll(peer.get(), AsBytes("x"));
  });
  EXPECT_TRUE(AwaitVirtioPeer(port_.get(), 10000).ok());
  host.join();
}

TEST_F(AwaitVirtioPeerTest, EndsAtItsDeadline) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(AwaitVirtioPeer(port_.get(), 0)));
  EXPECT_TRUE(absl::IsDeadlineExceeded(AwaitVirtioPeer(port_.get(), 1)));
}

TEST_F(AwaitVirtioPeerTest, EndsWhenWoken) {
  UniqueFd wake(eventfd(1, EFD_CLOEXEC));
  EXPECT_TRUE(absl::IsCancelled(AwaitVirtioPeer(port_.get(), -1, wake.get())));
}

TEST_F(AwaitVirtioPeerTest, ReturnsAtOnceWhenThePeerIsThere) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd here(pair[0]);
  UniqueFd there(pair[1]);
  EXPECT_TRUE(AwaitVirtioPeer(here.get(), -1).ok());
  there.Reset();
  EXPECT_TRUE(absl::IsDeadlineExceeded(AwaitVirtioPeer(here.get(), 1)));
}

}  // namespace
}  // namespace nacre::net
