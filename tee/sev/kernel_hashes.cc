#include "tee/sev/kernel_hashes.h"

#include <algorithm>

#include "crypto/digest.h"
#include "tee/sev/guid.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kPageSize = 4096;
constexpr uint16_t kEntrySize = 16 + 2 + 32;
constexpr uint16_t kTableSize = 16 + 2 + 3 * kEntrySize;
constexpr size_t kPaddedTableSize = 176;  // kTableSize up to a multiple of 16

constexpr Guid kTableHeader = MakeGuid("9438d606-4f22-4cc9-b479-a793d411fd21");
constexpr Guid kCommandLineEntry = MakeGuid("97d02dd8-bd20-4c94-aa78-e7714d36ab2a");
constexpr Guid kInitrdEntry = MakeGuid("44baf731-3a2f-4bd7-9af1-41e29169781d");
constexpr Guid kKernelEntry = MakeGuid("4de79437-abd2-427f-b835-d5b172d2045b");

}  // namespace

Bytes CommandLineHash(std::string_view command_line) {
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  constexpr uint8_t kNul = 0;
  hasher.Update(AsBytes(command_line));
  hasher.Update({&kNul, 1});
  return hasher.Finish();
}

absl::StatusOr<Bytes> BuildHashTable(const KernelHashes& hashes) {
  ByteWriter out;
  out.Put(kTableHeader).U16Le(kTableSize);
  const std::pair<Guid, const Bytes*> entries[] = {{kCommandLineEntry, &hashes.command_line},
                                                   {kInitrdEntry, &hashes.initrd},
                                                   {kKernelEntry, &hashes.kernel}};
  for (const auto& [guid, hash] : entries) {
    if (hash->size() != 32) return absl::InvalidArgumentError("kernel hash is not 32 bytes");
    out.Put(guid).U16Le(kEntrySize).Put(*hash);
  }
  out.Zeros(kPaddedTableSize - kTableSize);
  return out.Release();
}

absl::StatusOr<Bytes> BuildHashPage(const KernelHashes& hashes, uint32_t table_gpa) {
  ASSIGN_OR_RETURN(const Bytes table, BuildHashTable(hashes));
  const size_t offset = table_gpa % kPageSize;
  if (offset + table.size() > kPageSize) {
    return absl::InvalidArgumentError("SEV hash table crosses the end of its page");
  }
  Bytes page(kPageSize);
  std::copy(table.begin(), table.end(), page.begin() + offset);
  return page;
}

}  // namespace nacre::tee::sev
