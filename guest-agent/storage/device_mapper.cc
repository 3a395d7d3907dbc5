#include "guest-agent/storage/device_mapper.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

constexpr char kControl[] = "/dev/mapper/control";

// A call about one device. What follows the header, if anything, is `payload`.
struct Request {
  unsigned long code;
  const char* step;
  Bytes payload = {};
  uint32_t targets = 0;
  uint32_t flags = 0;
};

absl::StatusOr<dm_ioctl> Call(const std::string& name, const Request& request) {
  ASSIGN_OR_RETURN(const UniqueFd control, OpenFile(kControl, O_RDWR), "device mapper");
  dm_ioctl header = {};
  if (name.size() >= sizeof(header.name))
    return absl::InvalidArgumentError(StrCat("device mapper: the name ", name, " is too long"));
  header.version[0] = DM_VERSION_MAJOR;
  header.data_size = static_cast<uint32_t>(sizeof(header) + request.payload.size());
  header.data_start = sizeof(header);
  header.target_count = request.targets;
  header.flags = request.flags;
  std::memcpy(header.name, name.data(), name.size());
  Bytes buffer(header.data_size);
  std::memcpy(buffer.data(), &header, sizeof(header));
  std::copy(request.payload.begin(), request.payload.end(), buffer.begin() + sizeof(header));
  if (ioctl(control.get(), request.code, buffer.data()) != 0)
    return ErrnoStatus(errno, StrCat("device mapper: ", request.step, " of ", name));
  std::memcpy(&header, buffer.data(), sizeof(header));
  return header;
}

}  // namespace

Bytes EncodeTable(const DeviceTable& table) {
  Bytes out;
  for (const DeviceTarget& target : table) {
    dm_target_spec spec = {};
    spec.sector_start = target.start;
    spec.length = target.sectors;
    target.type.copy(spec.target_type, sizeof(spec.target_type) - 1);
    const size_t at = out.size();
    const size_t size = (sizeof(spec) + target.parameters.size() + 1 + 7) / 8 * 8;
    spec.next = static_cast<uint32_t>(size);  // from this one's start
    out.resize(at + size);
    std::memcpy(out.data() + at, &spec, sizeof(spec));
    std::memcpy(out.data() + at + sizeof(spec), target.parameters.data(), target.parameters.size());
  }
  return out;
}

absl::StatusOr<MappedDevice> MappedDevice::Create(const std::string& name, const DeviceTable& table,
                                                  DeviceAccess access) {
  const uint32_t flags = access == DeviceAccess::kReadOnly ? DM_READONLY_FLAG : 0;
  ASSIGN_OR_RETURN(const dm_ioctl made, Call(name, {DM_DEV_CREATE, "creation"}));
  MappedDevice device(name, StrCat("/dev/dm-", minor(made.dev)));
  RETURN_IF_ERROR(Call(name, {DM_TABLE_LOAD, "table", EncodeTable(table),
                              static_cast<uint32_t>(table.size()), flags})
                      .status());
  RETURN_IF_ERROR(Call(name, {DM_DEV_SUSPEND, "start"}).status());  // no flag: resume
  return device;
}

absl::Status MappedDevice::Remove() {
  if (name_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Call(name_, {DM_DEV_REMOVE, "removal"}).status());
  name_.clear();
  return absl::OkStatus();
}

MappedDevice::MappedDevice(MappedDevice&& other) noexcept
    : name_(std::exchange(other.name_, {})), path_(std::move(other.path_)) {}

MappedDevice::~MappedDevice() { (void)Remove(); }

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
