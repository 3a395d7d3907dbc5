// The rows of a backup's frame: whatever parses comes out again as it was.
#include <cstdlib>

#include "attestation/broker/storage/backup_file.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

void Try(ByteView data) {
  const auto rows = ParseBackupRows(data);
  if (!rows.ok()) return;
  ByteWriter again;
  for (const BackupRow& row : *rows) PutBackupRow(row.table, row.values, &again);
  if (again.bytes() != ToBytes(data)) std::abort();
}

std::vector<std::string> Seeds() {
  ByteWriter out;
  PutBackupRow("resources", {std::string("a/b/c"), Bytes{1, 2, 3}, int64_t{-1}}, &out);
  PutBackupRow("policies", {std::string(), std::string("package policy"), int64_t{7}}, &out);
  PutBackupRow("", {}, &out);
  return {std::string(AsText(out.bytes()))};
}

NACRE_FUZZ_TARGET(BackupRows, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
