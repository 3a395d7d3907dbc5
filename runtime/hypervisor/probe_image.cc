// Written by hand, byte by byte, because it must be in the shim itself: the probe may run before
// any guest image is trusted, and must not depend on a compiler for a second target.
#include "runtime/hypervisor/probe_image.h"

#include <cstdio>

#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr uint64_t kLoadAddress = 0x400000;
constexpr size_t kElfHeaderSize = 64;
constexpr size_t kProgramHeaderSize = 56;
constexpr size_t kCodeSize = 0x1f;

// System V ABI, AMD64: ELF header and one PT_LOAD segment covering the whole file.
void PutHeaders(ByteWriter& out, uint64_t file_size) {
  constexpr uint64_t kEntry = kLoadAddress + kElfHeaderSize + kProgramHeaderSize;
  out.Put(
         "\x7f"
         "ELF")
      .U8(2)
      .U8(1)
      .U8(1)
      .Zeros(9);                                     // 64-bit, little endian, version 1
  out.U16Le(2).U16Le(62).U32Le(1);                   // ET_EXEC, EM_X86_64, version
  out.U64Le(kEntry).U64Le(kElfHeaderSize).U64Le(0);  // entry, program headers, no sections
  out.U32Le(0).U16Le(kElfHeaderSize).U16Le(kProgramHeaderSize).U16Le(1);
  out.U16Le(64).U16Le(0).U16Le(0);
  out.U32Le(1).U32Le(5).U64Le(0).U64Le(kLoadAddress).U64Le(kLoadAddress);  // PT_LOAD, R+X
  out.U64Le(file_size).U64Le(file_size).U64Le(0x1000);
}

void PutCpioEntry(ByteWriter& out, std::string_view name, uint32_t mode, ByteView data) {
  char header[111];
  std::snprintf(header, sizeof header,
                "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1u, mode, 0u, 0u,
                1u, 0u, data.size(), 0u, 0u, 0u, 0u, name.size() + 1, 0u);
  const auto pad = [&] { out.Zeros((4 - out.size() % 4) % 4); };
  out.Put(std::string_view(header, 110)).Put(name).U8(0);
  pad();
  out.Put(data);
  pad();
}

}  // namespace

Bytes ProbeInit() {
  const std::string marker = StrCat(kProbeMarker, "\n");
  ByteWriter out;
  PutHeaders(out, kElfHeaderSize + kProgramHeaderSize + kCodeSize + marker.size());
  out.Put("\xb8").U32Le(1);                              // mov eax, 1       write
  out.Put("\xbf").U32Le(1);                              // mov edi, 1
  out.Put("\xbe").U32Le(kLoadAddress + kElfHeaderSize +  // mov esi, marker
                        kProgramHeaderSize + kCodeSize);
  out.Put("\xba").U32Le(static_cast<uint32_t>(marker.size()));  // mov edx, size
  out.Put("\x0f\x05");                                          // syscall
  out.Put("\x6a\x3c\x58");                                      // push 60; pop rax   exit
  out.Put("\x31\xff");                                          // xor edi, edi
  out.Put("\x0f\x05");                                          // syscall
  out.Put("\xeb\xfe");                                          // jmp $
  out.Put(marker);
  return out.Release();
}

Bytes ProbeInitrd() {
  ByteWriter out;
  PutCpioEntry(out, "init", 0100755, ProbeInit());
  PutCpioEntry(out, "TRAILER!!!", 0, {});
  return out.Release();
}

}  // namespace nacre::runtime
