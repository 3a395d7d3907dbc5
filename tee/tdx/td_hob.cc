#include "tee/tdx/td_hob.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace nacre::tee::tdx {
namespace {

constexpr uint16_t kHobPhit = 1;
constexpr uint16_t kHobResource = 3;
constexpr uint16_t kPhitSize = 56;
constexpr uint16_t kResourceSize = 48;
constexpr uint64_t kEndOfListSize = 8;
constexpr uint32_t kMemoryAccepted = 0;
constexpr uint32_t kMemoryUnaccepted = 7;
constexpr uint32_t kPresentInitializedTested = 7;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kFourGib = uint64_t{1} << 32;

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("TD HOB: ", message));
}

void PutResource(uint32_t type, uint64_t start, uint64_t size, ByteWriter* out) {
  out->U16Le(kHobResource).U16Le(kResourceSize).Zeros(4).Zeros(16);  // reserved, no owner
  out->U32Le(type).U32Le(kPresentInitializedTested).U64Le(start).U64Le(size);
}

}  // namespace

uint64_t MemoryBelow4G(uint64_t memory_bytes) {
  return memory_bytes >= kSplitThreshold ? kLowMemoryWhenSplit : memory_bytes;
}

absl::StatusOr<Bytes> BuildTdHob(const std::vector<TdvfSection>& sections, uint64_t memory_bytes) {
  if (memory_bytes % kPage != 0 || memory_bytes > kMaxGuestMemory) {
    return Refuse(StrCat("guest memory of ", memory_bytes, " bytes"));
  }
  const TdvfSection* hob = nullptr;
  std::vector<std::pair<uint64_t, uint64_t>> accepted;  // start, end
  for (const TdvfSection& section : sections) {
    const bool is_hob = section.type == TdvfSectionType::kTdHob;
    if (is_hob) hob = &section;
    if (is_hob || section.type == TdvfSectionType::kTempMem) {
      accepted.emplace_back(section.address, section.address + section.memory_size);
    }
  }
  if (hob == nullptr) return Refuse("the firmware has no TD_HOB section");
  std::sort(accepted.begin(), accepted.end());
  const uint64_t low = MemoryBelow4G(memory_bytes);
  if (accepted.back().second > low) return Refuse("guest memory does not hold the firmware's own");

  ByteWriter resources;
  uint64_t at = 0;
  for (const auto& [start, end] : accepted) {
    if (start > at) PutResource(kMemoryUnaccepted, at, start - at, &resources);
    PutResource(kMemoryAccepted, start, end - start, &resources);
    at = end;
  }
  if (low > at) PutResource(kMemoryUnaccepted, at, low - at, &resources);
  if (memory_bytes > low) {
    PutResource(kMemoryUnaccepted, kFourGib, memory_bytes - low, &resources);
  }

  ByteWriter out;
  out.U16Le(kHobPhit).U16Le(kPhitSize).Zeros(4).U32Le(9);  // version
  out.U32Le(0).Zeros(32);                                  // boot mode, memory bounds
  out.U64Le(hob->address + kPhitSize + resources.size() + kEndOfListSize);
  return out.Put(resources.bytes()).Release();
}

}  // namespace nacre::tee::tdx
