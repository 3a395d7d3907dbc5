#include "tee/tdx/linux_boot.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/tdx/td_hob.h"

namespace nacre::tee::tdx {
namespace {

// Offsets in the image.
constexpr size_t kMagic = 0x202;  // "HdrS"
constexpr size_t kProtocol = 0x206;
constexpr size_t kVersionText = 0x20e;  // where it is, less 0x200
constexpr size_t kLoaderType = 0x210;
constexpr size_t kLoadFlags = 0x211;
constexpr size_t kInitrdAddress = 0x218;
constexpr size_t kInitrdSize = 0x21c;
constexpr size_t kHeapEnd = 0x224;
constexpr size_t kCommandLineAddress = 0x228;
constexpr size_t kInitrdMaximum = 0x22c;
constexpr size_t kExtendedFlags = 0x236;
constexpr size_t kHeaderEnd = 0x1000;

constexpr uint8_t kQemuLoader = 0xb0;
constexpr uint8_t kLoadedHigh = 0x01;
constexpr uint8_t kCanUseHeap = 0x80;
constexpr uint16_t kAbove4G = 0x02;
constexpr uint32_t kAcpiDataSize = 0x28000;  // what pc machines keep free below the top of memory

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("kernel image: ", message));
}

uint32_t Read(ByteView bytes, size_t offset, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint32_t{bytes[offset + i]} << (8 * i);
  return value;
}

void Write(uint64_t value, size_t offset, size_t width, Bytes* bytes) {
  for (size_t i = 0; i < width; ++i) (*bytes)[offset + i] = static_cast<uint8_t>(value >> (8 * i));
}

// "vga=" anywhere in an argument: QEMU looks for the text, not for the argument.
bool SetsVideoMode(std::string_view command_line) {
  return command_line.find("vga=") != std::string_view::npos;
}

absl::StatusOr<uint32_t> InitrdAddress(ByteView kernel, uint64_t size, uint64_t memory_bytes) {
  const uint32_t protocol = Read(kernel, kProtocol, 2);
  uint64_t maximum = Read(kernel, kInitrdMaximum, 4);
  if (protocol >= 0x20c && (Read(kernel, kExtendedFlags, 2) & kAbove4G) != 0) maximum = UINT32_MAX;
  if (protocol < 0x203) maximum = 0x37ffffff;
  const uint64_t low = MemoryBelow4G(memory_bytes);
  if (low <= kAcpiDataSize) return Refuse("guest memory is too small");
  maximum = std::min(maximum, low - kAcpiDataSize - 1);
  if (size >= maximum) return Refuse(StrCat("an initrd of ", size, " bytes does not fit memory"));
  return static_cast<uint32_t>((maximum - size) & ~uint64_t{4095});
}

}  // namespace

std::optional<KernelVersion> ReadKernelVersion(ByteView kernel) {
  if (kernel.size() < kHeaderEnd || Read(kernel, kMagic, 4) != 0x53726448) return std::nullopt;
  const size_t at = Read(kernel, kVersionText, 2) + 0x200;
  if (at == 0x200 || at + 16 > kernel.size()) return std::nullopt;
  const std::string_view text = AsText(kernel.subspan(at, 16));
  const size_t dot = text.find('.');
  const size_t end = text.find_first_not_of("0123456789", dot + 1);
  KernelVersion version;
  if (dot == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
  if (!ParseNumber(text.substr(0, dot), &version.major) ||
      !ParseNumber(text.substr(dot + 1, end - dot - 1), &version.minor)) {
    return std::nullopt;
  }
  return version;
}

absl::StatusOr<Bytes> PatchSetupHeader(ByteView kernel, uint64_t initrd_size,
                                       std::string_view command_line, uint64_t memory_bytes) {
  if (kernel.size() < kHeaderEnd || Read(kernel, kMagic, 4) != 0x53726448 ||
      Read(kernel, kProtocol, 2) < 0x202) {
    return Refuse("not a bzImage of boot protocol 2.02 or later");
  }
  if (SetsVideoMode(command_line)) return Refuse("'vga=' in the command line changes the image");
  Bytes out = ToBytes(kernel);
  const bool high = (kernel[kLoadFlags] & kLoadedHigh) != 0;
  const uint32_t real_address = high ? 0x10000 : 0x90000;
  const uint32_t command_line_address = high ? 0x20000 : 0x9a000;
  out[kLoaderType] = kQemuLoader;
  out[kLoadFlags] |= kCanUseHeap;
  Write(command_line_address - real_address - 0x200, kHeapEnd, 2, &out);
  Write(command_line_address, kCommandLineAddress, 4, &out);
  if (initrd_size > 0) {
    ASSIGN_OR_RETURN(const uint32_t address, InitrdAddress(kernel, initrd_size, memory_bytes));
    Write(address, kInitrdAddress, 4, &out);
    Write(initrd_size, kInitrdSize, 4, &out);
  }
  return out;
}

}  // namespace nacre::tee::tdx
