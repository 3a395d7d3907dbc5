#include "tee/emulator/firmware_image.h"

#include <algorithm>

#include "tee/sev/firmware.h"
#include "tee/sev/guid.h"

namespace nacre::tee::emulator {
namespace {

using sev::Guid;
using sev::MakeGuid;

constexpr size_t kMetadataOffset = 0x1000;
constexpr size_t kTableEnd = kStandInFirmwareSize - 0x20;
constexpr uint16_t kEntryHeader = 18;
constexpr uint32_t kHashTableGpa = 0x810c00;  // inside the kernel-hashes page
constexpr uint32_t kResetEip = 0x80b004;      // where application processors would start

constexpr FirmwareSection kSections[] = {
    {0x800000, 0x9000, sev::kSectionMemory},       {0x80a000, 0x3000, sev::kSectionMemory},
    {0x80d000, 0x1000, sev::kSectionSecrets},      {0x80e000, 0x1000, sev::kSectionCpuid},
    {0x810000, 0x1000, sev::kSectionKernelHashes}, {0x811000, 0xf000, sev::kSectionMemory},
};

constexpr std::string_view kBanner =
    "Nacre stand-in firmware. Measured, never executed: an emulated guest is started by QEMU's own "
    "firmware. See docs.\n";

Bytes Metadata() {
  ByteWriter out;
  out.Put("ASEV").U32Le(16 + 12 * std::size(kSections)).U32Le(1).U32Le(std::size(kSections));
  for (const FirmwareSection& section : kSections) {
    out.U32Le(static_cast<uint32_t>(section.gpa)).U32Le(section.size).U32Le(section.type);
  }
  return out.Release();
}

void PutEntry(ByteWriter& out, const Guid& guid, std::initializer_list<uint32_t> words) {
  for (uint32_t word : words) out.U32Le(word);
  out.U16Le(static_cast<uint16_t>(4 * words.size() + kEntryHeader)).Put(guid);
}

// Entries from low to high addresses; readers walk them from the end.
Bytes GuidTable() {
  ByteWriter out;
  PutEntry(out, MakeGuid("dc886566-984a-4798-a75e-5585a7bf67cc"),
           {kStandInFirmwareSize - kMetadataOffset});
  PutEntry(out, MakeGuid("7255371f-3a3b-4b04-927b-1da6efa8d454"), {kHashTableGpa, 0x400});
  PutEntry(out, MakeGuid("00f771de-1a7e-4fcb-890e-68c77e2fb44e"), {kResetEip});
  const auto size = static_cast<uint16_t>(out.size() + kEntryHeader);
  out.U16Le(size).Put(MakeGuid("96b582de-1fb2-45f7-baea-a366c55a082d"));
  return out.Release();
}

}  // namespace

Bytes BuildStandInFirmware() {
  Bytes image(kStandInFirmwareSize);
  const auto put = [&image](size_t offset, ByteView bytes) {
    std::copy(bytes.begin(), bytes.end(), image.begin() + static_cast<ptrdiff_t>(offset));
  };
  put(0, AsBytes(kBanner));
  put(kMetadataOffset, Metadata());
  const Bytes table = GuidTable();
  put(kTableEnd - table.size(), table);
  constexpr uint8_t kHalt[] = {0xfa, 0xf4, 0xeb, 0xfc};  // cli; hlt; jmp to the cli
  put(kStandInFirmwareSize - 16, kHalt);
  return image;
}

}  // namespace nacre::tee::emulator
