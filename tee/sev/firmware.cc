// The "SEV metadata" entry of the firmware's GUID table (tee/common/firmware_table.h) holds a
// distance from the end of the image to a header {"ASEV", u32 size, u32 version 1, u32 count} with
// count sections {u32 gpa, u32 size, u32 type} behind it. Every size is checked against what is
// left: the same code may read what a host provides.

#include "tee/sev/firmware.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/common/firmware_table.h"
#include "tee/common/refusal_class.h"
#include "tee/common/guid.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kMetadataHeader = 16;
constexpr size_t kSectionSize = 12;

constexpr Guid kHashTable = MakeGuid("7255371f-3a3b-4b04-927b-1da6efa8d454");
constexpr Guid kResetBlock = MakeGuid("00f771de-1a7e-4fcb-890e-68c77e2fb44e");
constexpr Guid kMetadata = MakeGuid("dc886566-984a-4798-a75e-5585a7bf67cc");

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("firmware image: ", message));
}

absl::StatusOr<uint32_t> FirstWord(ByteView data, std::string_view what) {
  auto value = ByteReader(data).U32Le(what);
  if (!value.ok()) return Refuse(StrCat(what, " entry is shorter than 4 bytes"));
  return *value;
}

absl::StatusOr<std::vector<FirmwareSection>> ParseMetadata(ByteView image, uint32_t from_end) {
  if (from_end > image.size()) return Refuse("SEV metadata lies before the start of the image");
  ByteReader reader(image.last(from_end));
  auto signature = reader.Take(4, "signature");
  if (!signature.ok() || AsText(*signature) != "ASEV") {
    return Refuse("SEV metadata has no 'ASEV' signature");
  }
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Le("SEV metadata size"), "firmware image");
  ASSIGN_OR_RETURN(const uint32_t version, reader.U32Le("SEV metadata version"), "firmware image");
  ASSIGN_OR_RETURN(const uint32_t count, reader.U32Le("SEV metadata count"), "firmware image");
  if (version != 1) return Refuse(StrCat("SEV metadata version ", version, " is not 1"));
  if (count > kMaxMetadataSections) {
    return Refuse(StrCat("SEV metadata has ", count, " sections, at most ", kMaxMetadataSections));
  }
  if (size > from_end || size < kMetadataHeader + count * kSectionSize) {
    return Refuse(StrCat("SEV metadata of ", size, " bytes does not fit ", count, " sections"));
  }
  std::vector<FirmwareSection> sections;
  for (uint32_t i = 0; i < count; ++i) {
    FirmwareSection section;
    ASSIGN_OR_RETURN(section.gpa, reader.U32Le("section address"), "firmware image");
    ASSIGN_OR_RETURN(section.size, reader.U32Le("section size"), "firmware image");
    ASSIGN_OR_RETURN(section.type, reader.U32Le("section type"), "firmware image");
    sections.push_back(section);
  }
  return sections;
}

// A structure that stands twice is refused: readers would differ on which one counts.
absl::Status TakeEntry(const Guid& guid, ByteView data, ByteView image, FirmwareLayout* layout) {
  if (guid == kHashTable) {
    if (layout->hash_table_gpa) return Refuse("two SEV hash table entries");
    ASSIGN_OR_RETURN(layout->hash_table_gpa, FirstWord(data, "SEV hash table"));
  } else if (guid == kResetBlock) {
    if (layout->reset_eip) return Refuse("two SEV-ES reset block entries");
    ASSIGN_OR_RETURN(layout->reset_eip, FirstWord(data, "SEV-ES reset block"));
  } else if (guid == kMetadata) {
    if (!layout->sections.empty()) return Refuse("two SEV metadata entries");
    ASSIGN_OR_RETURN(const uint32_t from_end, FirstWord(data, "SEV metadata"));
    ASSIGN_OR_RETURN(layout->sections, ParseMetadata(image, from_end));
  }
  return absl::OkStatus();
}

absl::StatusOr<FirmwareLayout> ReadLayout(ByteView image) {
  ASSIGN_OR_RETURN(const std::vector<FirmwareTableEntry> entries, ReadFirmwareTable(image));
  FirmwareLayout layout;
  for (const FirmwareTableEntry& entry : entries) {
    RETURN_IF_ERROR(TakeEntry(entry.guid, entry.data, image, &layout));
  }
  return layout;
}

}  // namespace

absl::StatusOr<FirmwareLayout> ParseFirmware(ByteView image) {
  auto layout = ReadLayout(image);
  if (!layout.ok()) return WithClass(layout.status(), RefusalClass::kFormat);
  return layout;
}

}  // namespace nacre::tee::sev
