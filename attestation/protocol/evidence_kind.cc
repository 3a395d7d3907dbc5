#include "attestation/protocol/evidence_kind.h"

#include "base/strings.h"

namespace nacre::attestation {

std::string_view EvidenceKindName(EvidenceKind kind) {
  switch (kind) {
    case EvidenceKind::kSnp:
      return "snp";
    case EvidenceKind::kTdx:
      return "tdx";
    case EvidenceKind::kAzureSnp:
      return "az-snp-vtpm";
    case EvidenceKind::kAzureTdx:
      return "az-tdx-vtpm";
    case EvidenceKind::kTpm:
      return "tpm";
    case EvidenceKind::kSample:
      return "sample";
  }
  return "unknown";
}

const std::vector<EvidenceKind>& AllEvidenceKinds() {
  static const std::vector<EvidenceKind> kKinds = {EvidenceKind::kSnp,      EvidenceKind::kTdx,
                                                   EvidenceKind::kAzureSnp, EvidenceKind::kAzureTdx,
                                                   EvidenceKind::kTpm,      EvidenceKind::kSample};
  return kKinds;
}

absl::StatusOr<EvidenceKind> ParseEvidenceKind(std::string_view name) {
  std::vector<std::string_view> known;
  for (EvidenceKind kind : AllEvidenceKinds()) {
    if (EvidenceKindName(kind) == name) return kind;
    known.push_back(EvidenceKindName(kind));
  }
  return absl::InvalidArgumentError(
      StrCat("evidence of kind '", name.substr(0, 32), "' is none of ", StrJoin(known, ", ")));
}

EvidenceKind EvidenceKindOf(tee::TeeKind kind) {
  switch (kind) {
    case tee::TeeKind::kSnp:
      return EvidenceKind::kSnp;
    case tee::TeeKind::kTdx:
      return EvidenceKind::kTdx;
    case tee::TeeKind::kTpm:
      return EvidenceKind::kTpm;
  }
  return EvidenceKind::kTpm;
}

}  // namespace nacre::attestation
