// Evidence from a Linux guest's configfs-tsm (Documentation/ABI/testing/configfs-tsm): one folder
// per request under /sys/kernel/config/tsm/report with inblob, outblob, auxblob, provider,
// generation.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "tee/common/evidence.h"

namespace nacre::tee::sev {

inline constexpr char kTsmReportFolder[] = "/sys/kernel/config/tsm/report";

class ConfigfsTsmSource : public EvidenceSource {
 public:
  // kNotFound when the folder is absent.
  static absl::StatusOr<std::unique_ptr<ConfigfsTsmSource>> Create(
      std::string report_folder = kTsmReportFolder);
  std::string_view name() const override { return "configfs-tsm"; }
  // kUnimplemented when the provider is not sev_guest; kAborted when another writer got in between
  // (generation changed) three times in a row.
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;

 private:
  explicit ConfigfsTsmSource(std::string report_folder)
      : report_folder_(std::move(report_folder)) {}
  absl::StatusOr<Evidence> QuoteIn(const std::string& folder, const ReportData& report_data);

  std::string report_folder_;
  std::mutex mutex_;
};

}  // namespace nacre::tee::sev
