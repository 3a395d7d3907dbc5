#include "tee/tpm/predict.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "tee/eventlog/log_writer.h"
#include "tee/tdx/test_firmware.h"

namespace nacre::tee::tpm {
namespace {

using eventlog::Bank;

class PredictTest : public ::testing::Test {
 protected:
  PredictTest() {
    inputs_.kernel = kernel_;
    inputs_.initrd = initrd_;
    inputs_.command_line = "console=ttyS0";
    inputs_.memory_bytes = 512 << 20;
  }

  // A log that says exactly what was predicted, but for what `change` does.
  static Bytes LogOf(std::vector<PredictedEvent> events) {
    ByteWriter log;
    log.Put(eventlog::LogHeader({Bank::kSha256}));
    for (const PredictedEvent& event : events) {
      log.Put(eventlog::EncodeEvent(event.pcr, eventlog::kEventTag, {Bank::kSha256}, {event.digest},
                                    {}));
    }
    return log.Release();
  }

  Bytes kernel_ = tdx::BuildTestKernel("6.1.0", Bytes(4096, 1));
  Bytes initrd_ = ToBytes("initrd");
  BootInputs inputs_;
};

TEST_F(PredictTest, NamesTheEventThatDiffers) {
  ASSERT_OK_AND_ASSIGN(PcrPrediction good, PredictPcrs(inputs_, Bank::kSha256));
  EXPECT_EQ(*FirstDifference(good, LogOf(good.events)), "");
  inputs_.command_line += " x";
  ASSERT_OK_AND_ASSIGN(PcrPrediction other, PredictPcrs(inputs_, Bank::kSha256));
  EXPECT_NE(other.pcrs.at(9), good.pcrs.at(9));
  EXPECT_EQ(other.pcrs.at(7), good.pcrs.at(7));
  EXPECT_NE(FirstDifference(other, LogOf(good.events))->find("expected"), std::string::npos);
  std::vector<PredictedEvent> events = good.events;
  events.pop_back();
  EXPECT_NE(FirstDifference(good, LogOf(events))->find("the log has nothing"), std::string::npos);
  events = good.events;
  events.push_back({9, "extra", Bytes(32)});
  EXPECT_EQ(*FirstDifference(good, LogOf(events)), "PCR 9: the log has 1 events more");
  EXPECT_STATUS(FirstDifference(good, {}), kInvalidArgument, "event log");
}

TEST_F(PredictTest, RegistersWithoutTheGuestsInputs) {
  ASSERT_OK_AND_ASSIGN(PcrPrediction prediction, PredictPcrs(inputs_, Bank::kSha256));
  // Measured by OVMF 2022.11 on QEMU 7.2 (tests/scenario/tpm_measured_boot.sh compares them all).
  EXPECT_EQ(HexEncode(prediction.pcrs.at(3)),
            "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969");
  EXPECT_EQ(HexEncode(prediction.pcrs.at(5)),
            "a5ceb755d043f32431d63e39f5161464620a3437280494b5850dc1b47cc074e0");
  EXPECT_EQ(HexEncode(prediction.pcrs.at(7)),
            "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068");
  EXPECT_FALSE(prediction.pcrs.contains(0));
}

TEST_F(PredictTest, RefusesWhatItCannotSay) {
  EXPECT_STATUS(PredictPcrs(inputs_, Bank::kSha1), kInvalidArgument, "sha1");
  inputs_.kernel = initrd_;
  EXPECT_STATUS(PredictPcrs(inputs_, Bank::kSha256), kInvalidArgument, "");
}

}  // namespace
}  // namespace nacre::tee::tpm
