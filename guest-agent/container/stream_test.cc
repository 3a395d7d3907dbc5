#include "guest-agent/container/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "base/bytes.h"
#include "base/file.h"

namespace nacre::guest_agent {
namespace {

class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override { signal(SIGPIPE, SIG_IGN); }
  StdioPipes pipes_ = MakeStdioPipes(false).value();
};

TEST_F(StreamTest, ReadGivesWhatIsThereUpToTheLength) {
  ASSERT_TRUE(WriteAll(pipes_.child_output.get(), AsBytes("hello")).ok());
  EXPECT_EQ(*pipes_.output->Read(3), "hel");
  EXPECT_EQ(*pipes_.output->Read(100), "lo");
}

TEST_F(StreamTest, ReadWaitsForTheWriter) {
  std::thread reader([&] { EXPECT_EQ(*pipes_.output->Read(100), "late"); });
  ASSERT_TRUE(WriteAll(pipes_.child_output.get(), AsBytes("late")).ok());
  reader.join();
}

TEST_F(StreamTest, EndComesAfterTheLastByte) {
  ASSERT_TRUE(WriteAll(pipes_.child_error.get(), AsBytes("x")).ok());
  pipes_.child_error.Reset();
  EXPECT_EQ(*pipes_.error->Read(10), "x");
  EXPECT_EQ(pipes_.error->Read(10).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(pipes_.error->Read(10).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(StreamTest, CloseEndsAWaitingRead) {
  std::thread reader(
      [&] { EXPECT_EQ(pipes_.output->Read(10).status().code(), absl::StatusCode::kCancelled); });
  pipes_.output->Close();
  reader.join();
  EXPECT_EQ(pipes_.output->Read(10).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(StreamTest, WriteTakesWhatThePipeHolds) {
  const std::string large(1 << 20, 'a');
  const auto sent = pipes_.input->Write(large);
  ASSERT_TRUE(sent.ok());
  EXPECT_GT(*sent, 0u);
  EXPECT_LT(*sent, large.size());
  std::thread writer(
      [&] { EXPECT_EQ(pipes_.input->Write("b").status().code(), absl::StatusCode::kCancelled); });
  pipes_.input->Close();
  writer.join();
}

TEST_F(StreamTest, WriteAfterTheReaderHasGoneIsRefused) {
  pipes_.child_input.Reset();
  EXPECT_EQ(pipes_.input->Write("x").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StreamTest, DroppingTheInputGivesTheReaderItsEnd) {
  pipes_.input.reset();
  char byte;
  EXPECT_EQ(read(pipes_.child_input.get(), &byte, 1), 0);
}

TEST(Stream, DiscardedOutputIsAtItsEnd) {
  auto pipes = MakeStdioPipes(true);
  ASSERT_TRUE(pipes.ok());
  EXPECT_TRUE(WriteAll(pipes->child_output.get(), AsBytes(std::string(1 << 20, 'a'))).ok());
  EXPECT_EQ(pipes->output->Read(10).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(pipes->error->Read(10).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Stream, TerminalServesBothDirections) {
  int master = -1, terminal = -1;
  ASSERT_EQ(openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
  const auto stream = Stream::Create(UniqueFd(master));
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE(WriteAll(terminal, AsBytes("out")).ok());
  EXPECT_EQ(*(*stream)->Read(10), "out");
  EXPECT_EQ(*(*stream)->Write("in\n"), 3u);
  char line[8];
  EXPECT_EQ(read(terminal, line, sizeof(line)), 3);
  close(terminal);
  auto rest = (*stream)->Read(10);  // the echo of "in", then the end
  while (rest.ok()) rest = (*stream)->Read(10);
  EXPECT_EQ(rest.status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace nacre::guest_agent
