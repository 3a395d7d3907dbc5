// The table is read backwards. Its footer entry {u16 size, GUID} ends 0x20 bytes before the end of
// the image; the footer's size covers the whole table, itself included. Below it stand entries
// {data, u16 size, GUID}, the last one first. The "SEV metadata" entry holds a distance from the
// end of the image to a header {"ASEV", u32 size, u32 version 1, u32 count} with count sections
// {u32 gpa, u32 size, u32 type} behind it.
//
// The image is the owner's when measuring, but the same code may read what a host provides: every
// size is checked against what is left.

#include "tee/sev/firmware.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/sev/guid.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kTableEnd = 0x20;  // bytes between the table and the end of the image
constexpr size_t kEntryHeader = 18;
constexpr size_t kMetadataHeader = 16;
constexpr size_t kSectionSize = 12;

constexpr Guid kFooter = MakeGuid("96b582de-1fb2-45f7-baea-a366c55a082d");
constexpr Guid kHashTable = MakeGuid("7255371f-3a3b-4b04-927b-1da6efa8d454");
constexpr Guid kResetBlock = MakeGuid("00f771de-1a7e-4fcb-890e-68c77e2fb44e");
constexpr Guid kMetadata = MakeGuid("dc886566-984a-4798-a75e-5585a7bf67cc");

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("firmware image: ", message));
}

struct EntryHeader {
  size_t size;
  Guid guid;
};

// The header in the last 18 bytes of `bytes`.
absl::StatusOr<EntryHeader> LastHeader(ByteView bytes) {
  ByteReader reader(bytes.last(kEntryHeader));
  ASSIGN_OR_RETURN(const uint16_t size, reader.U16Le("table entry size"));
  ASSIGN_OR_RETURN(const Guid guid, reader.Array<16>("table entry GUID"));
  return EntryHeader{size, guid};
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

}  // namespace

absl::StatusOr<FirmwareLayout> ParseFirmware(ByteView image) {
  if (image.size() > kMaxFirmware) {
    return Refuse(StrCat(image.size(), " bytes, at most ", kMaxFirmware));
  }
  FirmwareLayout layout;
  if (image.size() < kTableEnd + kEntryHeader) return layout;
  ByteView table = image.first(image.size() - kTableEnd);
  ASSIGN_OR_RETURN(const EntryHeader footer, LastHeader(table));
  if (footer.guid != kFooter) return layout;
  if (footer.size < kEntryHeader || footer.size > table.size()) {
    return Refuse(StrCat("GUID table of ", footer.size, " bytes does not fit"));
  }
  table = table.last(footer.size);
  table = table.first(table.size() - kEntryHeader);
  while (!table.empty()) {
    if (table.size() < kEntryHeader) return Refuse("GUID table ends inside an entry");
    ASSIGN_OR_RETURN(const EntryHeader entry, LastHeader(table));
    if (entry.size < kEntryHeader || entry.size > table.size()) {
      return Refuse(StrCat("GUID table entry of ", entry.size, " bytes does not fit"));
    }
    const ByteView data = table.last(entry.size).first(entry.size - kEntryHeader);
    RETURN_IF_ERROR(TakeEntry(entry.guid, data, image, &layout));
    table = table.first(table.size() - entry.size);
  }
  return layout;
}

}  // namespace nacre::tee::sev
