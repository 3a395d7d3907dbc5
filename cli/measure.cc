#include "cli/measure.h"

#include <cstdio>
#include <ctime>
#include <memory>

#include "attestation/reference/reference_value.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "runtime/config/runtime_config.h"
#include "runtime/sandbox/sandbox_plan.h"
#include "tee/common/hex_number.h"
#include "tee/common/initdata.h"
#include "tee/common/launch_inputs.h"
#include "tee/sev/launch_digest.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxLaunchDocument = 1 << 20;
constexpr int64_t kDay = 24 * 3600;

absl::StatusOr<tee::LaunchInputs> FromConfig(const MeasureOptions& options) {
  ASSIGN_OR_RETURN(const runtime::RuntimeConfig config, runtime::LoadRuntimeConfig(options.config));
  std::optional<std::string> initdata;
  if (!options.initdata.empty()) {
    ASSIGN_OR_RETURN(initdata, ReadTextFile(options.initdata, tee::kMaxInitdataDocument));
  }
  return runtime::ConfigLaunchInputs(config, options.kernel_params, initdata);
}

absl::StatusOr<tee::LaunchInputs> FromLaunchDocument(const MeasureOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(options.launch, kMaxLaunchDocument));
  ASSIGN_OR_RETURN(tee::LaunchInputs inputs, tee::ParseLaunchInputs(text), options.launch);
  return inputs;
}

absl::StatusOr<tee::LaunchInputs> FromParts(const MeasureOptions& options) {
  tee::LaunchInputs inputs;
  ASSIGN_OR_RETURN(inputs.mode, tee::ParseLaunchMode(options.mode), "--mode");
  inputs.firmware_path = options.firmware;
  inputs.kernel_path = options.kernel;
  inputs.initrd_path = options.initrd;
  inputs.command_line = options.append;
  inputs.vcpus = options.vcpus;
  inputs.vcpu_type = options.vcpu_type;
  ASSIGN_OR_RETURN(inputs.guest_features,
                   tee::ParseHexNumber(options.guest_features, "--guest-features"));
  RETURN_IF_ERROR(inputs.Validate());
  return inputs;
}

absl::StatusOr<tee::LaunchInputs> Inputs(const MeasureOptions& options) {
  const int sources = !options.config.empty() + !options.launch.empty() + !options.firmware.empty();
  if (sources != 1) {
    return absl::InvalidArgumentError("give one of --config, --launch and --firmware");
  }
  if (options.config.empty() && (!options.kernel_params.empty() || !options.initdata.empty())) {
    return absl::InvalidArgumentError("--kernel-params and --initdata go with --config");
  }
  const bool parts = !options.kernel.empty() || !options.initrd.empty() || !options.append.empty();
  if (options.firmware.empty() && parts) {
    return absl::InvalidArgumentError("--kernel, --initrd and --append go with --firmware");
  }
  if (!options.config.empty()) return FromConfig(options);
  if (!options.launch.empty()) return FromLaunchDocument(options);
  return FromParts(options);
}

absl::Status WriteReference(const MeasureOptions& options, const tee::Measurement& measurement,
                            int64_t now) {
  attestation::ReferenceValue reference{options.name, measurement, now, std::nullopt};
  if (options.valid_days > 0) reference.expires = now + options.valid_days * kDay;
  ASSIGN_OR_RETURN(const std::string text, attestation::SerializeReferenceValue(reference));
  return WriteFileAtomic(options.reference, AsBytes(text + "\n"));
}

absl::StatusOr<std::string> AsJson(const tee::LaunchInputs& inputs,
                                   const tee::Measurement& measurement) {
  Json out = {{"mode", tee::LaunchModeName(measurement.mode)},
              {"digest", HexEncode(measurement.digest)},
              {"firmware_sha256", HexEncode(measurement.firmware.sha256)},
              {"vcpus", measurement.vcpus},
              {"vcpu_type", measurement.vcpu_type},
              {"vcpu_signature", tee::FormatHexNumber(measurement.vcpu_signature)},
              {"guest_features", tee::FormatHexNumber(measurement.guest_features)},
              {"host_data", HexEncode(inputs.host_data)}};
  if (measurement.kernel_hashes) {
    out["kernel_sha256"] = HexEncode(measurement.kernel_hashes->kernel);
    out["initrd_sha256"] = HexEncode(measurement.kernel_hashes->initrd);
    out["command_line"] = measurement.command_line;
  }
  ASSIGN_OR_RETURN(std::string text, DumpJson(out, 2));
  return text + "\n";
}

std::string AsText(const tee::LaunchInputs& inputs, const tee::Measurement& measurement) {
  std::string out = StrCat("launch measurement (", tee::LaunchModeName(measurement.mode),
                           "): ", HexEncode(measurement.digest), "\n");
  const auto file = [&out](std::string_view part, const std::string& path, const Bytes& sha256) {
    StrAppend(&out, "  ", part, path.empty() ? "none" : path, "\n");
    if (!path.empty()) StrAppend(&out, "                  sha256:", HexEncode(sha256), "\n");
  };
  file("firmware        ", inputs.firmware_path, measurement.firmware.sha256);
  if (measurement.kernel_hashes) {
    file("kernel          ", inputs.kernel_path, measurement.kernel_hashes->kernel);
    file("initrd          ", inputs.initrd_path, measurement.kernel_hashes->initrd);
    StrAppend(&out, "  command line    ", measurement.command_line, "\n");
  }
  StrAppend(&out, "  vCPUs           ", measurement.vcpus, " x ", measurement.vcpu_type, "\n");
  StrAppend(&out, "  guest features  ", tee::FormatHexNumber(measurement.guest_features), "\n");
  StrAppend(&out, "  host data       ", HexEncode(inputs.host_data), " (initdata; not measured)\n");
  return out;
}

}  // namespace

absl::StatusOr<std::string> Measure(const MeasureOptions& options, int64_t now) {
  ASSIGN_OR_RETURN(const tee::LaunchInputs inputs, Inputs(options));
  ASSIGN_OR_RETURN(const tee::Measurement measurement, tee::sev::MeasureLaunch(inputs));
  if (!options.reference.empty()) {
    RETURN_IF_ERROR(WriteReference(options, measurement, now));
  }
  if (options.json) return AsJson(inputs, measurement);
  return AsText(inputs, measurement);
}

void AddMeasureVerb(CLI::App& app, VerbResult* result) {
  auto options = std::make_shared<MeasureOptions>();
  CLI::App* verb =
      app.add_subcommand("measure", "Compute the launch measurement of a guest in advance");
  verb->add_option("--config", options->config, "runtime.toml to measure the guest of");
  verb->add_option("--kernel-params", options->kernel_params,
                   "With --config: kernel arguments a pod adds");
  verb->add_option("--initdata", options->initdata,
                   "With --config: initdata document, for the host data shown");
  verb->add_option("--launch", options->launch, "Launch document (nacre.launch/1)");
  verb->add_option("--firmware", options->firmware, "Guest firmware image");
  verb->add_option("--kernel", options->kernel, "Kernel image");
  verb->add_option("--initrd", options->initrd, "Initial RAM disk");
  verb->add_option("--append", options->append, "Kernel command line");
  verb->add_option("--vcpus", options->vcpus, "Number of virtual CPUs");
  verb->add_option("--vcpu-type", options->vcpu_type, "QEMU CPU model, such as EPYC-v4");
  verb->add_option("--guest-features", options->guest_features, "SEV_FEATURES, such as 0x1");
  verb->add_option("--mode", options->mode, "snp, sev-es or sev");
  verb->add_option("--reference", options->reference, "Write the reference value to this file");
  verb->add_option("--name", options->name, "Name of the reference value");
  verb->add_option("--valid-days", options->valid_days, "Expiry of the reference value");
  verb->add_flag("--json", options->json, "Print JSON");
  verb->callback([options, result] {
    const auto text = Measure(*options, time(nullptr));
    result->status = text.status();
    if (text.ok()) std::fputs(text->c_str(), stdout);
  });
}

}  // namespace nacre::cli
