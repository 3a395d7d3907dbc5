#include "guest-agent/storage/encrypted_disk.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "guest-agent/init/modules.h"

namespace nacre::guest_agent {
namespace {

constexpr char kModules[] = "/lib/nacre/disk-modules.list";
constexpr size_t kMaxModuleList = 64 << 10;
constexpr char kKeyName[] = "nacre:scratch";

absl::StatusOr<BlockDevice> FindDevice() {
  auto disk = FindBlockDevice(kScratchSerial);
  if (!absl::IsNotFound(disk.status())) return disk;
  return absl::FailedPreconditionError(
      "scratch disk: the owner wants images on an encrypted disk and the host offers none");
}

// Of the modules in the list, some are for one form alone.
bool Needs(const StorageSettings& settings, const ScratchPlan& plan, std::string_view module) {
  const std::string_view name = module.substr(module.rfind('/') + 1);
  if (name == "brd.ko" || name == "dm_integrity.ko") return plan.tag_device_kib != 0;
  if (name == "erofs.ko" || name == "dm_verity.ko")
    return settings.images == ImageStorage::kErofsVerity;
  return true;
}

absl::Status LoadDiskModules(const StorageSettings& settings, const ScratchPlan& plan) {
  const auto text = ReadTextFile(kModules, kMaxModuleList);
  if (absl::IsNotFound(text.status()))
    return absl::FailedPreconditionError(
        "scratch disk: this guest image was built without disk encryption "
        "(guest-image/build.sh --disk)");
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(std::vector<KernelModule> modules, ParseModuleList(*text));
  for (KernelModule& module : modules) {
    if (!Needs(settings, plan, module.path)) continue;
    if (module.path.ends_with("/brd.ko"))
      module.parameters = StrCat("rd_nr=1 max_part=1 rd_size=", plan.tag_device_kib);
    RETURN_IF_ERROR(LoadModule(module));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScratchDisk> FindScratchDisk(const StorageSettings& settings) {
  ASSIGN_OR_RETURN(BlockDevice device, FindDevice());
  const uint64_t memory = static_cast<uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES))) *
                          static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  ASSIGN_OR_RETURN(const ScratchPlan plan, PlanScratch(settings, device.sectors, memory));
  RETURN_IF_ERROR(LoadDiskModules(settings, plan));
  return ScratchDisk{std::move(device), plan};
}

absl::StatusOr<MappedDevice> EncryptDevice(const ScratchPlan& plan, const std::string& below) {
  // The kernel's copy in the keyring goes with `key`, ours already here.
  ASSIGN_OR_RETURN(const KernelKey key,
                   KernelKey::Add(kKeyName, crypto::RandomSecret(kScratchKeySize)));
  return MappedDevice::Create("nacre-scratch", CryptTable(plan, below, kKeyName));
}

}  // namespace nacre::guest_agent
