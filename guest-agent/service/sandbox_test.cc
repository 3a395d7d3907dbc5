#include "guest-agent/service/sandbox.h"

#include <gtest/gtest.h>

#include "guest-agent/limits.h"
#include "guest-agent/service/await_device.h"

namespace nacre::guest_agent {
namespace {

google::protobuf::RepeatedPtrField<std::string> Entries(std::vector<std::string> entries) {
  return {entries.begin(), entries.end()};
}

TEST(ResolvConf, TakesAddressesAndLines) {
  EXPECT_EQ(*ResolvConf({}), "");
  EXPECT_EQ(*ResolvConf(Entries({"10.0.2.3", "", "fec0::3", "search a.b c", "options ndots:5"})),
            "nameserver 10.0.2.3\nnameserver fec0::3\nsearch a.b c\noptions ndots:5\n");
}

TEST(ResolvConf, RefusesAnythingElse) {
  for (const char* bad : {"dns.example.org", "nameserver", "search a\nnameserver 6.6.6.6",
                          "include /etc/x", " 10.0.2.3", "search caf\xc3\xa9"})
    EXPECT_FALSE(ResolvConf(Entries({bad})).ok()) << bad;
  EXPECT_TRUE(ResolvConf(Entries({"search " + std::string(249, 'a')})).ok());
  EXPECT_FALSE(ResolvConf(Entries({"search " + std::string(250, 'a')})).ok());
  EXPECT_TRUE(ResolvConf(Entries(std::vector<std::string>(kMaxDnsLines, "1.1.1.1"))).ok());
  EXPECT_FALSE(ResolvConf(Entries(std::vector<std::string>(kMaxDnsLines + 1, "1.1.1.1"))).ok());
}

TEST(CheckSandbox, RefusesWhatCannotBeHonoured) {
  grpc::CreateSandboxRequest request;
  request.set_hostname("pod");
  EXPECT_TRUE(CheckSandbox(request).ok());
  request.set_sandbox_pidns(true);
  EXPECT_FALSE(CheckSandbox(request).ok());
  request.set_sandbox_pidns(false);
  request.set_guest_hook_path("/hooks");
  EXPECT_FALSE(CheckSandbox(request).ok());
  request.clear_guest_hook_path();
  request.add_kernel_modules()->set_name("evil");
  EXPECT_FALSE(CheckSandbox(request).ok());
  request.clear_kernel_modules();
  request.add_storages()->set_driver("virtio-fs");
  EXPECT_FALSE(CheckSandbox(request).ok());
}

TEST(Hostname, RefusesWhatIsNone) {
  EXPECT_TRUE(SetHostname("").ok());
  EXPECT_FALSE(SetHostname("a b").ok());
  EXPECT_FALSE(SetHostname("a\n").ok());
  EXPECT_FALSE(SetHostname(std::string(65, 'a')).ok());
}

TEST(Time, IsBoundedAndTighterOnceAttested) {
  constexpr int64_t kNow = 1790000000;
  EXPECT_TRUE(CheckTime(1735689600, 0, kNow, false).ok());
  EXPECT_FALSE(CheckTime(1735689599, 0, kNow, false).ok());
  EXPECT_TRUE(CheckTime(4102444799, 999999, kNow, false).ok());
  EXPECT_FALSE(CheckTime(4102444800, 0, kNow, false).ok());
  EXPECT_FALSE(CheckTime(kNow, 1000000, kNow, false).ok());
  EXPECT_FALSE(CheckTime(kNow, -1, kNow, false).ok());
  EXPECT_FALSE(CheckTime(INT64_MIN, 0, kNow, false).ok());
  for (const int64_t step : {-3600, 0, 3600})
    EXPECT_TRUE(CheckTime(kNow + step, 0, kNow, true).ok());
  for (const int64_t step : {-3601, 3601}) EXPECT_FALSE(CheckTime(kNow + step, 0, kNow, true).ok());
}

TEST(Entropy, SizeIsBounded) {
  EXPECT_FALSE(AddEntropy("").ok());
  EXPECT_TRUE(AddEntropy("x").ok());
  EXPECT_TRUE(AddEntropy(std::string(kMaxRandomSeed, 'x')).ok());
  EXPECT_FALSE(AddEntropy(std::string(kMaxRandomSeed + 1, 'x')).ok());
}

TEST(AwaitDevice, ReturnsAtOnceOrSaysWhatIsMissing) {
  EXPECT_TRUE(AwaitDevice(
                  "port", [] { return true; }, 0)
                  .ok());
  int looks = 0;
  EXPECT_TRUE(AwaitDevice(
                  "port", [&] { return ++looks == 2; }, 10000)
                  .ok());
  EXPECT_EQ(AwaitDevice(
                "port", [] { return false; }, 1)
                .code(),
            absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace nacre::guest_agent
