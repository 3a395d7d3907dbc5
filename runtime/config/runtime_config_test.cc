#include "runtime/config/runtime_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

constexpr char kSmallest[] = "[hypervisor]\nkernel = \"/k\"\ninitrd = \"/i\"\n";

TEST(RuntimeConfig, SmallestFileTakesDefaults) {
  const auto config = ParseRuntimeConfig(kSmallest, "runtime.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hypervisor.path, "/usr/bin/qemu-system-x86_64");
  EXPECT_EQ(config->hypervisor.accelerator, AcceleratorChoice::kAuto);
  EXPECT_EQ(config->hypervisor.tee, Tee::kNone);
  EXPECT_EQ(config->hypervisor.vcpus, 1u);
  EXPECT_EQ(config->network.mode, NetworkMode::kUser);
  EXPECT_EQ(config->scratch_disk.size_mib, 0u);
  EXPECT_EQ(config->scratch_disk.folder, "/var/lib/nacre/scratch");
  EXPECT_EQ(config->runtime.state_dir, "/run/nacre");
  EXPECT_THAT(config->runtime.enable_annotations, ::testing::ElementsAre("cc_init_data"));
}

TEST(RuntimeConfig, EveryKeyIsRead) {
  const auto config = ParseRuntimeConfig(R"(
[hypervisor]
path = "/opt/qemu"
accelerator = "tcg"
agent_channel = "vsock"
tee = "emulated-snp"
firmware = "/f"
kernel = "/k"
initrd = "/i"
kernel_params = "a=b"
vcpu_type = "EPYC-Milan"
vcpus = 4
memory_mib = 2048
[emulator]
path = "/e"
dir = "/d"
[network]
mode = "none"
[scratch_disk]
size_mib = 64
folder = "/x"
[runtime]
state_dir = "/s"
create_timeout_ms = 120000
enable_annotations = ["kernel_params", "cc_init_data"]
)",
                                         "runtime.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hypervisor.accelerator, AcceleratorChoice::kTcg);
  EXPECT_EQ(config->hypervisor.agent_channel, AgentChannel::kVsock);
  EXPECT_EQ(config->hypervisor.tee, Tee::kEmulatedSnp);
  EXPECT_EQ(config->hypervisor.firmware, "/f");
  EXPECT_EQ(config->hypervisor.kernel_params, "a=b");
  EXPECT_EQ(config->hypervisor.vcpu_type, "EPYC-Milan");
  EXPECT_EQ(config->hypervisor.vcpus, 4u);
  EXPECT_EQ(config->hypervisor.memory_mib, 2048u);
  EXPECT_EQ(config->emulator.path, "/e");
  EXPECT_EQ(config->emulator.dir, "/d");
  EXPECT_EQ(config->network.mode, NetworkMode::kNone);
  EXPECT_EQ(config->scratch_disk.size_mib, 64u);
  EXPECT_EQ(config->scratch_disk.folder, "/x");
  EXPECT_EQ(config->runtime.create_timeout_ms, 120000u);
}

struct Refusal {
  const char* name;
  const char* text;     // appended to the smallest file; overrides use [table] of their own
  const char* message;  // a part of what is said
};

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, NamesTheKey) {
  const auto config = ParseRuntimeConfig(GetParam().text, "runtime.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(Message(config.status())), HasSubstr("runtime.toml"));
  EXPECT_THAT(std::string(Message(config.status())), HasSubstr(GetParam().message));
}

#define HYPERVISOR "[hypervisor]\nkernel = \"/k\"\ninitrd = \"/i\"\n"
INSTANTIATE_TEST_SUITE_P(
    Config, Refused,
    ::testing::Values(
        Refusal{"Empty", "", "kernel is required"},
        Refusal{"NoInitrd", "[hypervisor]\nkernel = \"/k\"\n", "initrd is required"},
        Refusal{"NotToml", "[hypervisor\n", "runtime.toml"},
        Refusal{"UnknownTable", HYPERVISOR "[hypervisr]\n", "hypervisor"},
        Refusal{"UnknownKey", HYPERVISOR "vcpu = 2\n", "vcpus"},
        Refusal{"UnknownEmulatorKey", HYPERVISOR "[emulator]\nfolder = \"/x\"\n", "folder"},
        Refusal{"WrongType", HYPERVISOR "vcpus = \"2\"\n", "vcpus"},
        Refusal{"NoVcpus", HYPERVISOR "vcpus = 0\n", "vcpus"},
        Refusal{"TooManyVcpus", HYPERVISOR "vcpus = 65\n", "vcpus"},
        Refusal{"TooLittleMemory", HYPERVISOR "memory_mib = 127\n", "memory_mib"},
        Refusal{"TooMuchMemory", HYPERVISOR "memory_mib = 1048577\n", "memory_mib"},
        Refusal{"BadChannel", HYPERVISOR "agent_channel = \"tcp\"\n", "agent_channel"},
        Refusal{"BadAccelerator", HYPERVISOR "accelerator = \"hvf\"\n", "accelerator"},
        Refusal{"BadTee", HYPERVISOR "tee = \"sgx\"\n", "tee"},
        Refusal{"BadNetwork", HYPERVISOR "[network]\nmode = \"tap\"\n", "mode"},
        Refusal{"SmallScratchDisk", HYPERVISOR "[scratch_disk]\nsize_mib = 63\n", "at least 64"},
        Refusal{"LargeScratchDisk", HYPERVISOR "[scratch_disk]\nsize_mib = 67108865\n", "size_mib"},
        Refusal{"RelativeScratch", HYPERVISOR "[scratch_disk]\nfolder = \"x\"\n", "absolute"},
        Refusal{"ScratchSizeAsText", HYPERVISOR "[scratch_disk]\nsize_mib = \"1G\"\n", "size_mib"},
        Refusal{"RelativeKernel", "[hypervisor]\nkernel = \"k\"\ninitrd = \"/i\"\n", "absolute"},
        Refusal{"CommaInPath", "[hypervisor]\nkernel = \"/k,x\"\ninitrd = \"/i\"\n", "comma"},
        Refusal{"FirmwareWithoutTee", HYPERVISOR "firmware = \"/f\"\n", "firmware"},
        Refusal{"TeeWithoutFirmware", HYPERVISOR "tee = \"snp\"\n", "firmware is required"},
        Refusal{"EmulationWithoutEmulator",
                HYPERVISOR "tee = \"emulated-snp\"\nfirmware = \"/f\"\n", "[emulator] path"},
        Refusal{"IdBlockWithoutSnp", HYPERVISOR "id_block = \"AA==\"\n", "need tee"},
        Refusal{"IdBlockAlone",
                HYPERVISOR "tee = \"snp\"\nfirmware = \"/f\"\nid_block = \"AA==\"\n",
                "id_block: expected 96 bytes"},
        Refusal{"HardwareUnderTcg",
                HYPERVISOR "tee = \"tdx\"\nfirmware = \"/f\"\naccelerator = \"tcg\"\n", "kvm"},
        Refusal{"TimeoutTooShort", HYPERVISOR "[runtime]\ncreate_timeout_ms = 999\n",
                "create_timeout_ms"},
        Refusal{"UnknownAnnotation", HYPERVISOR "[runtime]\nenable_annotations = [\"path\"]\n",
                "unknown annotation 'path'"}),
    [](const auto& test) { return test.param.name; });

TEST(RuntimeConfig, LimitsAreInclusive) {
  for (const char* line : {"vcpus = 1", "vcpus = 64", "memory_mib = 128", "memory_mib = 1048576"}) {
    EXPECT_TRUE(ParseRuntimeConfig(StrCat(HYPERVISOR, line, "\n"), "f").ok()) << line;
  }
}

class ConfigFile : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("config");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
    path_ = folder_->path() + "/runtime.toml";
    Write(path_, kSmallest);
  }
  void Write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(WriteFile(path, AsBytes(text)).ok());
  }
  void DropIn(std::string_view name, std::string_view text) {
    ASSERT_TRUE(MakeDirectories(path_ + ".d").ok());
    Write(StrCat(path_, ".d/", name), text);
  }
  std::optional<TemporaryDirectory> folder_;
  std::string path_;
};

TEST_F(ConfigFile, LaterDropInsWin) {
  DropIn("20-b.toml", "[hypervisor]\nvcpus = 3\n");
  DropIn("10-a.toml", "[hypervisor]\nvcpus = 2\nmemory_mib = 256\n");
  DropIn("30-c.txt", "not read");
  const auto config = LoadRuntimeConfig(path_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hypervisor.vcpus, 3u);
  EXPECT_EQ(config->hypervisor.memory_mib, 256u);
  EXPECT_EQ(config->hypervisor.kernel, "/k");
}

TEST_F(ConfigFile, DamagedDropInIsNamed) {
  DropIn("10-a.toml", "vcpus =");
  const auto config = LoadRuntimeConfig(path_);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(Message(config.status())), HasSubstr("10-a.toml"));
}

TEST_F(ConfigFile, MissingFileIsNotFound) {
  EXPECT_EQ(LoadRuntimeConfig(path_ + ".none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace nacre::runtime
