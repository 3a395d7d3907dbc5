#include "tee/eventlog/runtime_extend.h"

#include "base/file.h"
#include "base/status_testing.h"
#include "tee/eventlog/log_writer.h"

namespace nacre::tee::eventlog {
namespace {

const std::vector<Bank> kTwo = {Bank::kSha256, Bank::kSha384};

class RuntimeExtendTest : public ::testing::Test {
 protected:
  TemporaryDirectory folder_ = *TemporaryDirectory::Create("extend");
  std::string path_ = folder_.path() + "/log";
};

TEST_F(RuntimeExtendTest, JoinedLogsReplayAsOne) {
  Bytes firmware = LogHeader(kTwo);
  const Bytes separator = EncodeMeasuredEvent(8, kSeparator, kTwo, Bytes(4), Bytes(4));
  firmware.insert(firmware.end(), separator.begin(), separator.end());
  Bytes padded = firmware;
  padded.resize(firmware.size() + 100, 0xff);
  EXPECT_EQ(*JoinLogs(padded, Registers::kPcr, path_), firmware);
  for (uint8_t i = 1; i < 3; ++i) {
    ASSERT_OK(AppendEvent(path_, kTwo, 8, kEventTag, {Bytes(32, i), Bytes(48, i)}, Bytes{i}));
  }
  ASSERT_OK_AND_ASSIGN(Bytes joined, JoinLogs(padded, Registers::kPcr, path_));
  ASSERT_OK_AND_ASSIGN(EventLog log, EventLog::Parse(joined, Registers::kPcr));
  EXPECT_EQ(log.size(), 4u);
  Bytes expected = Extended(Bank::kSha256, Bytes(32), BankDigest(Bank::kSha256, Bytes(4)));
  for (uint8_t i = 1; i < 3; ++i) expected = Extended(Bank::kSha256, expected, Bytes(32, i));
  EXPECT_EQ(Replay(log, Bank::kSha256)->at(8), expected);
}

TEST_F(RuntimeExtendTest, LogsOfOtherBanksDoNotJoin) {
  ASSERT_OK(AppendEvent(path_, {Bank::kSha384}, 4, kEventTag, {Bytes(48)}, {}));
  EXPECT_STATUS(JoinLogs(LogHeader(kTwo), Registers::kRtmr, path_), kInvalidArgument, "same banks");
  EXPECT_OK(JoinLogs(LogHeader({Bank::kSha384}), Registers::kRtmr, path_));
  EXPECT_STATUS(JoinLogs({}, Registers::kRtmr, path_), kInvalidArgument, "event log");
  EXPECT_STATUS(AppendEvent(path_, kTwo, 8, kEventTag, {Bytes(32)}, {}), kInvalidArgument,
                "one digest for each bank");
  EXPECT_STATUS(AppendEvent(path_, kTwo, 8, kEventTag, {Bytes(32), Bytes(32)}, {}),
                kInvalidArgument, "32 bytes for sha384");
}

TEST_F(RuntimeExtendTest, RtmrThroughItsFile) {
  const std::string file = folder_.path() + "/rtmr3:sha384";
  EXPECT_STATUS(ExtendRtmr(folder_.path(), 3, Bytes(48, 7)), kNotFound, "rtmr3");
  ASSERT_OK(WriteFile(file, {}));
  ASSERT_OK(ExtendRtmr(folder_.path(), 3, Bytes(48, 7)));
  EXPECT_EQ(*ReadFile(file, 100), Bytes(48, 7));
  EXPECT_STATUS(ExtendRtmr(folder_.path(), 3, Bytes(32)), kInvalidArgument, "32 bytes");
  EXPECT_STATUS(ExtendRtmr(folder_.path(), 1, Bytes(48)), kInvalidArgument, "RTMR1");
  EXPECT_STATUS(ExtendRtmr(folder_.path(), 4, Bytes(48)), kInvalidArgument, "RTMR4");
}

}  // namespace
}  // namespace nacre::tee::eventlog
