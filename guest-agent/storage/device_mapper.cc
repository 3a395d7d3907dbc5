#include "guest-agent/storage/device_mapper.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

constexpr char kControl[] = "/dev/mapper/control";

// One call about the device `name`. What follows the header, if anything, is `payload`.
absl::StatusOr<dm_ioctl> Call(unsigned long request, const char* step, const std::string& name,
                              ByteView payload = {}, uint32_t targets = 0) {
  ASSIGN_OR_RETURN(const UniqueFd control, OpenFile(kControl, O_RDWR), "device mapper");
  dm_ioctl header = {};
  if (name.size() >= sizeof(header.name))
    return absl::InvalidArgumentError(StrCat("device mapper: the name ", name, " is too long"));
  header.version[0] = DM_VERSION_MAJOR;
  header.data_size = static_cast<uint32_t>(sizeof(header) + payload.size());
  header.data_start = sizeof(header);
  header.target_count = targets;
  std::memcpy(header.name, name.data(), name.size());
  Bytes buffer(header.data_size);
  std::memcpy(buffer.data(), &header, sizeof(header));
  if (!payload.empty()) std::memcpy(buffer.data() + sizeof(header), payload.data(), payload.size());
  if (ioctl(control.get(), request, buffer.data()) != 0)
    return ErrnoStatus(errno, StrCat("device mapper: ", step, " of ", name));
  std::memcpy(&header, buffer.data(), sizeof(header));
  return header;
}

// dm_target_spec, the parameters, a NUL, padding to 8.
Bytes EncodeTable(const DeviceTable& table) {
  dm_target_spec spec = {};
  spec.length = table.sectors;
  table.type.copy(spec.target_type, sizeof(spec.target_type) - 1);
  const size_t size = (sizeof(spec) + table.parameters.size() + 1 + 7) / 8 * 8;
  spec.next = static_cast<uint32_t>(size);
  Bytes out(size);
  std::memcpy(out.data(), &spec, sizeof(spec));
  std::memcpy(out.data() + sizeof(spec), table.parameters.data(), table.parameters.size());
  return out;
}

}  // namespace

absl::StatusOr<MappedDevice> MappedDevice::Create(const std::string& name,
                                                  const DeviceTable& table) {
  ASSIGN_OR_RETURN(const dm_ioctl made, Call(DM_DEV_CREATE, "creation", name));
  MappedDevice device(name, StrCat("/dev/dm-", minor(made.dev)));
  RETURN_IF_ERROR(Call(DM_TABLE_LOAD, "table", name, EncodeTable(table), 1).status());
  RETURN_IF_ERROR(Call(DM_DEV_SUSPEND, "start", name).status());  // no flag: resume
  return device;
}

MappedDevice::MappedDevice(MappedDevice&& other) noexcept
    : name_(std::exchange(other.name_, {})), path_(std::move(other.path_)) {}

MappedDevice::~MappedDevice() {
  if (!name_.empty()) (void)Call(DM_DEV_REMOVE, "removal", name_);
}

absl::StatusOr<KernelKey> KernelKey::Add(const std::string& description, const SecretBytes& key) {
  const long serial = syscall(SYS_add_key, "logon", description.c_str(), key.view().data(),
                              key.size(), KEY_SPEC_THREAD_KEYRING);
  if (serial < 0) return ErrnoStatus(errno, StrCat("kernel key ", description));
  return KernelKey(static_cast<int32_t>(serial));
}

KernelKey::KernelKey(KernelKey&& other) noexcept : serial_(std::exchange(other.serial_, 0)) {}

KernelKey::~KernelKey() {
  if (serial_ != 0) syscall(SYS_keyctl, KEYCTL_UNLINK, serial_, KEY_SPEC_THREAD_KEYRING);
}

}  // namespace nacre::guest_agent
