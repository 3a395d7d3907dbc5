#include "runtime/hypervisor/virtual_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <future>

#include "base/file.h"
#include "base/strings.h"
#include "runtime/hypervisor/guest_cid.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

// A shell script stands in for QEMU: it gets the same descriptors (3 console, 4 QMP, 5 agent).
class Vm : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("vm");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
    plan_.sandbox_id = "pod";
    plan_.sandbox_dir = folder_->path() + "/state/default/pod";
    plan_.hypervisor_path = folder_->path() + "/qemu";
    plan_.kernel = plan_.initrd = "/none";
    plan_.agent_channel = AgentChannel::kVirtioSerial;
  }
  absl::Status Start(std::string_view script) {
    RETURN_IF_ERROR(
        WriteFile(plan_.hypervisor_path, AsBytes(StrCat("#!/bin/sh\n", script, "\n")), 0700));
    ASSIGN_OR_RETURN(SandboxFiles files, MakeSandboxFiles(plan_));
    ASSIGN_OR_RETURN(vm_, VirtualMachine::Start(plan_, files, Accelerator::kTcg,
                                                [this](const VmExit& e) { exit_.set_value(e); }));
    return absl::OkStatus();
  }
  VmExit Exit() { return exit_.get_future().get(); }
  std::string File(std::string_view name) {
    const auto text = ReadTextFile(StrCat(plan_.sandbox_dir, "/", name), 1 << 20);
    return text.ok() ? *text : "";
  }
  std::optional<TemporaryDirectory> folder_;
  SandboxPlan plan_;
  std::promise<VmExit> exit_;
  std::unique_ptr<VirtualMachine> vm_;
};

TEST_F(Vm, GuestsLastWordsAreKnownWhenItEnds) {
  ASSERT_TRUE(
      Start("printf '{\"event\":\"agent_refused\",\"error\":\"wrong initdata\"}\\n' >&3; exit 3")
          .ok());
  const VmExit exit = Exit();
  EXPECT_EQ(exit.status.code, 3);
  EXPECT_EQ(exit.reason, "wrong initdata");
  EXPECT_TRUE(vm_->WaitForExit(10000));
  EXPECT_TRUE(vm_->exited());
}

TEST_F(Vm, QemusOwnErrorIsTheReasonOfASilentGuest) {
  ASSERT_TRUE(Start("echo first >&2; echo 'qemu: could not open kernel' >&2; exit 1").ok());
  EXPECT_EQ(Exit().reason, "qemu: could not open kernel");
}

TEST_F(Vm, KillEndsItAndTheRecordNamesIt) {
  ASSERT_TRUE(Start("exec sleep 1000").ok());
  EXPECT_THAT(File("processes"), HasSubstr(StrCat("qemu ", vm_->pid(), " ")));
  EXPECT_FALSE(vm_->exited());
  vm_->Kill();
  const VmExit exit = Exit();
  EXPECT_TRUE(exit.status.signaled);
  EXPECT_EQ(exit.status.code, 128 + SIGKILL);
}

TEST_F(Vm, DestructionLeavesNothingRunning) {
  ASSERT_TRUE(Start("exec sleep 1000").ok());
  const pid_t pid = vm_->pid();
  vm_.reset();
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(Exit().status.code, 128 + SIGKILL);
}

TEST_F(Vm, StopAsksQemuToQuit) {
  ASSERT_TRUE(Start("printf '{\"QMP\":{}}\\r\\n' >&4; read -r line <&4\n"
                    "printf '{\"return\":{},\"id\":51866}\\r\\n' >&4; read -r line <&4\n"
                    "printf '{\"return\":{},\"id\":1}\\r\\n' >&4; exit 0")
                  .ok());
  vm_->Stop(10000);
  EXPECT_TRUE(vm_->exited());
  EXPECT_EQ(Exit().status.code, 0);
}

TEST_F(Vm, StopKillsADeafQemu) {
  ASSERT_TRUE(Start("exec sleep 1000").ok());
  vm_->Stop(1);
  EXPECT_EQ(Exit().status.code, 128 + SIGKILL);
}

TEST_F(Vm, AgentChannelIsConnectedFromTheStart) {
  ASSERT_TRUE(Start("head -c 5 <&5 >&5; exec sleep 1000").ok());
  const auto agent = vm_->ConnectAgent(0);
  ASSERT_TRUE(agent.ok()) << agent.status();
  ASSERT_TRUE(WriteAll(agent->get(), AsBytes("hello")).ok());
  uint8_t answer[5];
  ASSERT_TRUE(ReadExact(agent->get(), answer).ok());
  EXPECT_EQ(AsText(answer), "hello");
}

TEST_F(Vm, VsockIsNotReplacedBySomethingElse) {
  if (PathExists(kVhostVsock)) GTEST_SKIP() << "this host has " << kVhostVsock;
  plan_.agent_channel = AgentChannel::kVsock;
  const absl::Status status = Start("exec sleep 1000");
  EXPECT_THAT(Message(status), HasSubstr("agent_channel: vsock needs /dev/vhost-vsock"));
}

TEST_F(Vm, DeadEmulatorEndsTheVmAndIsNamed) {
  plan_.tee = Tee::kEmulatedSnp;
  plan_.firmware = "/none";
  plan_.emulator_path = folder_->path() + "/emulator";
  plan_.emulator_dir = "/none";
  ASSERT_TRUE(
      WriteFile(plan_.emulator_path, AsBytes("#!/bin/sh\necho 'no keys' >&2; exit 1\n"), 0700)
          .ok());
  ASSERT_TRUE(Start("exec sleep 1000").ok());
  const VmExit exit = Exit();
  EXPECT_THAT(exit.reason, HasSubstr("TEE emulator ended with code 1: no keys"));
  EXPECT_THAT(File("launch.json"), HasSubstr("nacre.launch/1"));
}

TEST_F(Vm, MissingProgramsAreNamed) {
  const auto files = MakeSandboxFiles(plan_);
  ASSERT_TRUE(files.ok());
  const auto vm = VirtualMachine::Start(plan_, *files, Accelerator::kTcg, [](const VmExit&) {});
  EXPECT_EQ(vm.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(vm.status())), HasSubstr(plan_.hypervisor_path));
}

TEST_F(Vm, OneIdIsOneSandbox) {
  ASSERT_TRUE(MakeSandboxFiles(plan_).ok());
  EXPECT_EQ(MakeSandboxFiles(plan_).status().code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace nacre::runtime
