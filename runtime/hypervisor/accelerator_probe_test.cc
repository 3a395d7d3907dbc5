#include "runtime/hypervisor/accelerator_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "runtime/hypervisor/probe_image.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

// A hypervisor of the test's own: a shell script in its place.
class AcceleratorProbe : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("probe");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
    options_.hypervisor_path = folder_->path() + "/qemu";
    options_.kernel = "/kernel";
    options_.state_dir = folder_->path() + "/state";
    options_.kvm_device = "/dev/null";
    options_.boot_id_path = folder_->path() + "/boot_id";
    ASSERT_TRUE(WriteFile(options_.boot_id_path, AsBytes("boot-1\n")).ok());
  }
  void Hypervisor(std::string_view script) {
    const std::string text =
        StrCat("#!/bin/sh\necho run >>", folder_->path(), "/runs\n", script, "\n");
    ASSERT_TRUE(WriteFile(options_.hypervisor_path, AsBytes(text), 0700).ok());
  }
  int Runs() {
    const auto text = ReadTextFile(folder_->path() + "/runs", 4096);
    return text.ok() ? static_cast<int>(std::count(text->begin(), text->end(), '\n')) : 0;
  }
  Accelerator Choose(AcceleratorChoice choice = AcceleratorChoice::kAuto) {
    const auto answer = ChooseAccelerator(choice, options_);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->accelerator : Accelerator::kTcg;
  }
  std::optional<TemporaryDirectory> folder_;
  ProbeOptions options_;
};

TEST_F(AcceleratorProbe, ForcedChoicesAskNothing) {
  Hypervisor("exit 1");
  EXPECT_EQ(Choose(AcceleratorChoice::kKvm), Accelerator::kKvm);
  EXPECT_EQ(Choose(AcceleratorChoice::kTcg), Accelerator::kTcg);
  EXPECT_EQ(Runs(), 0);
}

TEST_F(AcceleratorProbe, NoDeviceMeansTcgWithoutAGuest) {
  options_.kvm_device = folder_->path() + "/none";
  Hypervisor("exit 1");
  EXPECT_EQ(Choose(), Accelerator::kTcg);
  EXPECT_EQ(Runs(), 0);
}

TEST_F(AcceleratorProbe, SpeakingGuestMeansKvmAndIsRememberedForThisBoot) {
  Hypervisor("echo noise; echo nacre-probe-alive; exec sleep 100");
  EXPECT_EQ(Choose(), Accelerator::kKvm);
  EXPECT_EQ(Choose(), Accelerator::kKvm);
  EXPECT_EQ(Runs(), 1);
  ASSERT_TRUE(WriteFile(options_.boot_id_path, AsBytes("boot-2\n")).ok());
  EXPECT_EQ(Choose(), Accelerator::kKvm);
  EXPECT_EQ(Runs(), 2);
}

TEST_F(AcceleratorProbe, HangingGuestIsKilledAtTheDeadline) {
  options_.deadline_ms = 50;
  Hypervisor("exec sleep 100");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Choose(), Accelerator::kTcg);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_EQ(Choose(), Accelerator::kTcg);
  EXPECT_EQ(Runs(), 1);
}

TEST_F(AcceleratorProbe, CrashingHypervisorMeansTcg) {
  Hypervisor("echo 'failed to set MSR'; exit 134");
  EXPECT_EQ(Choose(), Accelerator::kTcg);
}

TEST_F(AcceleratorProbe, EndlessNoiseIsBounded) {
  Hypervisor("exec yes");
  EXPECT_EQ(Choose(), Accelerator::kTcg);
}

TEST_F(AcceleratorProbe, DamagedRecordIsAskedAgain) {
  Hypervisor("echo nacre-probe-alive; exec sleep 100");
  ASSERT_TRUE(MakeDirectories(options_.state_dir).ok());
  ASSERT_TRUE(WriteFile(options_.state_dir + "/accelerator.json", AsBytes("{")).ok());
  EXPECT_EQ(Choose(), Accelerator::kKvm);
  EXPECT_EQ(Runs(), 1);
}

TEST_F(AcceleratorProbe, MissingHypervisorIsNamed) {
  const auto answer = ChooseAccelerator(AcceleratorChoice::kAuto, options_);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(answer.status())), HasSubstr(options_.hypervisor_path));
}

TEST(ProbeImage, InitIsAProgramThatSaysTheMarker) {
  auto folder = TemporaryDirectory::Create("probe");
  ASSERT_TRUE(folder.ok());
  const std::string path = folder->path() + "/init";
  ASSERT_TRUE(WriteFile(path, ProbeInit(), 0700).ok());
  SubprocessOptions options;
  options.argv = {path};
  const auto result = RunCommand(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit.code, 0);
  EXPECT_EQ(result->out, StrCat(kProbeMarker, "\n"));
}

TEST(ProbeImage, InitrdIsACpioArchive) {
  SubprocessOptions options;
  options.argv = {"cpio", "-it", "--quiet"};
  const auto result = RunCommand(options, ProbeInitrd());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit.code, 0) << result->err;
  EXPECT_EQ(result->out, "init\n");
}

}  // namespace
}  // namespace nacre::runtime
