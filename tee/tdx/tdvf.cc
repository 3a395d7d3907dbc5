#include "tee/tdx/tdvf.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "tee/common/firmware_table.h"
#include "tee/common/guid.h"

namespace nacre::tee::tdx {
namespace {

constexpr Guid kTdxMetadata = MakeGuid("e47a6535-984a-4798-865e-4685a7bf8ec2");
constexpr uint64_t kPage = 4096;
constexpr size_t kDescriptorSize = 16;
constexpr size_t kSectionSize = 32;
constexpr uint32_t kLastType = static_cast<uint32_t>(TdvfSectionType::kPayloadParam);

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("TDVF metadata: ", message));
}

// The GUIDed entry holds the distance of the descriptor from the end of the image.
absl::StatusOr<ByteView> FindDescriptor(ByteView image) {
  ASSIGN_OR_RETURN(const std::vector<FirmwareTableEntry> entries, ReadFirmwareTable(image));
  std::optional<uint32_t> from_end;
  for (const FirmwareTableEntry& entry : entries) {
    if (entry.guid != kTdxMetadata) continue;
    if (from_end) return Refuse("two entries in the GUID table");
    if (entry.data.size() != 4) return Refuse(StrCat("an offset of ", entry.data.size(), " bytes"));
    ASSIGN_OR_RETURN(from_end, ByteReader(entry.data).U32Le("offset"));
  }
  if (!from_end) {
    return absl::NotFoundError("the firmware image has no TDX metadata: it is not a TDVF");
  }
  if (*from_end > image.size()) return Refuse("lies before the start of the image");
  return image.last(*from_end);
}

absl::StatusOr<TdvfSection> ReadSection(ByteReader* reader) {
  TdvfSection section;
  ASSIGN_OR_RETURN(section.data_offset, reader->U32Le("data offset"));
  ASSIGN_OR_RETURN(section.data_size, reader->U32Le("data size"));
  ASSIGN_OR_RETURN(section.address, reader->U64Le("memory address"));
  ASSIGN_OR_RETURN(section.memory_size, reader->U64Le("memory size"));
  ASSIGN_OR_RETURN(const uint32_t type, reader->U32Le("type"));
  ASSIGN_OR_RETURN(section.attributes, reader->U32Le("attributes"));
  if (type > kLastType) return Refuse(StrCat("section of unknown type ", type));
  section.type = static_cast<TdvfSectionType>(type);
  return section;
}

absl::Status CheckSection(const TdvfSection& section, size_t image_size) {
  const auto refuse = [&section](std::string_view why) {
    return Refuse(StrCat("section ", TdvfSectionName(section.type), ": ", why));
  };
  if (section.data_offset > image_size || section.data_size > image_size - section.data_offset) {
    return refuse("its data lies outside the image");
  }
  if (section.address % kPage != 0 || section.memory_size % kPage != 0) {
    return refuse("its memory is not whole pages");
  }
  if (section.memory_size > kMaxTdvfMemory) return refuse("its memory is too large");
  if (section.address > UINT64_MAX - section.memory_size) return refuse("its memory wraps around");
  if (section.data_size > section.memory_size) return refuse("its data is larger than its memory");
  if ((section.attributes & ~(kTdvfMeasured | kTdvfPageAug)) != 0) {
    return refuse(StrCat("unknown attributes ", section.attributes));
  }
  if ((section.attributes & kTdvfMeasured) != 0 && (section.attributes & kTdvfPageAug) != 0) {
    return refuse("pages added after the start cannot be measured");
  }
  return absl::OkStatus();
}

absl::Status CheckTogether(const std::vector<TdvfSection>& sections) {
  std::vector<const TdvfSection*> by_address;
  uint64_t total = 0;
  bool has_code = false;
  for (const TdvfSection& section : sections) {
    has_code |= section.type == TdvfSectionType::kBfv;
    total += section.memory_size;
    if (section.memory_size > 0) by_address.push_back(&section);
  }
  if (!has_code) return Refuse("no boot firmware volume");
  if (total > kMaxTdvfMemory) return Refuse("the sections' memory is too large");
  std::sort(by_address.begin(), by_address.end(),
            [](const auto* a, const auto* b) { return a->address < b->address; });
  for (size_t i = 1; i < by_address.size(); ++i) {
    if (by_address[i - 1]->address + by_address[i - 1]->memory_size > by_address[i]->address) {
      return Refuse("two sections overlap in memory");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view TdvfSectionName(TdvfSectionType type) {
  static constexpr std::string_view kNames[] = {"BFV",      "CFV",     "TD_HOB",       "TEMP_MEM",
                                                "PERM_MEM", "PAYLOAD", "PAYLOAD_PARAM"};
  const auto index = static_cast<size_t>(type);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

absl::StatusOr<std::vector<TdvfSection>> ParseTdvf(ByteView image) {
  ASSIGN_OR_RETURN(const ByteView descriptor, FindDescriptor(image));
  ByteReader reader(descriptor);
  const auto signature = reader.Take(4, "signature");
  if (!signature.ok() || AsText(*signature) != "TDVF") return Refuse("no 'TDVF' signature");
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Le("size"), "TDVF metadata");
  ASSIGN_OR_RETURN(const uint32_t version, reader.U32Le("version"), "TDVF metadata");
  ASSIGN_OR_RETURN(const uint32_t count, reader.U32Le("section count"), "TDVF metadata");
  if (version != 1) return Refuse(StrCat("version ", version, " is not 1"));
  if (count > kMaxTdvfSections) {
    return Refuse(StrCat(count, " sections, at most ", kMaxTdvfSections));
  }
  if (size != kDescriptorSize + count * kSectionSize || size > descriptor.size()) {
    return Refuse(StrCat("a length of ", size, " bytes does not fit ", count, " sections"));
  }
  std::vector<TdvfSection> sections;
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const TdvfSection section, ReadSection(&reader));
    RETURN_IF_ERROR(CheckSection(section, image.size()));
    sections.push_back(section);
  }
  RETURN_IF_ERROR(CheckTogether(sections));
  return sections;
}

}  // namespace nacre::tee::tdx
