#include "guest-agent/service/initdata_port.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;
constexpr std::string_view kDocument = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n";
constexpr int kPatienceMs = 10;

// A host that gives these bytes, and then hangs up or stays.
enum class Host { kHangsUp, kStays };
absl::StatusOr<std::string> ReadFrom(ByteView bytes, Host host = Host::kHangsUp) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]), theirs(ends[1]);
  EXPECT_TRUE(WriteAll(theirs.get(), bytes).ok());
  if (host == Host::kHangsUp) shutdown(theirs.get(), SHUT_WR);
  return ReadInitdata(ours.get(), kPatienceMs);
}

Bytes ImageOf(uint64_t announced, size_t body) {
  return ByteWriter().Put("initdata").U64Le(announced).Zeros(body).Release();
}

TEST(ReadInitdata, TheDocumentIsReadWithoutWaitingForTheHostToHangUp) {
  const Bytes image = *tee::EncodeInitdataImage(kDocument);
  EXPECT_EQ(*ReadFrom(image), kDocument);
  EXPECT_EQ(*ReadFrom(image, Host::kStays), kDocument);
}

TEST(ReadInitdata, AHostWithoutInitdataIsNotFound) {
  const auto none = ReadFrom(tee::NoInitdataImage(), Host::kStays);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(none.status().message(), HasSubstr("gave this pod no initdata"));
}

TEST(ReadInitdata, AHostThatSaysNothingOrStopsHalfwayRunsOutOfTime) {
  EXPECT_EQ(ReadFrom({}, Host::kStays).status().code(), absl::StatusCode::kDeadlineExceeded);
  const Bytes image = *tee::EncodeInitdataImage(kDocument);
  for (const size_t given : {size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{40}}) {
    const auto read = ReadFrom(ByteView(image).first(given), Host::kStays);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDeadlineExceeded) << given;
  }
}

TEST(ReadInitdata, CutImagesAndHostileLengthsAreRefused) {
  const Bytes image = *tee::EncodeInitdataImage(kDocument);
  for (const size_t given :
       {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{40}}) {
    EXPECT_FALSE(ReadFrom(ByteView(image).first(given)).ok()) << given;
  }
  const uint64_t cap = tee::kMaxInitdataCompressed;
  EXPECT_EQ(ReadFrom(ImageOf(cap, 496)).status().code(), absl::StatusCode::kOutOfRange);
  for (const uint64_t size : {cap + 1, UINT64_MAX}) {
    EXPECT_EQ(ReadFrom(ImageOf(size, 496)).status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReadFrom(ImageOf(size, 0), Host::kStays).status().code(),
              absl::StatusCode::kResourceExhausted);
  }
}

TEST(ReadInitdata, WrongMagicIsRefused) {
  Bytes image = *tee::EncodeInitdataImage(kDocument);
  image[0] ^= 1;
  EXPECT_EQ(ReadFrom(image).status().code(), absl::StatusCode::kInvalidArgument);
}

// A FIFO that we hold open polls as a port whose host is there.
class InitdataPortTest : public ::testing::Test {
 protected:
  void AddPort(const std::string& device, std::string_view name) {
    ASSERT_TRUE(MakeDirectories(StrCat(paths_.classes, "/", device)).ok());
    ASSERT_TRUE(MakeDirectories(paths_.devices).ok());
    const std::string label = StrCat(paths_.classes, "/", device, "/name");
    ASSERT_TRUE(WriteFile(label, AsBytes(name)).ok());
    const std::string node = StrCat(paths_.devices, "/", device);
    ASSERT_EQ(mkfifo(node.c_str(), 0600), 0);
    host_ = *OpenFile(node, O_RDWR);
    ASSERT_TRUE(WriteAll(host_.get(), *tee::EncodeInitdataImage(kDocument)).ok());
  }
  TemporaryDirectory root_ = TemporaryDirectory::Create("initdata").value();
  const net::VirtioPortPaths paths_{root_.path() + "/links", root_.path() + "/class",
                                    root_.path() + "/dev"};
  UniqueFd host_;
};

TEST_F(InitdataPortTest, IsFoundByItsName) {
  AddPort("vport0p1", "org.nacre.initdata.0\n");
  const auto document = ReadInitdataPort(kPatienceMs, paths_);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(*document, kDocument);
}

TEST_F(InitdataPortTest, AMissingPortIsNamedWhenTimeIsOver) {
  AddPort("vport0p1", "org.nacre.initdata.01\n");
  const auto status = ReadInitdataPort(kPatienceMs, paths_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr("virtio-serial port of the initdata did not appear"));
}

}  // namespace
}  // namespace nacre::guest_agent
