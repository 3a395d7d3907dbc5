// The kernel's device mapper, by its own ioctls (linux/dm-ioctl.h).
#pragma once

#include <cstdint>
#include <string>

#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::guest_agent {

// One target that makes the whole of a device.
struct DeviceTable {
  uint64_t sectors = 0;  // of 512 bytes
  std::string type;      // the target's name
  std::string parameters;

  bool operator==(const DeviceTable&) const = default;
};

// A device at work; gone with this object unless it is kept, or in use. Names are unique in the
// kernel.
class MappedDevice {
 public:
  // Errors name the device and the step; what was wrong with the table the kernel says in its log.
  static absl::StatusOr<MappedDevice> Create(const std::string& name, const DeviceTable& table);
  MappedDevice(MappedDevice&& other) noexcept;
  MappedDevice& operator=(MappedDevice&&) = delete;
  ~MappedDevice();

  const std::string& path() const { return path_; }
  void Keep() { name_.clear(); }  // until the machine ends

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
