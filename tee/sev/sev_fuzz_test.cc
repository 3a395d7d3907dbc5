// Runs the fuzz target over well-formed seeds and over each of them with every byte changed.

#include <gtest/gtest.h>

#include <vector>

#include "base/bytes.h"
#include "tee/common/launch_inputs.h"
#include "tee/emulator/protocol.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace nacre::tee::sev {
namespace {

std::vector<Bytes> Seeds() {
  Report report;
  report.version = 5;
  LaunchInputs inputs;
  inputs.firmware_path = "fw";
  std::vector<Bytes> seeds = {
      SerializeReport(report),
      BuildCertificateTable({{CertificateKind::kVcek, {1, 2}}, {CertificateKind::kCrl, {3}}})
          .value(),
      Bytes(200, 0xff),
      ToBytes(SerializeLaunchInputs(inputs).value()),
      emulator::EncodeFrame({emulator::FrameType::kQuoteRequest, {}, Bytes(64)}),
  };
  for (size_t i = 0; i < seeds.size(); ++i) {
    seeds[i].insert(seeds[i].begin(), static_cast<uint8_t>(i));
  }
  return seeds;
}

TEST(SevFuzz, SeedsAndTheirNeighbours) {
  for (Bytes seed : Seeds()) {
    LLVMFuzzerTestOneInput(seed.data(), seed.size());
    for (size_t i = 1; i < seed.size(); ++i) {
      for (uint8_t flip : {0x01, 0x80, 0xff}) {
        seed[i] ^= flip;
        EXPECT_EQ(LLVMFuzzerTestOneInput(seed.data(), seed.size()), 0);
        seed[i] ^= flip;
      }
      LLVMFuzzerTestOneInput(seed.data(), i);
    }
  }
}

}  // namespace
}  // namespace nacre::tee::sev
