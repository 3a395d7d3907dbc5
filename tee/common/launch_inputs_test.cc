#include "tee/common/launch_inputs.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/status_testing.h"

namespace nacre::tee {
namespace {

LaunchInputs Full() {
  LaunchInputs inputs;
  inputs.firmware_path = "/fw";
  inputs.kernel_path = "/kernel";
  inputs.initrd_path = "/initrd";
  inputs.command_line = "console=ttyS0 \"quoted\"";
  inputs.vcpus = 4;
  inputs.vcpu_type = "EPYC-Milan";
  inputs.guest_features = 0x21;
  inputs.host_data.fill(0xab);
  return inputs;
}

Json Document() { return *ParseJson(*SerializeLaunchInputs(Full())); }

absl::Status ParseStatus(const Json& document) {
  return ParseLaunchInputs(*DumpJson(document)).status();
}

TEST(LaunchInputs, RoundTrip) {
  ASSERT_OK_AND_ASSIGN(const std::string text, SerializeLaunchInputs(Full()));
  ASSERT_OK_AND_ASSIGN(const LaunchInputs read, ParseLaunchInputs(text));
  const LaunchInputs expected = Full();
  EXPECT_EQ(read.mode, expected.mode);
  EXPECT_EQ(read.vmm, expected.vmm);
  EXPECT_EQ(read.firmware_path, expected.firmware_path);
  EXPECT_EQ(read.kernel_path, expected.kernel_path);
  EXPECT_EQ(read.initrd_path, expected.initrd_path);
  EXPECT_EQ(read.command_line, expected.command_line);
  EXPECT_EQ(read.vcpus, expected.vcpus);
  EXPECT_EQ(read.vcpu_type, expected.vcpu_type);
  EXPECT_EQ(read.guest_features, expected.guest_features);
  EXPECT_EQ(read.host_data, expected.host_data);
}

TEST(LaunchInputs, EveryMemberIsRequiredAndNoOtherKnown) {
  const Json all = Document();
  for (const auto& [key, value] : all.items()) {
    Json document = Document();
    document.erase(key);
    EXPECT_STATUS(ParseStatus(document), kInvalidArgument, key);
  }
  Json document = Document();
  document["kernal"] = "x";
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "kernal");
}

TEST(LaunchInputs, MemoryMayBeLeftOutButIsKept) {
  LaunchInputs inputs = Full();
  inputs.mode = LaunchMode::kTdx;
  inputs.memory_bytes = uint64_t{2} << 30;
  ASSERT_OK_AND_ASSIGN(const std::string text, SerializeLaunchInputs(inputs));
  ASSERT_OK_AND_ASSIGN(const LaunchInputs read, ParseLaunchInputs(text));
  EXPECT_EQ(read.memory_bytes, inputs.memory_bytes);
  EXPECT_EQ(read.mode, LaunchMode::kTdx);
  EXPECT_FALSE(Document().contains("memory_bytes"));
}

TEST(LaunchInputs, BadValuesAreNamed) {
  const auto with = [](const char* key, Json value) {
    Json document = Document();
    document[key] = std::move(value);
    return ParseStatus(document);
  };
  EXPECT_STATUS(with("schema", "nacre.launch/2"), kInvalidArgument, "schema");
  EXPECT_STATUS(with("mode", "sgx"), kInvalidArgument, "launch mode 'sgx'");
  EXPECT_STATUS(with("mode", "tdx"), kInvalidArgument, "memory size");
  EXPECT_STATUS(with("vmm", "QEMU"), kInvalidArgument, "VMM profile");
  EXPECT_STATUS(with("vcpus", 0), kInvalidArgument, "vCPUs");
  EXPECT_STATUS(with("vcpus", uint64_t{1} << 32), kInvalidArgument, "vCPUs");
  EXPECT_STATUS(with("vcpus", "1"), kInvalidArgument, "vcpus");
  EXPECT_STATUS(with("guest_features", "33"), kInvalidArgument, "guest_features");
  EXPECT_STATUS(with("guest_features", "0x-1"), kInvalidArgument, "guest_features");
  EXPECT_STATUS(with("guest_features", "0x10000000000000000"), kInvalidArgument, "guest_features");
  EXPECT_STATUS(with("host_data", "ab"), kInvalidArgument, "host_data");
  EXPECT_STATUS(with("host_data", "xy"), kInvalidArgument, "host_data");
  EXPECT_STATUS(with("firmware", ""), kInvalidArgument, "no firmware");
  EXPECT_STATUS(with("kernel", ""), kInvalidArgument, "needs a kernel");
  EXPECT_FALSE(ParseLaunchInputs("[]").ok());
  EXPECT_FALSE(ParseLaunchInputs("").ok());
}

TEST(LaunchInputs, ValidateAtItsBoundaries) {
  LaunchInputs inputs = Full();
  inputs.vcpus = kMaxVcpus;
  EXPECT_OK(inputs.Validate());
  inputs.vcpus = kMaxVcpus + 1;
  EXPECT_FALSE(inputs.Validate().ok());
  inputs = Full();
  inputs.command_line = std::string(kMaxCommandLine, 'a');
  EXPECT_OK(inputs.Validate());
  inputs.command_line += 'a';
  EXPECT_FALSE(inputs.Validate().ok());
  inputs.command_line = std::string("a\0b", 3);
  EXPECT_FALSE(inputs.Validate().ok());
  inputs = LaunchInputs();
  inputs.firmware_path = "/fw";
  EXPECT_OK(inputs.Validate());
  inputs.command_line = "x";
  EXPECT_FALSE(inputs.Validate().ok());
}

}  // namespace
}  // namespace nacre::tee
