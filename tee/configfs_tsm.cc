// The kernel's contract: write inblob (64 bytes), then read outblob; auxblob holds the certificate
// table of the same request. `generation` counts writes to the request, so if it moved by more than
// our one write, outblob may answer somebody else's question and the request is made again.

#include "tee/configfs_tsm.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "tee/evidence_binding.h"
#include "tee/sev/certificates.h"
#include "tee/tdx/guest_device.h"

namespace nacre::tee {
namespace {

constexpr size_t kMaxReport = 32 * 1024;  // the kernel's own limit of outblob
constexpr int kAttempts = 3;

absl::Status MakeOneFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, StrCat("making ", path));
}

absl::StatusOr<uint64_t> Generation(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(folder + "/generation", 64));
  uint64_t value = 0;
  if (!ParseNumber(StripSpace(text), &value)) {
    return absl::DataLossError(StrCat(folder, "/generation is not a number"));
  }
  return value;
}

absl::StatusOr<TeeKind> ProviderKind(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string provider, ReadTextFile(folder + "/provider", 64));
  if (StripSpace(provider) == "sev_guest") return TeeKind::kSnp;
  if (StripSpace(provider) == "tdx_guest") return TeeKind::kTdx;
  return absl::UnimplementedError(
      StrCat("configfs-tsm provider is '", StripSpace(provider), "', not sev_guest or tdx_guest"));
}

// Under a service module (SVSM) the guest is not at VMPL 0 and may not ask for a report of it:
// privlevel_floor says for which level it may. Absent where there are no levels.
absl::Status AskForAllowedLevel(const std::string& folder) {
  const auto floor = ReadTextFile(folder + "/privlevel_floor", 64);
  if (absl::IsNotFound(floor.status())) return absl::OkStatus();
  RETURN_IF_ERROR(floor.status());
  if (StripSpace(*floor) == "0") return absl::OkStatus();
  return WriteFile(folder + "/privlevel", AsBytes(StripSpace(*floor)));
}

// kAborted when the generation moved under it.
absl::StatusOr<Evidence> Ask(const std::string& folder, const ReportData& report_data) {
  ASSIGN_OR_RETURN(const TeeKind kind, ProviderKind(folder));
  if (kind == TeeKind::kSnp) RETURN_IF_ERROR(AskForAllowedLevel(folder));
  ASSIGN_OR_RETURN(const uint64_t before, Generation(folder));
  RETURN_IF_ERROR(WriteFile(folder + "/inblob", report_data.view()));
  Evidence evidence{.kind = kind, .emulated = false, .report = {}, .auxiliary = {}};
  ASSIGN_OR_RETURN(evidence.report, ReadFile(folder + "/outblob", kMaxReport));
  // Absent on kernels and providers that have no certificates to give.
  auto table = ReadFile(folder + "/auxblob", sev::kMaxCertificateTable);
  if (table.ok()) evidence.auxiliary = *std::move(table);
  if (!table.ok() && !absl::IsNotFound(table.status())) return table.status();
  ASSIGN_OR_RETURN(const uint64_t after, Generation(folder));
  if (after != before + 1) return absl::AbortedError("the request was changed by another writer");
  RETURN_IF_ERROR(CheckBinding(evidence, report_data), "outblob");
  return evidence;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConfigfsTsmSource>> ConfigfsTsmSource::Create(
    std::string report_folder, MakeFolder make_folder, std::string tdx_device) {
  if (!PathExists(report_folder)) {
    return absl::NotFoundError(StrCat("configfs-tsm: no folder ", report_folder));
  }
  if (!make_folder) make_folder = MakeOneFolder;
  return std::unique_ptr<ConfigfsTsmSource>(new ConfigfsTsmSource(
      std::move(report_folder), std::move(make_folder), std::move(tdx_device)));
}

std::string ConfigfsTsmSource::NextFolder() {
  return StrCat(report_folder_, "/nacre-", getpid(), "-", ++counter_);
}

bool ConfigfsTsmSource::HasProvider() {
  std::lock_guard lock(mutex_);
  const std::string folder = NextFolder();
  const absl::Status made = make_folder_(folder);
  if (made.ok()) (void)rmdir(folder.c_str());
  return !absl::IsNotFound(made);
}

absl::StatusOr<Evidence> ConfigfsTsmSource::Quote(const ReportData& report_data) {
  std::lock_guard lock(mutex_);
  absl::Status last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string folder = NextFolder();
    RETURN_IF_ERROR(make_folder_(folder), "configfs-tsm");
    auto evidence = Ask(folder, report_data);
    (void)rmdir(folder.c_str());
    if (evidence.ok() || !absl::IsAborted(evidence.status())) {
      if (!evidence.ok()) return Annotate(evidence.status(), "configfs-tsm");
      return evidence;
    }
    last = evidence.status();
  }
  return Annotate(last, "configfs-tsm");
}

absl::StatusOr<Evidence> ConfigfsTsmSource::OwnReport(const ReportData& report_data) {
  if (!PathExists(tdx_device_)) return EvidenceSource::OwnReport(report_data);
  return tdx::GuestDeviceSource(tdx_device_).OwnReport(report_data);
}

}  // namespace nacre::tee
