// Is this report genuine, and does it meet a policy? Every step of AMD 56860/57230 in order:
// format, certificate chain to a pinned root, revocation, leaf kind, product, report signature, TCB
// and chip id against the leaf's extensions, then the owner's policy (tee/sev/policy.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "tee/common/appraisal.h"
#include "tee/common/evidence.h"
#include "tee/sev/certificates.h"
#include "tee/sev/chain.h"
#include "tee/sev/endorsement.h"
#include "tee/sev/policy.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

struct SnpEvidence {
  Bytes report;  // 1184 bytes
  std::vector<CertificateEntry> certificates;
};
// Report and GHCB table of an Evidence of kind snp; kInvalidArgument for another kind or a bad
// table.
absl::StatusOr<SnpEvidence> SnpEvidenceFrom(const Evidence& evidence);

// Appends its checks and claims to `appraisal` (which it also marks with root and emulated) and
// returns the report when it is genuine and within policy, or nullopt: appraisal->refusal says why.
// A report that is not genuine ends the checks at the step that found it out. `now` is seconds
// since 1970. With `cache` the chain of a leaf seen before costs only a digest over it.
std::optional<Report> VerifySnp(const SnpEvidence& evidence, const SnpTrust& trust,
                                const SnpPolicy& policy, int64_t now, Appraisal* appraisal,
                                EndorsementCache* cache = nullptr);

}  // namespace nacre::tee::sev
