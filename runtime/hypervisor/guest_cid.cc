// Ids are drawn at random: the kernel is the only one who knows which are taken, and says so when
// one is set.
#include "runtime/hypervisor/guest_cid.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "crypto/random.h"

namespace nacre::runtime {
namespace {

// linux/vhost.h, which does not compile as C++: VHOST_VSOCK_SET_GUEST_CID.
constexpr unsigned long kSetGuestCid = _IOW(0xaf, 0x60, uint64_t);

constexpr int kAttempts = 32;
constexpr uint32_t kFirst = 3;
constexpr uint32_t kCount = 0x7fffffff - kFirst;

uint32_t RandomCid() {
  const Bytes random = crypto::RandomBytes(sizeof(uint32_t));
  uint32_t value = 0;
  std::memcpy(&value, random.data(), sizeof value);
  return kFirst + value % kCount;
}

}  // namespace

absl::StatusOr<GuestCid> ClaimGuestCid(const std::string& device) {
  GuestCid claimed;
  claimed.device = UniqueFd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!claimed.device.valid()) {
    return absl::UnavailableError(StrCat("vsock needs ", device, ": ", std::strerror(errno)));
  }
  for (int i = 0; i < kAttempts; ++i) {
    claimed.cid = RandomCid();
    const uint64_t wanted = claimed.cid;
    if (::ioctl(claimed.device.get(), kSetGuestCid, &wanted) == 0) return claimed;
    if (errno == EADDRINUSE) continue;
    return absl::UnavailableError(
        StrCat("vsock: ", device, " gives no context id: ", std::strerror(errno)));
  }
  return absl::UnavailableError(StrCat("vsock: no free context id in ", kAttempts, " attempts"));
}

}  // namespace nacre::runtime
