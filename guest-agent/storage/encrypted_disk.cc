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

absl::StatusOr<std::vector<KernelModule>> ListModules() {
  const auto text = ReadTextFile(kModules, kMaxModuleList);
  if (absl::IsNotFound(text.status()))
    return absl::FailedPreconditionError(
        "scratch disk: this guest image was built without disk encryption "
        "(guest-image/build.sh --disk)");
  RETURN_IF_ERROR(text.status());
  return ParseModuleList(*text);
}

// Some of the list are for one form of storage alone: kNone is the rest.
enum class Form { kNone, kIntegrity, kVerity };

Form FormOf(std::string_view module) {
  const std::string_view name = module.substr(module.rfind('/') + 1);
  if (name == "brd.ko" || name == "dm_integrity.ko") return Form::kIntegrity;
  if (name == "erofs.ko" || name == "dm_verity.ko") return Form::kVerity;
  return Form::kNone;
}

absl::Status LoadFor(Form form, const ScratchPlan& plan, std::vector<KernelModule> modules) {
  for (KernelModule& module : modules) {
    if (FormOf(module.path) != form) continue;
    if (module.path.ends_with("/brd.ko"))
      module.parameters = StrCat("rd_nr=1 max_part=1 rd_size=", plan.tag_device_kib);
    RETURN_IF_ERROR(LoadModule(module));
  }
  return absl::OkStatus();
}

uint64_t MemoryBytes() {
  return static_cast<uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES))) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

absl::StatusOr<ScratchDisk> FindScratchDisk(const StorageSettings& settings) {
  ASSIGN_OR_RETURN(const std::vector<KernelModule> modules, ListModules());
  // Among them may be the driver of the disk itself.
  RETURN_IF_ERROR(LoadFor(Form::kNone, {}, modules));
  ASSIGN_OR_RETURN(BlockDevice device, FindDevice());
  ASSIGN_OR_RETURN(const ScratchPlan plan, PlanScratch(settings, device.sectors, MemoryBytes()));
  if (plan.tag_device_kib != 0) RETURN_IF_ERROR(LoadFor(Form::kIntegrity, plan, modules));
  if (settings.images == ImageStorage::kErofsVerity)
    RETURN_IF_ERROR(LoadFor(Form::kVerity, plan, modules));
  return ScratchDisk{std::move(device), plan};
}

absl::StatusOr<MappedDevice> EncryptDevice(const ScratchPlan& plan, const std::string& below) {
  // The kernel's copy in the keyring goes with `key`, ours already here.
  ASSIGN_OR_RETURN(const KernelKey key,
                   KernelKey::Add(kKeyName, crypto::RandomSecret(kScratchKeySize)));
  return MappedDevice::Create("nacre-scratch", CryptTable(plan, below, kKeyName));
}

}  // namespace nacre::guest_agent
