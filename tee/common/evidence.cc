#include "tee/common/evidence.h"

#include "base/strings.h"

namespace nacre::tee {

std::string_view TeeName(TeeKind kind) {
  switch (kind) {
    case TeeKind::kSnp:
      return "snp";
    case TeeKind::kTdx:
      return "tdx";
    case TeeKind::kTpm:
      return "tpm";
  }
  return "unknown";
}

absl::StatusOr<TeeKind> ParseTeeName(std::string_view name) {
  for (TeeKind kind : {TeeKind::kSnp, TeeKind::kTdx, TeeKind::kTpm}) {
    if (name == TeeName(kind)) return kind;
  }
  return absl::InvalidArgumentError(StrCat("TEE '", name, "' is not snp, tdx or tpm"));
}

absl::StatusOr<Evidence> EvidenceSource::OwnReport(const ReportData& report_data) {
  ASSIGN_OR_RETURN(Evidence evidence, Quote(report_data));
  if (evidence.kind == TeeKind::kSnp) return evidence;
  return absl::UnimplementedError(StrCat(name(), ": a ", TeeName(evidence.kind),
                                         " quote is made outside of the guest it is about"));
}

}  // namespace nacre::tee
