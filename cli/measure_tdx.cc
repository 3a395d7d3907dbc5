#include "attestation/reference/tdx_reference.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/measure_modes.h"

namespace nacre::cli {
namespace {

using tee::tdx::TdxMeasurement;

absl::Status WriteReference(const MeasureOptions& options, const TdxMeasurement& measurement,
                            int64_t now) {
  attestation::TdxReferenceValue reference = attestation::MakeTdxReference(measurement);
  reference.name = options.name;
  reference.created = now;
  if (options.valid_days > 0) reference.expires = now + options.valid_days * kSecondsPerDay;
  ASSIGN_OR_RETURN(const std::string text, attestation::SerializeTdxReference(reference));
  return WriteReferenceFile(options, text);
}

absl::StatusOr<std::string> AsJson(const TdxMeasurement& measurement) {
  Json out = {{"mode", "tdx"},
              {"mrtd", HexEncode(measurement.mrtd)},
              {"firmware_sha256", HexEncode(measurement.firmware_sha256)},
              {"memory_bytes", measurement.memory_bytes},
              {"rtmr_profile", FormatRtmrProfile(measurement.options.profile)}};
  for (size_t i = 0; i < measurement.rtmr.size(); ++i) {
    if (measurement.rtmr[i]) out[StrCat("rtmr", i)] = HexEncode(*measurement.rtmr[i]);
  }
  if (!measurement.kernel_sha256.empty()) {
    out["kernel_sha256"] = HexEncode(measurement.kernel_sha256);
    out["command_line"] = measurement.command_line;
  }
  if (!measurement.initrd_sha256.empty()) {
    out["initrd_sha256"] = HexEncode(measurement.initrd_sha256);
  }
  out["events"] = Json::array();
  for (const tee::tdx::RtmrEvent& event : measurement.events) {
    out["events"].push_back(
        {{"rtmr", event.index}, {"name", event.name}, {"digest", HexEncode(event.digest)}});
  }
  ASSIGN_OR_RETURN(std::string text, DumpJson(out, 2));
  return text + "\n";
}

void FileRow(std::string_view part, const std::string& path, const Bytes& sha256,
             std::string* out) {
  MeasureRow(part, path.empty() ? "none" : path, out);
  if (!path.empty()) MeasureRow("", StrCat("sha256:", HexEncode(sha256)), out);
}

std::string RegisterText(const TdxMeasurement& measurement, size_t index) {
  if (measurement.rtmr[index]) return HexEncode(*measurement.rtmr[index]);
  if (measurement.kernel_sha256.empty()) return "not computed: no kernel is given";
  return "not computed: needs QEMU's ACPI tables (--acpi)";
}

std::string AsText(const tee::LaunchInputs& inputs, const TdxMeasurement& measurement) {
  std::string out = "launch measurement (tdx)\n";
  MeasureRow("MRTD", HexEncode(measurement.mrtd), &out);
  for (size_t i = 0; i < measurement.rtmr.size(); ++i) {
    MeasureRow(StrCat("RTMR", i), RegisterText(measurement, i), &out);
  }
  StrAppend(&out, "inputs\n");
  FileRow("firmware", inputs.firmware_path, measurement.firmware_sha256, &out);
  if (!measurement.kernel_sha256.empty()) {
    FileRow("kernel", inputs.kernel_path, measurement.kernel_sha256, &out);
    FileRow("initrd", inputs.initrd_path, measurement.initrd_sha256, &out);
    MeasureRow("command line", measurement.command_line, &out);
    MeasureRow("memory", StrCat(measurement.memory_bytes >> 20, " MiB"), &out);
    MeasureRow("RTMR profile", FormatRtmrProfile(measurement.options.profile), &out);
  }
  if (!measurement.events.empty()) StrAppend(&out, "events\n");
  for (const tee::tdx::RtmrEvent& event : measurement.events) {
    StrAppend(&out, "  RTMR", event.index, "  ", event.name, "\n");
    MeasureRow("", HexEncode(event.digest), &out);
  }
  return out;
}

}  // namespace

absl::StatusOr<tee::tdx::TdxLaunchOptions> TdxOptions(const MeasureOptions& options) {
  tee::tdx::TdxLaunchOptions out;
  out.acpi_folder = options.acpi;
  ASSIGN_OR_RETURN(out.profile, tee::tdx::ParseRtmrProfile(options.rtmr_profile), "--rtmr-profile");
  if (options.mrtd_order == "per-section") {
    out.order = tee::tdx::MrtdOrder::kPerSection;
  } else if (options.mrtd_order != "per-page") {
    return absl::InvalidArgumentError(
        StrCat("--mrtd-order: '", options.mrtd_order, "' is neither per-page nor per-section"));
  }
  return out;
}

absl::StatusOr<std::string> MeasureTdx(const MeasureOptions& options,
                                       const tee::LaunchInputs& inputs, int64_t now) {
  ASSIGN_OR_RETURN(const auto launch_options, TdxOptions(options));
  ASSIGN_OR_RETURN(const auto files, ReadTdxLaunchFiles(inputs, launch_options));
  ASSIGN_OR_RETURN(const TdxMeasurement measurement,
                   MeasureTdxLaunch(inputs, launch_options, files));
  if (!options.reference.empty()) {
    RETURN_IF_ERROR(WriteReference(options, measurement, now));
  }
  if (options.json) return AsJson(measurement);
  return AsText(inputs, measurement);
}

}  // namespace nacre::cli
