// The table is read backwards. Its footer entry {u16 size, GUID} ends 0x20 bytes before the end of
// the image; the footer's size covers the whole table, itself included. Below it stand entries
// {data, u16 size, GUID}, the last one first.
//
// The image is the owner's when measuring, but the same code may read what a host provides: every
// size is checked against what is left.

#include "tee/common/firmware_table.h"

#include "base/strings.h"

namespace nacre::tee {
namespace {

constexpr size_t kTableEnd = 0x20;  // bytes between the table and the end of the image
constexpr size_t kEntryHeader = 18;

constexpr Guid kFooter = MakeGuid("96b582de-1fb2-45f7-baea-a366c55a082d");

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

}  // namespace

absl::StatusOr<std::vector<FirmwareTableEntry>> ReadFirmwareTable(ByteView image) {
  if (image.size() > kMaxFirmware) {
    return Refuse(StrCat(image.size(), " bytes, at most ", kMaxFirmware));
  }
  std::vector<FirmwareTableEntry> entries;
  if (image.size() < kTableEnd + kEntryHeader) return entries;
  ByteView table = image.first(image.size() - kTableEnd);
  ASSIGN_OR_RETURN(const EntryHeader footer, LastHeader(table));
  if (footer.guid != kFooter) return entries;
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
    entries.push_back({entry.guid, table.last(entry.size).first(entry.size - kEntryHeader)});
    table = table.first(table.size() - entry.size);
  }
  return entries;
}

}  // namespace nacre::tee
