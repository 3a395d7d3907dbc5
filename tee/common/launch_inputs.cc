#include "tee/common/launch_inputs.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"

namespace nacre::tee {
namespace {

constexpr std::string_view kSchema = "nacre.launch/1";
constexpr std::string_view kWhere = "launch inputs";

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(kWhere, ": ", message));
}

template <typename Enum, size_t N>
absl::StatusOr<Enum> FromName(const Enum (&values)[N], std::string_view (*name_of)(Enum),
                              std::string_view what, std::string_view name) {
  std::string known;
  for (Enum value : values) {
    if (name == name_of(value)) return value;
    StrAppend(&known, known.empty() ? "" : ", ", name_of(value));
  }
  return absl::InvalidArgumentError(StrCat(what, " '", name, "' is unknown (known: ", known, ")"));
}

}  // namespace

std::string_view LaunchModeName(LaunchMode mode) {
  switch (mode) {
    case LaunchMode::kSev:
      return "sev";
    case LaunchMode::kSevEs:
      return "sev-es";
    case LaunchMode::kSnp:
      return "snp";
    case LaunchMode::kTdx:
      return "tdx";
  }
  return "unknown";
}

absl::StatusOr<LaunchMode> ParseLaunchMode(std::string_view name) {
  static constexpr LaunchMode kAll[] = {LaunchMode::kSev, LaunchMode::kSevEs, LaunchMode::kSnp,
                                        LaunchMode::kTdx};
  return FromName(kAll, LaunchModeName, "launch mode", name);
}

std::string_view VmmProfileName(VmmProfile profile) {
  switch (profile) {
    case VmmProfile::kQemu:
      return "qemu";
    case VmmProfile::kEc2:
      return "ec2";
    case VmmProfile::kEc2V1:
      return "ec2-v1";
    case VmmProfile::kGce:
      return "gce";
  }
  return "unknown";
}

absl::StatusOr<VmmProfile> ParseVmmProfile(std::string_view name) {
  static constexpr VmmProfile kAll[] = {VmmProfile::kQemu, VmmProfile::kEc2, VmmProfile::kEc2V1,
                                        VmmProfile::kGce};
  return FromName(kAll, VmmProfileName, "VMM profile", name);
}

absl::Status LaunchInputs::Validate() const {
  if (firmware_path.empty()) return Refuse("no firmware is given");
  if (vcpus == 0 || vcpus > kMaxVcpus) {
    return Refuse(StrCat("vCPUs: ", vcpus, " is not between 1 and ", kMaxVcpus));
  }
  if (kernel_path.empty() && !initrd_path.empty()) return Refuse("an initrd needs a kernel");
  if (kernel_path.empty() && !command_line.empty()) return Refuse("a command line needs a kernel");
  if (mode == LaunchMode::kTdx && !kernel_path.empty() && memory_bytes == 0) {
    return Refuse("a TDX guest's memory size is measured, and none is given");
  }
  if (command_line.size() > kMaxCommandLine) {
    return Refuse(
        StrCat("command line: ", command_line.size(), " bytes, at most ", kMaxCommandLine));
  }
  if (command_line.find('\0') != std::string::npos) return Refuse("command line holds a NUL");
  return absl::OkStatus();
}

absl::StatusOr<LaunchInputs> ParseLaunchInputs(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseJson(json), kWhere);
  RETURN_IF_ERROR(
      JsonOnlyMembers(document,
                      {"schema", "mode", "vmm", "firmware", "kernel", "initrd", "command_line",
                       "memory_bytes", "vcpus", "vcpu_type", "guest_features", "host_data"},
                      kWhere));
  ASSIGN_OR_RETURN(const std::string schema, JsonString(document, "schema", kWhere));
  if (schema != kSchema) return Refuse(StrCat("schema '", schema, "' is not ", kSchema));
  LaunchInputs inputs;
  ASSIGN_OR_RETURN(const std::string mode, JsonString(document, "mode", kWhere));
  ASSIGN_OR_RETURN(inputs.mode, ParseLaunchMode(mode), kWhere);
  ASSIGN_OR_RETURN(const std::string vmm, JsonString(document, "vmm", kWhere));
  ASSIGN_OR_RETURN(inputs.vmm, ParseVmmProfile(vmm), kWhere);
  ASSIGN_OR_RETURN(inputs.firmware_path, JsonString(document, "firmware", kWhere));
  ASSIGN_OR_RETURN(inputs.kernel_path, JsonString(document, "kernel", kWhere));
  ASSIGN_OR_RETURN(inputs.initrd_path, JsonString(document, "initrd", kWhere));
  ASSIGN_OR_RETURN(inputs.command_line, JsonString(document, "command_line", kWhere));
  if (document.contains("memory_bytes")) {
    ASSIGN_OR_RETURN(inputs.memory_bytes, JsonUint(document, "memory_bytes", kWhere));
  }
  ASSIGN_OR_RETURN(const uint64_t vcpus, JsonUint(document, "vcpus", kWhere));
  inputs.vcpus = static_cast<uint32_t>(std::min<uint64_t>(vcpus, kMaxVcpus + 1));
  ASSIGN_OR_RETURN(inputs.vcpu_type, JsonString(document, "vcpu_type", kWhere));
  ASSIGN_OR_RETURN(const std::string features, JsonString(document, "guest_features", kWhere));
  ASSIGN_OR_RETURN(inputs.guest_features,
                   ParseHexNumber(features, "launch inputs: guest_features"));
  ASSIGN_OR_RETURN(const std::string host_hex, JsonString(document, "host_data", kWhere));
  ASSIGN_OR_RETURN(const Bytes host_data, HexDecode(host_hex), "launch inputs: host_data");
  if (host_data.size() != inputs.host_data.size()) return Refuse("host_data is not 32 bytes");
  std::copy(host_data.begin(), host_data.end(), inputs.host_data.begin());
  RETURN_IF_ERROR(inputs.Validate());
  return inputs;
}

absl::StatusOr<std::string> SerializeLaunchInputs(const LaunchInputs& inputs) {
  RETURN_IF_ERROR(inputs.Validate());
  Json document = {{"schema", kSchema},
                   {"mode", LaunchModeName(inputs.mode)},
                   {"vmm", VmmProfileName(inputs.vmm)},
                   {"firmware", inputs.firmware_path},
                   {"kernel", inputs.kernel_path},
                   {"initrd", inputs.initrd_path},
                   {"command_line", inputs.command_line},
                   {"vcpus", inputs.vcpus},
                   {"vcpu_type", inputs.vcpu_type},
                   {"guest_features", FormatHexNumber(inputs.guest_features)},
                   {"host_data", HexEncode(inputs.host_data)}};
  if (inputs.memory_bytes != 0) document["memory_bytes"] = inputs.memory_bytes;
  return DumpJson(document, 2);
}

}  // namespace nacre::tee
