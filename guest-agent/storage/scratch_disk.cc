#include "guest-agent/storage/scratch_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "guest-agent/storage/device_mapper.h"
#include "guest-agent/storage/encrypted_disk.h"
#include "guest-agent/storage/scratch_plan.h"

namespace nacre::guest_agent {
namespace {

constexpr char kTagDevice[] = "/dev/ram0";  // of the module brd
constexpr int kFilesystemTimeoutMs = 600000;

// scratch_plan.cc says why.
absl::Status DiscardTables(const ScratchPlan& plan, const std::string& device) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(device, O_WRONLY), "scratch disk");
  const uint64_t range[2] = {0, plan.table_bytes};
  if (ioctl(fd.get(), BLKDISCARD, range) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "scratch disk: discarding the place of its tables");
}

// Whole sectors, so that none has to be read first.
absl::Status WriteMargins(const ScratchPlan& plan, const std::string& device) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(device, O_WRONLY));
  const Bytes zeros(kScratchMargin);
  for (const uint64_t place : {uint64_t{0}, plan.sectors * 512 - kScratchMargin}) {
    if (lseek(fd.get(), static_cast<off_t>(place), SEEK_SET) < 0) return ErrnoStatus(errno, device);
    RETURN_IF_ERROR(WriteAll(fd.get(), zeros), device);
  }
  return absl::OkStatus();
}

absl::Status MakeFilesystem(const ScratchPlan& plan, const std::string& device) {
  RETURN_IF_ERROR(WriteMargins(plan, device), "scratch disk");
  SubprocessOptions options;
  options.argv = FilesystemCommand(device);
  options.env.emplace();
  ASSIGN_OR_RETURN(const CommandResult made,
                   RunCommand(std::move(options), {}, 64 << 10, kFilesystemTimeoutMs));
  if (made.exit.code == 0) return absl::OkStatus();
  const std::string_view said = StripSpace(made.err);
  return absl::InternalError(StrCat("scratch disk: mke2fs exited ", made.exit.code, ": ",
                                    said.substr(said.rfind('\n') + 1)));  // npos + 1 is 0
}

}  // namespace

absl::Status MountScratchDisk(const StorageSettings& settings, const std::string& folder) {
  ASSIGN_OR_RETURN(const ScratchDisk disk, FindScratchDisk(settings));
  const ScratchPlan& plan = disk.plan;
  std::optional<MappedDevice> integrity;
  if (plan.tag_device_kib != 0) {
    ASSIGN_OR_RETURN(MappedDevice made,
                     MappedDevice::Create("nacre-scratch-integrity",
                                          IntegrityTable(plan, disk.device.path, kTagDevice)));
    integrity.emplace(std::move(made));
    RETURN_IF_ERROR(DiscardTables(plan, integrity->path()));
  }
  ASSIGN_OR_RETURN(MappedDevice crypt,
                   EncryptDevice(plan, integrity ? integrity->path() : disk.device.path));
  RETURN_IF_ERROR(MakeFilesystem(plan, crypt.path()));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  if (mount(crypt.path().c_str(), folder.c_str(), "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME,
            "nobarrier,noauto_da_alloc,noinit_itable,errors=remount-ro") != 0)
    return ErrnoStatus(errno, "scratch disk: mounting it");
  crypt.Keep();
  if (integrity) integrity->Keep();
  return absl::OkStatus();
}

}  // namespace nacre::guest_agent
