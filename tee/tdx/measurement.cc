#include "tee/tdx/measurement.h"

#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/common/firmware_table.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kMaxImage = size_t{1} << 30;  // of a kernel or an initrd

Bytes Sha256(ByteView data) { return crypto::Digest(crypto::HashAlgorithm::kSha256, data); }

void Keep(int index, std::vector<RtmrEvent> events, TdxMeasurement* out) {
  out->rtmr[static_cast<size_t>(index)] = ReplayRtmr(events);
  out->events.insert(out->events.end(), events.begin(), events.end());
}

absl::Status MeasureBoot(const LaunchInputs& inputs, const TdxLaunchFiles& files,
                         const std::vector<TdvfSection>& sections, TdxMeasurement* out) {
  RtmrInputs boot{files.firmware,      files.kernel, std::nullopt,        inputs.command_line,
                  inputs.memory_bytes, nullptr,      out->options.profile};
  if (files.initrd) boot.initrd = *files.initrd;
  if (files.acpi) {
    boot.acpi = &*files.acpi;
    ASSIGN_OR_RETURN(auto events, ExpectedRtmr0(boot, sections));
    Keep(0, std::move(events), out);
  }
  ASSIGN_OR_RETURN(auto events, ExpectedRtmr1(boot));
  Keep(1, std::move(events), out);
  Keep(2, ExpectedRtmr2(boot), out);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TdxLaunchFiles> ReadTdxLaunchFiles(const LaunchInputs& inputs,
                                                  const TdxLaunchOptions& options) {
  TdxLaunchFiles files;
  ASSIGN_OR_RETURN(files.firmware, ReadFile(inputs.firmware_path, kMaxFirmware), "firmware");
  if (!inputs.kernel_path.empty()) {
    ASSIGN_OR_RETURN(files.kernel, ReadFile(inputs.kernel_path, kMaxImage), "kernel");
  }
  if (!inputs.initrd_path.empty()) {
    ASSIGN_OR_RETURN(files.initrd, ReadFile(inputs.initrd_path, kMaxImage), "initrd");
  }
  if (!options.acpi_folder.empty()) {
    ASSIGN_OR_RETURN(files.acpi, ReadFwCfgFolder(options.acpi_folder));
  }
  return files;
}

absl::StatusOr<TdxMeasurement> MeasureTdxLaunch(const LaunchInputs& inputs,
                                                const TdxLaunchOptions& options,
                                                const TdxLaunchFiles& files) {
  RETURN_IF_ERROR(inputs.Validate());
  ASSIGN_OR_RETURN(const std::vector<TdvfSection> sections, ParseTdvf(files.firmware));
  TdxMeasurement out;
  out.firmware_sha256 = Sha256(files.firmware);
  out.command_line = inputs.command_line;
  out.memory_bytes = inputs.memory_bytes;
  out.options = options;
  out.mrtd = ComputeMrtd(files.firmware, sections, options.order);
  if (inputs.kernel_path.empty()) return out;
  out.kernel_sha256 = Sha256(files.kernel);
  if (files.initrd) out.initrd_sha256 = Sha256(*files.initrd);
  RETURN_IF_ERROR(MeasureBoot(inputs, files, sections, &out));
  return out;
}

}  // namespace nacre::tee::tdx
