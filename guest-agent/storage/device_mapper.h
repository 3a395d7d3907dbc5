// The kernel's device mapper, by its own ioctls (linux/dm-ioctl.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::guest_agent {

// One run of a device, and what the kernel makes it of.
struct DeviceTarget {
  uint64_t start = 0;  // both in sectors of 512 bytes
  uint64_t sectors = 0;
  std::string type;  // the target's name
  std::string parameters;

  bool operator==(const DeviceTarget&) const = default;
};
// A whole device: its runs in order, without gaps.
using DeviceTable = std::vector<DeviceTarget>;

// As DM_TABLE_LOAD takes it: for each target a dm_target_spec, its parameters and a NUL, padded to
// 8 bytes.
Bytes EncodeTable(const DeviceTable& table);

enum class DeviceAccess { kReadWrite, kReadOnly };

// A device at work; gone with this object unless it is kept, or in use. Names are unique in the
// kernel.
class MappedDevice {
 public:
  // Errors name the device and the step; what was wrong with the table the kernel says in its log.
  static absl::StatusOr<MappedDevice> Create(const std::string& name, const DeviceTable& table,
                                             DeviceAccess access = DeviceAccess::kReadWrite);
  MappedDevice(MappedDevice&& other) noexcept;
  MappedDevice& operator=(MappedDevice&&) = delete;
  ~MappedDevice();

  const std::string& path() const { return path_; }
  void Keep() { name_.clear(); }  // until the machine ends
  // Now and not with this object. An error when it is in use; it is still there then.
  absl::Status Remove();

 private:
  MappedDevice(std::string name, std::string path)
      : name_(std::move(name)), path_(std::move(path)) {}
  std::string name_;
  std::string path_;
};

// A key the kernel's own users can read and no program can (type "logon"), in this thread's
// keyring. The kernel wipes it when this object goes and the last user of it is done.
class KernelKey {
 public:
  // `description` is "prefix:name".
  static absl::StatusOr<KernelKey> Add(const std::string& description, const SecretBytes& key);
  KernelKey(KernelKey&& other) noexcept;
  KernelKey& operator=(KernelKey&&) = delete;
  ~KernelKey();

 private:
  explicit KernelKey(int32_t serial) : serial_(serial) {}
  int32_t serial_ = 0;
};

}  // namespace nacre::guest_agent
