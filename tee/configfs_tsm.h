// Evidence from a Linux guest's configfs-tsm (Documentation/ABI/testing/configfs-tsm): one folder
// per request under /sys/kernel/config/tsm/report with inblob, outblob, auxblob, provider,
// generation. Providers sev_guest (a report, and the certificate table in auxblob) and tdx_guest (a
// quote, made by the host's quote generation service).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "tee/common/evidence.h"

namespace nacre::tee {

inline constexpr char kTsmReportFolder[] = "/sys/kernel/config/tsm/report";

class ConfigfsTsmSource : public EvidenceSource {
 public:
  // Makes one request folder. mkdir(2) by default; on configfs the kernel fills it with attributes.
  using MakeFolder = std::function<absl::Status(const std::string& path)>;

  // kNotFound when `report_folder` is absent.
  static absl::StatusOr<std::unique_ptr<ConfigfsTsmSource>> Create(
      std::string report_folder = kTsmReportFolder, MakeFolder make_folder = nullptr,
      std::string tdx_device = "/dev/tdx_guest");
  std::string_view name() const override { return "configfs-tsm"; }
  // False where the kernel has the folder and no TEE behind it: a request cannot be begun (ENXIO).
  bool HasProvider();
  // kUnimplemented when the provider is neither sev_guest nor tdx_guest; kAborted when the request
  // was changed by someone else (its generation moved) three times in a row.
  absl::StatusOr<Evidence> Quote(const ReportData& report_data) override;
  // In a TD by its device, which is there beside configfs-tsm.
  absl::StatusOr<Evidence> OwnReport(const ReportData& report_data) override;

 private:
  ConfigfsTsmSource(std::string report_folder, MakeFolder make_folder, std::string tdx_device)
      : report_folder_(std::move(report_folder)),
        make_folder_(std::move(make_folder)),
        tdx_device_(std::move(tdx_device)) {}

  std::string NextFolder();

  const std::string report_folder_;
  const MakeFolder make_folder_;
  const std::string tdx_device_;
  std::mutex mutex_;
  uint64_t counter_ = 0;
};

}  // namespace nacre::tee
