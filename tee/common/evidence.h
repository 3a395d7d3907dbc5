// Proof of what runs on this machine, as the hardware gives it, and the one way to ask for it.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "tee/common/report_data.h"

namespace nacre::tee {

enum class TeeKind { kSnp, kTdx, kTpm };

// "snp", "tdx", "tpm": the names of the KBS protocol.
std::string_view TeeName(TeeKind kind);
// kInvalidArgument for any other name.
absl::StatusOr<TeeKind> ParseTeeName(std::string_view name);

struct Evidence {
  TeeKind kind = TeeKind::kSnp;
  bool emulated = false;  // what the source believes; a verifier decides by the root that signed
  Bytes report;           // SNP: the 1184-byte report; TDX: the quote
  Bytes auxiliary;        // SNP: the GHCB certificate table, or empty
};

// One way to ask this machine for evidence. Thread-safe.
class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;
  // Where the evidence comes from, for logs: "configfs-tsm", "emulator".
  virtual std::string_view name() const = 0;
  // kUnavailable when the source does not answer, kDeadlineExceeded when it is too slow,
  // kDataLoss when it answers with something that is no evidence or is not for `report_data`.
  virtual absl::StatusOr<Evidence> Quote(const ReportData& report_data) = 0;
  // What the hardware says to this guest itself, with nobody of the host in between; for the
  // guest's own use, since nobody else can check all of it. SNP: the report, which comes enciphered
  // from the security processor. TDX: the TDREPORT, 1024 bytes from the TDX module; a quote of it
  // is made by the host. Errors as Quote; kUnimplemented where this source has no such way.
  virtual absl::StatusOr<Evidence> OwnReport(const ReportData& report_data);
};

}  // namespace nacre::tee
