#include "runtime/hypervisor/initdata_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>

#include "base/bytes.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

std::string Document(std::string_view value) {
  return StrCat("version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"a\" = '", value, "'\n");
}

struct TestChannel {
  UniqueFd host, guest;
};

absl::StatusOr<TestChannel> Filled(const std::optional<std::string>& document) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  TestChannel channel{UniqueFd(ends[0]), UniqueFd(ends[1])};
  RETURN_IF_ERROR(FillInitdataChannel(channel.host.get(), document));
  return channel;
}

// What is there to read; the channel is then still open.
std::string AllOf(const TestChannel& channel) {
  std::string all;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = recv(channel.guest.get(), buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
    all.append(buffer, static_cast<size_t>(got));
  }
  EXPECT_EQ(got, -1);
  EXPECT_EQ(errno, EAGAIN);
  return all;
}

TEST(InitdataChannel, HoldsTheImageAndStaysOpen) {
  const auto channel = Filled(Document("b"));
  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(*tee::DecodeInitdataImage(AsBytes(AllOf(*channel))), Document("b"));
}

TEST(InitdataChannel, WithoutADocumentItSaysSo) {
  const auto channel = Filled(std::nullopt);
  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(tee::DecodeInitdataImage(AsBytes(AllOf(*channel))).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(InitdataChannel, TheLargestDocumentFits) {
  std::mt19937 random(1);
  std::string noise;
  while (noise.size() < (1 << 20)) noise += static_cast<char>('a' + random() % 26);
  const auto channel = Filled(Document(noise));
  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(*tee::DecodeInitdataImage(AsBytes(AllOf(*channel))), Document(noise));
}

TEST(InitdataChannel, ADocumentPastTheCapIsRefused) {
  EXPECT_EQ(Filled(std::string(tee::kMaxInitdataDocument + 1, 'a')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace nacre::runtime
