#include "runtime/hypervisor/qemu_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kInitdata[] =
    "version = \"0.1.0\"\nalgorithm = \"sha256\"\n\n[data]\n\"nacre.toml\" = \"\"\n";

SandboxPlan Plan(Tee tee) {
  SandboxPlan plan;
  plan.sandbox_id = "pod-1";
  plan.hypervisor_path = "/usr/bin/qemu-system-x86_64";
  plan.tee = tee;
  plan.firmware = tee == Tee::kNone ? "" : "/usr/lib/nacre/firmware.fd";
  plan.kernel = "/usr/lib/nacre/vmlinuz";
  plan.initrd = "/usr/lib/nacre/initrd";
  plan.command_line = "console=ttyS0";
  plan.vcpu_type = "EPYC-v4";
  plan.vcpus = 2;
  plan.memory_mib = 768;
  plan.network = NetworkMode::kUser;
  if (tee != Tee::kNone) plan.initdata = kInitdata;
  return plan;
}

VmResources Resources(Tee tee) {
  VmResources resources;
  const bool hardware = tee == Tee::kSnp || tee == Tee::kTdx;
  resources.accelerator = hardware ? Accelerator::kKvm : Accelerator::kTcg;
  resources.console_fd = 3;
  resources.qmp_fd = 4;
  resources.agent_fd = 5;
  if (tee == Tee::kEmulatedSnp) resources.tee_fd = 6;
  if (tee == Tee::kSnp) resources.sev = SevHostFacts{};
  if (tee == Tee::kTdx) resources.quote_service_socket = "/var/run/tdx-qgs/qgs.socket";
  resources.initdata_fd = 9;
  return resources;
}

class Golden : public ::testing::TestWithParam<Tee> {};

std::string GoldenFile(std::string_view name) {
  return StrCat(NACRE_SOURCE_DIR, "/runtime/hypervisor/testdata/", name, ".argv");
}

// To renew the files after a wanted change: NACRE_UPDATE_GOLDEN=1 runtime_hypervisor_test
TEST_P(Golden, CommandLineIsWhatTheFileSays) {
  const auto argv = QemuCommand(Plan(GetParam()), Resources(GetParam()));
  ASSERT_TRUE(argv.ok()) << argv.status();
  const std::string text = StrJoin(*argv, "\n") + "\n";
  const std::string path = GoldenFile(TeeName(GetParam()));
  if (getenv("NACRE_UPDATE_GOLDEN")) {
    ASSERT_TRUE(WriteFile(path, AsBytes(text)).ok());
  }
  const auto expected = ReadTextFile(path, 64 << 10);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(text, *expected);
}

// The arguments a scratch disk adds, and nothing else, whatever protects the machine.
TEST_P(Golden, AScratchDiskIsWhatItsFileSaysAndNoMore) {
  SandboxPlan plan = Plan(GetParam());
  VmResources resources = Resources(GetParam());
  const auto without = QemuCommand(plan, resources);
  plan.scratch_disk_mib = 4096;
  resources.scratch_fd = 8;
  const auto with = QemuCommand(plan, resources);
  ASSERT_TRUE(without.ok() && with.ok()) << with.status();
  const auto network = std::ranges::find(*without, "-netdev") - without->begin();
  const std::vector<std::string> added(with->begin() + network,
                                       with->end() - (without->size() - network));
  const std::string text = StrJoin(added, "\n") + "\n";
  const std::string path = GoldenFile("scratch-disk");
  if (getenv("NACRE_UPDATE_GOLDEN")) {
    ASSERT_TRUE(WriteFile(path, AsBytes(text)).ok());
  }
  EXPECT_EQ(text, ReadTextFile(path, 64 << 10).value_or("missing"));
  std::vector<std::string> rest(*with);
  rest.erase(rest.begin() + network, rest.begin() + network + added.size());
  EXPECT_EQ(rest, *without);
}

INSTANTIATE_TEST_SUITE_P(EveryTee, Golden,
                         ::testing::Values(Tee::kNone, Tee::kEmulatedSnp, Tee::kSnp, Tee::kTdx),
                         [](const auto& test) {
                           std::string name(TeeName(test.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(QemuCommand, WithoutNetworkThereIsNoCard) {
  SandboxPlan plan = Plan(Tee::kNone);
  plan.network = NetworkMode::kNone;
  const auto argv = QemuCommand(plan, Resources(Tee::kNone));
  ASSERT_TRUE(argv.ok());
  EXPECT_THAT(*argv, Not(Contains(HasSubstr("virtio-net"))));
}

TEST(QemuCommand, TheNodeCacheIsOnePortMore) {
  VmResources resources = Resources(Tee::kEmulatedSnp);
  resources.blobs_fd = 7;
  const auto argv = QemuCommand(Plan(Tee::kEmulatedSnp), resources);
  ASSERT_TRUE(argv.ok());
  EXPECT_THAT(*argv, Contains("socket,id=blobs,fd=7"));
  EXPECT_THAT(*argv, Contains("virtserialport,chardev=blobs,name=org.nacre.blobs.0"));
}

TEST(QemuCommand, KvmUsesTheHostsCpu) {
  VmResources resources = Resources(Tee::kNone);
  resources.accelerator = Accelerator::kKvm;
  const auto argv = QemuCommand(Plan(Tee::kNone), resources);
  ASSERT_TRUE(argv.ok());
  EXPECT_THAT(*argv, Contains("host,pmu=off"));
  EXPECT_THAT(*argv, Contains(HasSubstr("accel=kvm")));
}

TEST(QemuCommand, HardwareTeeWithoutKvmIsRefused) {
  for (Tee tee : {Tee::kSnp, Tee::kTdx}) {
    VmResources resources = Resources(tee);
    resources.accelerator = Accelerator::kTcg;
    EXPECT_EQ(QemuCommand(Plan(tee), resources).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

// {digest, family, image, version 1, SVN, policy}; {algorithms, signatures and keys}.
std::string IdBlock(uint64_t policy) {
  return Base64Encode(ByteWriter().Zeros(80).U32Le(1).U32Le(0).U64Le(policy).Release());
}
std::string IdAuth(uint32_t author) {
  return Base64Encode(ByteWriter().U32Le(1).U32Le(author).Zeros(4088).Release());
}

TEST(QemuCommand, IdBlockGoesToTheFirmware) {
  SandboxPlan plan = Plan(Tee::kSnp);
  plan.id_block = IdBlock(0x30000);
  plan.id_auth = IdAuth(0);
  const auto argv = QemuCommand(plan, Resources(Tee::kSnp));
  ASSERT_TRUE(argv.ok()) << argv.status();
  EXPECT_THAT(*argv,
              Contains(HasSubstr(",id-block=" + plan.id_block + ",id-auth=" + plan.id_auth)));
  EXPECT_THAT(StrJoin(*argv, " "), Not(HasSubstr("author-key-enabled")));
  plan.id_auth = IdAuth(1);
  EXPECT_THAT(*QemuCommand(plan, Resources(Tee::kSnp)),
              Contains(HasSubstr(plan.id_auth + ",author-key-enabled=on")));
}

TEST(QemuCommand, IdBlockOfAnotherPolicyIsRefused) {
  SandboxPlan plan = Plan(Tee::kSnp);
  plan.id_auth = IdAuth(0);
  plan.id_block = IdBlock(0xb0000);
  EXPECT_THAT(std::string(QemuCommand(plan, Resources(Tee::kSnp)).status().message()),
              HasSubstr("guest policy 720896"));
  plan.id_block = "not base64";
  EXPECT_FALSE(QemuCommand(plan, Resources(Tee::kSnp)).ok());
  plan.id_block = Base64Encode(Bytes(95));
  EXPECT_FALSE(QemuCommand(plan, Resources(Tee::kSnp)).ok());
}

TEST(QemuCommand, AgentOnVsockTakesThePlaceOfItsPort) {
  VmResources resources = Resources(Tee::kNone);
  resources.agent_fd = -1;
  resources.vsock = VsockDevice{.fd = 5, .cid = 77};
  const auto argv = QemuCommand(Plan(Tee::kNone), resources);
  ASSERT_TRUE(argv.ok()) << argv.status();
  EXPECT_THAT(*argv, Contains("vhost-vsock-pci,guest-cid=77,vhostfd=5,disable-legacy=on"));
  EXPECT_THAT(StrJoin(*argv, " "), Not(HasSubstr("org.nacre.agent.0")));
}

TEST(QemuCommand, MismatchedResourcesAreRefused) {
  VmResources no_agent = Resources(Tee::kNone);
  no_agent.agent_fd = -1;
  EXPECT_FALSE(QemuCommand(Plan(Tee::kNone), no_agent).ok());

  VmResources two_channels = Resources(Tee::kNone);
  two_channels.vsock = VsockDevice{.fd = 7, .cid = 3};
  EXPECT_FALSE(QemuCommand(Plan(Tee::kNone), two_channels).ok());

  VmResources stray_tee = Resources(Tee::kNone);
  stray_tee.tee_fd = 6;
  EXPECT_FALSE(QemuCommand(Plan(Tee::kNone), stray_tee).ok());

  VmResources no_tee = Resources(Tee::kEmulatedSnp);
  no_tee.tee_fd = -1;
  EXPECT_FALSE(QemuCommand(Plan(Tee::kEmulatedSnp), no_tee).ok());

  VmResources no_port = Resources(Tee::kEmulatedSnp);
  no_port.initdata_fd = -1;
  EXPECT_FALSE(QemuCommand(Plan(Tee::kEmulatedSnp), no_port).ok());

  VmResources stray_scratch = Resources(Tee::kNone);
  stray_scratch.scratch_fd = 8;
  EXPECT_FALSE(QemuCommand(Plan(Tee::kNone), stray_scratch).ok());
  SandboxPlan wants_scratch = Plan(Tee::kNone);
  wants_scratch.scratch_disk_mib = 64;
  EXPECT_FALSE(QemuCommand(wants_scratch, Resources(Tee::kNone)).ok());

  VmResources no_facts = Resources(Tee::kSnp);
  no_facts.sev.reset();
  EXPECT_FALSE(QemuCommand(Plan(Tee::kSnp), no_facts).ok());
}

TEST(QemuCommand, DamagedInitdataIsNotMeasured) {
  SandboxPlan plan = Plan(Tee::kSnp);
  plan.initdata = "not toml [";
  EXPECT_FALSE(QemuCommand(plan, Resources(Tee::kSnp)).ok());
}

}  // namespace
}  // namespace nacre::runtime
