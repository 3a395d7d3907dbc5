#include "attestation/harness/load.h"

#include <gmock/gmock.h>

#include "attestation/harness/served_broker.h"
#include "base/status_testing.h"

namespace nacre::attestation::harness {
namespace {

using ::testing::HasSubstr;

TEST(LatenciesTest, PercentilesAreValuesThatWereSeen) {
  Latencies latencies;
  EXPECT_EQ(latencies.Percentile(0.5), 0);
  for (int i = 100; i > 0; --i) latencies.Add(i);
  latencies.Sort();
  EXPECT_EQ(latencies.Percentile(0), 1);
  EXPECT_EQ(latencies.Percentile(0.5), 50);
  EXPECT_EQ(latencies.Percentile(0.99), 99);
  EXPECT_EQ(latencies.Percentile(1), 100);
}

class LoadTest : public ::testing::Test {
 protected:
  LoadReport Run(Guest& guest, const LoadOptions& options, const Target& target) {
    auto probe = Probe::Create(target);
    EXPECT_OK(probe);
    auto report = RunLoad(**probe, guest, options);
    EXPECT_OK(report);
    return *report;
  }
  ServedBroker served;
};

TEST_F(LoadTest, ManyConnectionsOverFewThreads) {
  served.broker.Provision();
  auto guest = ServedBroker::Guest();
  LoadReport report =
      Run(*guest, {.clients = 4, .seconds = 3, .threads = 2, .resource = "default/key/1"},
          served.target());
  EXPECT_GT(report.handshakes(), 0u);
  EXPECT_EQ(report.failures(), 0u) << FormatLoad(report);
  EXPECT_EQ(report.connections, 4u);
  EXPECT_GT(report.latencies["resource"].Percentile(0.5), 0);
  EXPECT_THAT(FormatLoad(report), HasSubstr("handshakes, "));
  EXPECT_EQ(LoadToJson(report)["failures"], 0);
}

TEST_F(LoadTest, RefusalsAreCountedByReason) {
  auto guest = ServedBroker::Guest();  // nobody registered its launch
  LoadReport report =
      Run(*guest, {.clients = 2, .seconds = 1, .keep_alive = false}, served.target());
  EXPECT_EQ(report.handshakes(), 0u);
  EXPECT_GT(report.errors["attest: 401 launch-measurement"], 0u) << FormatLoad(report);
}

TEST_F(LoadTest, ABrokerThatIsNotThereIsAnErrorOfItsOwn) {
  Target target = served.target();
  target.url = "https://127.0.0.1:1";
  auto guest = ServedBroker::Guest();
  LoadReport report = Run(*guest, {.clients = 1, .seconds = 1}, target);
  EXPECT_GT(report.failures(), 0u);
  EXPECT_EQ(report.latencies.size(), 0u);
}

}  // namespace
}  // namespace nacre::attestation::harness
