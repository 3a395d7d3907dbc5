#include "tee/select_source.h"

#include <dirent.h>

#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "tee/configfs_tsm.h"
#include "tee/emulator/client.h"
#include "tee/sev/guest_device.h"
#include "tee/tdx/guest_device.h"

namespace nacre::tee {
namespace {

constexpr std::string_view kArgument = "nacre.tee=";

// True when the command line asks for the emulator.
absl::StatusOr<bool> WantsEmulator(std::string_view command_line) {
  bool found = false;
  for (std::string_view argument : StrSplit(command_line, ' ')) {
    argument = StripSpace(argument);
    if (!argument.starts_with(kArgument)) continue;
    if (found) return absl::InvalidArgumentError("kernel argument nacre.tee stands twice");
    if (argument.substr(kArgument.size()) != "emulated") {
      return absl::InvalidArgumentError(
          StrCat("kernel argument '", argument, "': the only value known is 'emulated'"));
    }
    found = true;
  }
  return found;
}

// Entries of a folder, "." and ".." left out; none when it does not exist.
std::vector<std::string> ListFolder(const std::string& path) {
  std::vector<std::string> names;
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return names;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  closedir(folder);
  return names;
}

// The device of the virtio-serial port with this name: <folder>/<device>/name holds the name.
absl::StatusOr<std::string> FindPort(const EvidenceSourceOptions& options) {
  for (const std::string& device : ListFolder(options.virtio_ports_folder)) {
    const auto name = ReadTextFile(StrCat(options.virtio_ports_folder, "/", device, "/name"), 4096);
    if (name.ok() && StripSpace(*name) == options.emulator_port_name) {
      return StrCat(options.device_folder, "/", device);
    }
  }
  return absl::UnavailableError(StrCat("the command line says nacre.tee=emulated, but ",
                                       options.virtio_ports_folder, " has no port named ",
                                       options.emulator_port_name));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EvidenceSource>> SelectEvidenceSource(
    std::string_view kernel_command_line, const EvidenceSourceOptions& options) {
  ASSIGN_OR_RETURN(const bool wants_emulator, WantsEmulator(kernel_command_line));
  auto tsm = ConfigfsTsmSource::Create(options.tsm_report_folder);
  if (!tsm.ok() && !absl::IsNotFound(tsm.status())) return tsm.status();
  if (tsm.ok() && (*tsm)->HasProvider()) return std::unique_ptr<EvidenceSource>(*std::move(tsm));
  const std::string snp_device = options.device_folder + "/sev-guest";
  if (PathExists(snp_device)) {
    return std::unique_ptr<EvidenceSource>(new sev::GuestDeviceSource(snp_device));
  }
  const std::string tdx_device = options.device_folder + "/tdx_guest";
  if (PathExists(tdx_device)) {
    return std::unique_ptr<EvidenceSource>(new tdx::GuestDeviceSource(tdx_device, options.qgs));
  }
  if (!wants_emulator) {
    return absl::UnavailableError(StrCat("no evidence source: ", options.tsm_report_folder, ", ",
                                         snp_device, " and ", tdx_device,
                                         " are absent or have no TEE behind them and the kernel "
                                         "command line does not say nacre.tee=emulated"));
  }
  ASSIGN_OR_RETURN(const std::string port, FindPort(options));
  return std::unique_ptr<EvidenceSource>(new emulator::EmulatedEvidenceSource(port));
}

}  // namespace nacre::tee
