// Emulated machines inside this process, with the keys of a `nacre-tee-emulator` folder. Unlike a
// real one they say whatever a test wants them to say, and sign it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attestation/harness/guest.h"
#include "base/file.h"
#include "tee/common/launch_inputs.h"
#include "tee/common/measurement.h"
#include "tee/emulator/platform.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/sev/verify.h"

namespace nacre::attestation::harness {

struct EmulatedOptions {
  std::string folder{};                       // ark.pem, vcek.pem, ...; of TDX tdx-*.pem
  std::optional<tee::LaunchInputs> launch{};  // SNP; the harness's own small launch without
  std::optional<std::string> initdata{};      // the document
  int64_t now = 0;                            // seconds since 1970
};

// The reference value name under which the harness's own launches are registered.
inline constexpr std::string_view kHarnessReference = "nacre-harness";

class EmulatedSnp : public Guest {
 public:
  using Change = std::function<void(tee::sev::Report&)>;

  // Errors name the file of the folder that is missing.
  static absl::StatusOr<std::unique_ptr<EmulatedSnp>> Create(const EmulatedOptions& options);

  std::string Describe() const override { return "emulated snp of " + options_.folder; }
  EvidenceKind kind() const override { return EvidenceKind::kSnp; }
  absl::StatusOr<Json> Evidence(const tee::ReportData& report_data) override;
  std::optional<InitData> init_data() const override;

  // Report and certificates; `change` alters the report before it is signed.
  absl::StatusOr<tee::sev::SnpEvidence> Sign(const tee::ReportData& report_data,
                                             const Change& change = {}) const;
  // The reference value document of its launch ("nacre.reference/1").
  absl::StatusOr<std::string> Reference(std::string_view name, int64_t now) const;

  const tee::emulator::Identity& identity() const { return platform_.identity(); }
  const std::string& folder() const { return options_.folder; }

 private:
  EmulatedSnp(EmulatedOptions options, tee::Measurement measurement,
              tee::emulator::Platform platform)
      : options_(std::move(options)),
        measurement_(std::move(measurement)),
        platform_(std::move(platform)) {}
  EmulatedOptions options_;
  tee::Measurement measurement_;
  tee::emulator::Platform platform_;
};

class EmulatedTdx : public Guest {
 public:
  // A new identity is made in the folder when it has none.
  static absl::StatusOr<std::unique_ptr<EmulatedTdx>> Create(const EmulatedOptions& options);

  std::string Describe() const override { return "emulated tdx of " + options_.folder; }
  EvidenceKind kind() const override { return EvidenceKind::kTdx; }
  absl::StatusOr<Json> Evidence(const tee::ReportData& report_data) override;
  std::optional<InitData> init_data() const override;

  // The reference value document of its registers ("nacre.reference.tdx/1").
  absl::StatusOr<std::string> Reference(std::string_view name, int64_t now) const;

  const tee::emulator::TdxPlatform& platform() const { return platform_; }
  const std::string& folder() const { return options_.folder; }

 private:
  EmulatedTdx(EmulatedOptions options, tee::emulator::TdxPlatform platform)
      : options_(std::move(options)), platform_(std::move(platform)) {}
  EmulatedOptions options_;
  tee::emulator::TdxPlatform platform_;
};

}  // namespace nacre::attestation::harness
