// The module hashes one 128-byte record for each page it adds and one for each 256 bytes it
// measures, the latter followed by those bytes. A record is the name of the call in ASCII, zeros,
// and at byte 16 the guest physical address.

#include "tee/tdx/mrtd.h"

#include <array>

#include "crypto/digest.h"

namespace nacre::tee::tdx {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kChunk = 256;

class MrtdHasher {
 public:
  void AddPage(uint64_t gpa) { Record("MEM.PAGE.ADD", gpa); }

  void ExtendPage(uint64_t gpa, ByteView page) {
    for (uint64_t offset = 0; offset < kPage; offset += kChunk) {
      Record("MR.EXTEND", gpa + offset);
      hasher_.Update(page.subspan(offset, kChunk));
    }
  }
  Bytes Finish() { return hasher_.Finish(); }

 private:
  void Record(std::string_view call, uint64_t gpa) {
    std::array<uint8_t, 128> record{};
    std::copy(call.begin(), call.end(), record.begin());
    for (size_t i = 0; i < 8; ++i) record[16 + i] = static_cast<uint8_t>(gpa >> (8 * i));
    hasher_.Update(record);
  }

  crypto::Hasher hasher_{crypto::HashAlgorithm::kSha384};
};

// The page at `offset` of the section: image bytes, and zeros behind them.
std::array<uint8_t, kPage> PageAt(ByteView image, const TdvfSection& section, uint64_t offset) {
  std::array<uint8_t, kPage> page{};
  if (offset < section.data_size) {
    const ByteView data =
        image.subspan(section.data_offset, section.data_size)
            .subspan(offset, std::min<uint64_t>(kPage, section.data_size - offset));
    std::copy(data.begin(), data.end(), page.begin());
  }
  return page;
}

}  // namespace

Bytes ComputeMrtd(ByteView image, const std::vector<TdvfSection>& sections, MrtdOrder order) {
  MrtdHasher mrtd;
  for (const TdvfSection& section : sections) {
    const bool added = (section.attributes & kTdvfPageAug) == 0;
    const bool measured = (section.attributes & kTdvfMeasured) != 0;
    const bool per_page = order == MrtdOrder::kPerPage;
    for (uint64_t offset = 0; added && offset < section.memory_size; offset += kPage) {
      mrtd.AddPage(section.address + offset);
      if (measured && per_page) {
        mrtd.ExtendPage(section.address + offset, PageAt(image, section, offset));
      }
    }
    for (uint64_t offset = 0; measured && !per_page && offset < section.memory_size;
         offset += kPage) {
      mrtd.ExtendPage(section.address + offset, PageAt(image, section, offset));
    }
  }
  return mrtd.Finish();
}

}  // namespace nacre::tee::tdx
