#include "tee/sev/certificates.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/sev/guid.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kEntrySize = 24;  // GUID, u32 offset, u32 length

struct Known {
  CertificateKind kind;
  std::string_view name;
};
constexpr Known kNames[] = {
    {CertificateKind::kArk, "ARK"},   {CertificateKind::kAsk, "ASK"},
    {CertificateKind::kAsvk, "ASVK"}, {CertificateKind::kVcek, "VCEK"},
    {CertificateKind::kVlek, "VLEK"}, {CertificateKind::kCrl, "CRL"},
};

struct KnownGuid {
  CertificateKind kind;
  Guid guid;
};
constexpr KnownGuid kGuids[] = {
    {CertificateKind::kVcek, MakeGuid("63da758d-e664-4564-adc5-f4b93be8accd")},
    {CertificateKind::kVlek, MakeGuid("a8074bc2-a25a-483e-aae6-39c045a0b8a1")},
    {CertificateKind::kAsk, MakeGuid("4ab7b379-bbac-4fe4-a02f-05aef327c782")},
    {CertificateKind::kArk, MakeGuid("c0b406a4-a803-4952-9743-3fb6014cd0ae")},
    {CertificateKind::kCrl, MakeGuid("92f81bc3-5811-4d3d-97ff-d19f88dc67ea")},
};

absl::Status Refuse(std::string_view message) {
  return RefusedError(RefusalClass::kFormat, StrCat("certificate table: ", message));
}

struct DirectoryEntry {
  Guid guid{};
  size_t offset = 0;
  size_t length = 0;
};

// The entries before the terminating zero entry.
absl::StatusOr<std::vector<DirectoryEntry>> ReadDirectory(ByteView table) {
  ByteReader reader(table);
  std::vector<DirectoryEntry> entries;
  while (true) {
    if (reader.remaining() < kEntrySize) return Refuse("no terminating entry");
    DirectoryEntry entry;
    ASSIGN_OR_RETURN(entry.guid, reader.Array<16>("GUID"));
    ASSIGN_OR_RETURN(entry.offset, reader.U32Le("offset"));
    ASSIGN_OR_RETURN(entry.length, reader.U32Le("length"));
    if (entry.guid == Guid{} && entry.offset == 0 && entry.length == 0) return entries;
    if (entries.size() == kMaxCertificateEntries) {
      return Refuse(StrCat("more than ", kMaxCertificateEntries, " entries"));
    }
    entries.push_back(entry);
  }
}

// Every entry inside the table, behind the directory, and apart from all others.
absl::Status CheckPlaces(std::vector<DirectoryEntry> entries, size_t table_size) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  size_t free_from = (entries.size() + 1) * kEntrySize;
  for (const DirectoryEntry& entry : entries) {
    if (entry.length == 0) return Refuse("an entry is empty");
    if (entry.offset > table_size || entry.length > table_size - entry.offset) {
      return Refuse(StrCat("an entry at ", entry.offset, " of ", entry.length,
                           " bytes lies outside the table of ", table_size));
    }
    if (entry.offset < free_from) return Refuse(StrCat("entries overlap at ", entry.offset));
    free_from = entry.offset + entry.length;
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view CertificateKindName(CertificateKind kind) {
  for (const Known& known : kNames) {
    if (known.kind == kind) return known.name;
  }
  return "unknown";
}

CertificateKind ParseCertificateKind(std::string_view name) {
  for (const Known& known : kNames) {
    if (known.name == name) return known.kind;
  }
  return CertificateKind::kUnknown;
}

absl::StatusOr<std::vector<CertificateEntry>> ParseCertificateTable(ByteView table) {
  std::vector<CertificateEntry> out;
  if (table.empty()) return out;
  if (table.size() > kMaxCertificateTable) {
    return Refuse(StrCat(table.size(), " bytes, at most ", kMaxCertificateTable));
  }
  ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> directory, ReadDirectory(table));
  RETURN_IF_ERROR(CheckPlaces(directory, table.size()));
  for (const DirectoryEntry& entry : directory) {
    const auto* known = std::find_if(std::begin(kGuids), std::end(kGuids),
                                     [&](const KnownGuid& k) { return k.guid == entry.guid; });
    if (known == std::end(kGuids)) continue;
    out.push_back({known->kind, ToBytes(table.subspan(entry.offset, entry.length))});
  }
  return out;
}

absl::StatusOr<Bytes> BuildCertificateTable(const std::vector<CertificateEntry>& entries) {
  if (entries.empty()) return Bytes();
  if (entries.size() > kMaxCertificateEntries) {
    return Refuse(StrCat("more than ", kMaxCertificateEntries, " entries"));
  }
  ByteWriter directory;
  ByteWriter data;
  const size_t data_start = (entries.size() + 1) * kEntrySize;
  for (const CertificateEntry& entry : entries) {
    // ASK and ASVK share a GUID.
    const CertificateKind kind =
        entry.kind == CertificateKind::kAsvk ? CertificateKind::kAsk : entry.kind;
    const auto* known = std::find_if(std::begin(kGuids), std::end(kGuids),
                                     [&](const KnownGuid& k) { return k.kind == kind; });
    if (known == std::end(kGuids)) return Refuse("an entry of unknown kind");
    if (entry.data.empty()) return Refuse("an entry is empty");
    if (entry.data.size() > kMaxCertificateTable) return Refuse("an entry is too large");
    directory.Put(known->guid).U32Le(static_cast<uint32_t>(data_start + data.size()));
    directory.U32Le(static_cast<uint32_t>(entry.data.size()));
    data.Put(entry.data);
  }
  directory.Zeros(kEntrySize).Put(data.bytes());
  if (directory.size() > kMaxCertificateTable) return Refuse("too large");
  return directory.Release();
}

}  // namespace nacre::tee::sev
