#include "cli/measure.h"

#include <cstdio>
#include <ctime>
#include <memory>

#include "attestation/reference/signed_reference.h"
#include "base/file.h"
#include "base/secret_bytes.h"
#include "base/strings.h"
#include "cli/measure_modes.h"
#include "runtime/config/runtime_config.h"
#include "runtime/sandbox/sandbox_plan.h"
#include "tee/common/hex_number.h"
#include "tee/common/initdata.h"
#include "tee/common/launch_inputs.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxLaunchDocument = 1 << 20;
constexpr size_t kMaxKeyFile = 64 << 10;
constexpr std::string_view kTpmMode = "tpm";

// "512M" or "2G": a plain number would mean MiB to QEMU and bytes to others.
absl::StatusOr<uint64_t> ParseMemory(const std::string& text) {
  uint64_t value = 0;
  const char unit = text.empty() ? '\0' : text.back();
  const int shift = unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
  if (shift == 0 || !ParseNumber(std::string_view(text).substr(0, text.size() - 1), &value) ||
      value == 0 || value > (uint64_t{1} << (46 - shift))) {
    return absl::InvalidArgumentError(StrCat("--memory: '", text, "' is not like 512M or 2G"));
  }
  return value << shift;
}

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
  if (options.mode != kTpmMode) {
    ASSIGN_OR_RETURN(inputs.mode, tee::ParseLaunchMode(options.mode), "--mode");
  }
  ASSIGN_OR_RETURN(inputs.vmm, tee::ParseVmmProfile(options.vmm), "--vmm");
  inputs.firmware_path = options.firmware;
  inputs.kernel_path = options.kernel;
  inputs.initrd_path = options.initrd;
  inputs.command_line = options.append;
  inputs.vcpus = options.vcpus;
  inputs.vcpu_type = options.vcpu_type;
  ASSIGN_OR_RETURN(inputs.guest_features,
                   tee::ParseHexNumber(options.guest_features, "--guest-features"));
  return inputs;
}

absl::StatusOr<tee::LaunchInputs> InputsFrom(const MeasureOptions& options) {
  // Measured boot has no firmware to name: the kernel stands for the parts.
  const std::string& part = options.mode == kTpmMode ? options.kernel : options.firmware;
  const int sources = !options.config.empty() + !options.launch.empty() + !part.empty();
  if (sources != 1) {
    return absl::InvalidArgumentError(StrCat("give one of --config, --launch and ",
                                             options.mode == kTpmMode ? "--kernel" : "--firmware"));
  }
  if (options.config.empty() && (!options.kernel_params.empty() || !options.initdata.empty())) {
    return absl::InvalidArgumentError("--kernel-params and --initdata go with --config");
  }
  const bool parts = !options.kernel.empty() || !options.initrd.empty() || !options.append.empty();
  if (part.empty() && parts) {
    return absl::InvalidArgumentError("--kernel, --initrd and --append go with --firmware");
  }
  if (!options.config.empty()) return FromConfig(options);
  if (!options.launch.empty()) return FromLaunchDocument(options);
  return FromParts(options);
}

absl::StatusOr<tee::LaunchInputs> Inputs(const MeasureOptions& options) {
  ASSIGN_OR_RETURN(tee::LaunchInputs inputs, InputsFrom(options));
  if (!options.memory.empty()) {
    ASSIGN_OR_RETURN(inputs.memory_bytes, ParseMemory(options.memory));
  }
  if (options.mode != kTpmMode) {
    RETURN_IF_ERROR(inputs.Validate());
  } else if (inputs.memory_bytes == 0) {
    return absl::InvalidArgumentError("mode tpm needs --memory: QEMU places the initrd by it");
  }
  return inputs;
}

absl::Status CheckTogether(const MeasureOptions& options, tee::LaunchMode mode) {
  const bool tdx = mode == tee::LaunchMode::kTdx;
  if (!tdx && (!options.acpi.empty() || !options.rtmr_profile.empty())) {
    return absl::InvalidArgumentError("--acpi and --rtmr-profile go with mode tdx");
  }
  const bool wants_block = !options.id_block.empty() || !options.id_auth.empty() ||
                           !options.author_key.empty() || !options.family_id.empty() ||
                           !options.image_id.empty();
  if (wants_block && options.id_key.empty()) {
    return absl::InvalidArgumentError("an ID block needs --id-key");
  }
  if (!options.id_key.empty() && mode != tee::LaunchMode::kSnp) {
    return absl::InvalidArgumentError("an ID block goes with mode snp");
  }
  if (!options.id_key.empty() && (options.id_block.empty() || options.id_auth.empty())) {
    return absl::InvalidArgumentError("--id-key needs --id-block and --id-auth to write to");
  }
  if (options.reference.empty() && !options.sign_key.empty()) {
    return absl::InvalidArgumentError("--sign-key goes with --reference");
  }
  if (options.explain.empty() && (!options.also.empty() || !options.event_log.empty())) {
    return absl::InvalidArgumentError("--also and --event-log go with --explain");
  }
  return absl::OkStatus();
}

void AddInputOptions(CLI::App* verb, MeasureOptions* options) {
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
  verb->add_option("--vmm", options->vmm, "qemu, ec2 or gce");
  verb->add_option("--mode", options->mode, "snp, sev-es, sev, tdx or tpm");
  verb->add_option("--memory", options->memory, "TDX, TPM: guest memory, such as 2G");
  verb->add_option("--bank", options->bank, "TPM: sha256, sha384 or sha512");
  verb->add_option("--acpi", options->acpi,
                   "TDX: folder of QEMU's ACPI tables (fw_cfg by_name), for RTMR0");
  verb->add_option("--rtmr-profile", options->rtmr_profile,
                   "TDX: what firmware and kernel measure, such as separator=rtmr0");
  verb->add_option("--mrtd-order", options->mrtd_order, "TDX: per-page or per-section");
}

void AddOutputOptions(CLI::App* verb, MeasureOptions* options) {
  verb->add_option("--id-key", options->id_key, "SNP: sign an ID block with this P-384 key (PEM)");
  verb->add_option("--author-key", options->author_key, "P-384 key that signs the ID key");
  verb->add_option("--id-block", options->id_block, "Write the ID block to this file");
  verb->add_option("--id-auth", options->id_auth, "Write the ID authentication to this file");
  verb->add_option("--family-id", options->family_id, "Of the ID block: up to 16 bytes, hex");
  verb->add_option("--image-id", options->image_id, "Of the ID block: up to 16 bytes, hex");
  verb->add_option("--guest-svn", options->guest_svn, "Of the ID block");
  verb->add_option("--guest-policy", options->guest_policy, "Of the ID block, such as 0x30000");
  verb->add_option("--explain", options->explain, "Say how this evidence differs");
  verb->add_option("--event-log", options->event_log, "With --explain: the guest's boot event log");
  verb->add_option("--also", options->also,
                   "With --explain: try this firmware, kernel or initrd too; may be repeated");
  verb->add_option("--reference", options->reference, "Write the reference value to this file");
  verb->add_option("--sign-key", options->sign_key,
                   "Sign the reference value with this EC key (PEM)");
  verb->add_option("--name", options->name, "Name of the reference value");
  verb->add_option("--valid-days", options->valid_days, "Expiry of the reference value");
  verb->add_flag("--json", options->json, "Print JSON");
}

}  // namespace

void MeasureRow(std::string_view name, std::string_view value, std::string* out) {
  constexpr size_t kNameWidth = 18;
  constexpr size_t kLine = 76;
  std::string lead = StrCat("  ", name, std::string(kNameWidth - name.size(), ' '));
  do {
    const size_t end = value.size() == 96 ? 48 : std::min(value.size(), kLine);
    StrAppend(out, lead, value.substr(0, end), "\n");
    value.remove_prefix(end);
    lead = std::string(kNameWidth + 2, ' ');
  } while (!value.empty());
}

absl::Status WriteReferenceFile(const MeasureOptions& options, std::string_view document) {
  std::string text(document);
  if (!options.sign_key.empty()) {
    ASSIGN_OR_RETURN(Bytes pem, ReadFile(options.sign_key, kMaxKeyFile), "--sign-key");
    const SecretBytes secret = SecretBytes::TakeFrom(std::move(pem));
    ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::PrivateKey::FromPem(secret.view()),
                     StrCat("--sign-key: ", options.sign_key));
    ASSIGN_OR_RETURN(text, attestation::SignReference(document, key), "--sign-key");
  }
  return WriteFileAtomic(options.reference, AsBytes(text + "\n"));
}

absl::StatusOr<MeasureOutcome> Measure(const MeasureOptions& options, int64_t now) {
  ASSIGN_OR_RETURN(const tee::LaunchInputs inputs, Inputs(options));
  RETURN_IF_ERROR(CheckTogether(options, inputs.mode));
  if (options.mode == kTpmMode && !options.explain.empty()) {
    return absl::InvalidArgumentError("--explain goes with modes snp and tdx");
  }
  if (!options.explain.empty()) return ExplainMeasurement(options, inputs);
  MeasureOutcome out;
  if (options.mode == kTpmMode) {
    ASSIGN_OR_RETURN(out.text, MeasureTpm(options, inputs, now));
  } else if (inputs.mode == tee::LaunchMode::kTdx) {
    ASSIGN_OR_RETURN(out.text, MeasureTdx(options, inputs, now));
  } else {
    ASSIGN_OR_RETURN(out.text, MeasureSev(options, inputs, now));
  }
  return out;
}

void AddMeasureVerb(CLI::App& app, VerbResult* result) {
  auto options = std::make_shared<MeasureOptions>();
  CLI::App* verb =
      app.add_subcommand("measure", "Compute the launch measurement of a guest in advance");
  AddInputOptions(verb, options.get());
  AddOutputOptions(verb, options.get());
  verb->callback([options, result] {
    const auto outcome = Measure(*options, time(nullptr));
    result->status = outcome.status();
    if (!outcome.ok()) return;
    result->exit_code = outcome->exit_code;
    std::fputs(outcome->text.c_str(), stdout);
  });
}

}  // namespace nacre::cli
