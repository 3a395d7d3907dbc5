// Certificates that vouch for a report, in the table a hypervisor hands to the guest (GHCB
// specification, "SNP Extended Guest Request").
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace nacre::tee::sev {

enum class CertificateKind { kArk, kAsk, kAsvk, kVcek, kVlek, kCrl, kUnknown };
// "ARK", "ASK", "ASVK", "VCEK", "VLEK", "CRL": `cert_type` of the KBS protocol's evidence. Unknown
// names give kUnknown.
std::string_view CertificateKindName(CertificateKind kind);
CertificateKind ParseCertificateKind(std::string_view name);

// One certificate, DER. The GHCB table has one GUID for ASK and ASVK; both arrive as kAsk, and the
// verifier tells them apart by their subject.
struct CertificateEntry {
  CertificateKind kind = CertificateKind::kUnknown;
  Bytes data;
  bool operator==(const CertificateEntry&) const = default;
};

inline constexpr size_t kMaxCertificateTable = 256 * 1024;
inline constexpr size_t kMaxCertificateEntries = 32;

// An empty input is an empty table. kInvalidArgument: over the limits, no terminating zero entry,
// an offset or length outside the table, entries that overlap each other or the directory. Entries
// of unknown GUID are dropped.
absl::StatusOr<std::vector<CertificateEntry>> ParseCertificateTable(ByteView table);
// Entries of unknown kind are kInvalidArgument; no entries give an empty table.
absl::StatusOr<Bytes> BuildCertificateTable(const std::vector<CertificateEntry>& entries);

}  // namespace nacre::tee::sev
