// What `nacre measure` reads of a TDX launch: firmware metadata, kernel headers, the table loader.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/tdx/authenticode.h"
#include "tee/tdx/linux_boot.h"
#include "tee/tdx/mrtd.h"
#include "tee/tdx/rtmr.h"
#include "tee/tdx/td_hob.h"
#include "tee/tdx/test_firmware.h"

namespace nacre::tee::tdx {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

constexpr uint64_t kMaxHashed = 1 << 20;

void TryFirmware(ByteView image) {
  const auto sections = ParseTdvf(image);
  if (!sections.ok()) return;
  uint64_t total = 0;
  for (const TdvfSection& section : *sections) total += section.memory_size;
  if (total <= kMaxHashed) Require(ComputeMrtd(image, *sections).size() == 48);
  (void)BuildTdHob(*sections, uint64_t{2} << 30).ok();
}

void TryKernel(ByteView image) {
  const auto digest = AuthenticodeDigest(crypto::HashAlgorithm::kSha384, image);
  if (digest.ok()) Require(digest->size() == 48);
  (void)ReadKernelVersion(image);
  const auto patched = PatchSetupHeader(image, image.size(), "quiet", uint64_t{1} << 30);
  if (patched.ok()) Require(patched->size() == image.size());
}

void Try(ByteView data) {
  TryFirmware(data);
  TryKernel(data);
  (void)TableLoaderFiles(data).ok();
}

std::vector<std::string> Seeds() {
  std::string loader = std::string("\x01\0\0\0etc/acpi/tables", 19);
  loader.resize(128);
  return {ToString(BuildTestTdvf()), ToString(BuildTestKernel("6.1.0 ", Bytes(64, 1))), loader};
}

NACRE_FUZZ_TARGET(TdxLaunch, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tdx
