// What kind of evidence a message carries, by the names of the key broker protocol ("tee").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tee/common/evidence.h"

namespace nacre::attestation {

enum class EvidenceKind { kSnp, kTdx, kAzureSnp, kAzureTdx, kTpm, kSample };

// "snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm", "tpm", "sample".
std::string_view EvidenceKindName(EvidenceKind kind);
// kInvalidArgument, listing the names, for any other; also for kinds that peers know and we do not.
absl::StatusOr<EvidenceKind> ParseEvidenceKind(std::string_view name);
const std::vector<EvidenceKind>& AllEvidenceKinds();

// The kind a guest's own evidence source sends. Azure's has no source here, nor has "sample".
EvidenceKind EvidenceKindOf(tee::TeeKind kind);

}  // namespace nacre::attestation
