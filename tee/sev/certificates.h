// Certificates that vouch for a report: the table a hypervisor hands to the guest (GHCB
// specification, "SNP Extended Guest Request") and the extensions of AMD's leaf certificates
// (AMD 57230, section 3).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "tee/sev/report.h"

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

// What AMD's extensions (1.3.6.1.4.1.3704.1.*) say about a VCEK or VLEK.
struct VekExtensions {
  std::string product_name;  // "Milan-B0", "Genoa", ...
  TcbComponents tcb;
  Bytes hardware_id;   // VCEK: 64 bytes, 8 on Turin
  std::string csp_id;  // VLEK
};

}  // namespace nacre::tee::sev
