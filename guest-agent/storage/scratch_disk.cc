#include "guest-agent/storage/scratch_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/random.h"
#include "guest-agent/init/modules.h"
#include "guest-agent/storage/block_device.h"
#include "guest-agent/storage/device_mapper.h"
#include "guest-agent/storage/scratch_plan.h"

namespace nacre::guest_agent {
namespace {

constexpr char kModules[] = "/lib/nacre/disk-modules.list";
constexpr size_t kMaxModuleList = 64 << 10;
constexpr char kTagDevice[] = "/dev/ram0";  // of the module brd
constexpr char kKeyName[] = "nacre:scratch";
constexpr int kFilesystemTimeoutMs = 600000;

absl::StatusOr<BlockDevice> FindDisk() {
  auto disk = FindBlockDevice(kScratchSerial);
  if (!absl::IsNotFound(disk.status())) return disk;
  return absl::FailedPreconditionError(
      "scratch disk: the owner wants images on an encrypted disk and the host offers none");
}

absl::Status LoadDiskModules(const ScratchPlan& plan) {
  const auto text = ReadTextFile(kModules, kMaxModuleList);
  if (absl::IsNotFound(text.status()))
    return absl::FailedPreconditionError(
        "scratch disk: this guest image was built without disk encryption "
        "(guest-image/build.sh --disk)");
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(std::vector<KernelModule> modules, ParseModuleList(*text));
  for (KernelModule& module : modules) {
    if (module.path.ends_with("/brd.ko")) {
      if (plan.tag_device_kib == 0) continue;
      module.parameters = StrCat("rd_nr=1 max_part=1 rd_size=", plan.tag_device_kib);
    }
    RETURN_IF_ERROR(LoadModule(module));
  }
  return absl::OkStatus();
}

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
  ASSIGN_OR_RETURN(const BlockDevice disk, FindDisk());
  const uint64_t memory = static_cast<uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES))) *
                          static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  ASSIGN_OR_RETURN(const ScratchPlan plan, PlanScratch(settings, disk.sectors, memory));
  RETURN_IF_ERROR(LoadDiskModules(plan));
  std::optional<MappedDevice> integrity;
  if (plan.tag_device_kib != 0) {
    ASSIGN_OR_RETURN(MappedDevice made,
                     MappedDevice::Create("nacre-scratch-integrity",
                                          IntegrityTable(plan, disk.path, kTagDevice)));
    integrity.emplace(std::move(made));
    RETURN_IF_ERROR(DiscardTables(plan, integrity->path()));
  }
  // The kernel's copy in the keyring goes with `key`, ours already here.
  ASSIGN_OR_RETURN(const KernelKey key,
                   KernelKey::Add(kKeyName, crypto::RandomSecret(kScratchKeySize)));
  ASSIGN_OR_RETURN(
      MappedDevice crypt,
      MappedDevice::Create("nacre-scratch",
                           CryptTable(plan, integrity ? integrity->path() : disk.path, kKeyName)));
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
