#include "tee/sev/vmsa.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kPageSize = 4096;

// What differs between hypervisors.
struct Profile {
  uint16_t cs_attributes = 0x9b;
  uint16_t ss_attributes = 0x93;
  uint16_t tr_attributes = 0x8b;
  uint64_t pat = 0x0007040600070406;
  uint64_t rdx = 0x600;
  uint32_t mxcsr = 0;
  uint16_t x87_control = 0;
};

Profile ProfileOf(const VcpuStart& start) {
  Profile profile;
  switch (start.vmm) {
    case VmmProfile::kQemu:
      profile.rdx = start.cpuid_signature;
      profile.mxcsr = 0x1f80;
      profile.x87_control = 0x37f;
      break;
    case VmmProfile::kEc2V1:
      profile.rdx = 0;
      [[fallthrough]];
    case VmmProfile::kEc2:
      if (start.eip == kResetVector) profile.cs_attributes = 0x9a;
      profile.ss_attributes = 0x92;
      profile.tr_attributes = 0x83;
      break;
    case VmmProfile::kGce:
      profile.pat = 0x00070106;
      break;
  }
  return profile;
}

class Page {
 public:
  void Put(size_t offset, uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_[offset + i] = static_cast<uint8_t>(value >> (8 * i));
  }
  // struct vmcb_seg: selector, attributes, limit, base. Limits are 0xffff at reset.
  void Segment(size_t offset, uint16_t selector, uint16_t attributes, uint64_t base = 0) {
    Put(offset, selector, 2);
    Put(offset + 2, attributes, 2);
    Put(offset + 4, 0xffff, 4);
    Put(offset + 8, base, 8);
  }
  Bytes Release() { return std::move(bytes_); }

 private:
  Bytes bytes_ = Bytes(kPageSize);
};

}  // namespace

Bytes BuildVmsaPage(const VcpuStart& start) {
  const Profile profile = ProfileOf(start);
  Page page;
  page.Segment(0x00, 0, 0x93);                                                // ES
  page.Segment(0x10, 0xf000, profile.cs_attributes, start.eip & 0xffff0000);  // CS
  page.Segment(0x20, 0, profile.ss_attributes);                               // SS
  for (size_t offset : {0x30, 0x40, 0x50}) page.Segment(offset, 0, 0x93);     // DS, FS, GS
  page.Segment(0x60, 0, 0);                                                   // GDTR
  page.Segment(0x70, 0, 0x82);                                                // LDTR
  page.Segment(0x80, 0, 0);                                                   // IDTR
  page.Segment(0x90, 0, profile.tr_attributes);                               // TR
  page.Put(0x0d0, 0x1000, 8);              // EFER: SVME, set by KVM
  page.Put(0x148, 0x40, 8);                // CR4: MCE, set by KVM
  page.Put(0x158, 0x10, 8);                // CR0
  page.Put(0x160, 0x400, 8);               // DR7
  page.Put(0x168, 0xffff0ff0, 8);          // DR6
  page.Put(0x170, 0x2, 8);                 // RFLAGS
  page.Put(0x178, start.eip & 0xffff, 8);  // RIP
  page.Put(0x268, profile.pat, 8);
  page.Put(0x310, profile.rdx, 8);
  page.Put(0x3b0, start.sev_features, 8);
  page.Put(0x3e8, 0x1, 8);  // XCR0
  page.Put(0x408, profile.mxcsr, 4);
  page.Put(0x410, profile.x87_control, 2);
  return page.Release();
}

}  // namespace nacre::tee::sev
