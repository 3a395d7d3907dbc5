// Claims of verified evidence under the names that peers' policies and relying parties read
// (Confidential Containers' attestation service). Digests are lower-case hex in the order of the
// evidence.
#pragma once

#include <map>

#include "base/json.h"
#include "tee/common/appraisal.h"
#include "tee/sev/report.h"
#include "tee/tdx/verify.h"

namespace nacre::attestation {

Json SnpPeerClaims(const tee::sev::Report& report);
Json TdxPeerClaims(const tee::tdx::VerifiedTd& td);
// Of TPMs and Azure's guests: the appraisal's claims as text, and {"tpm": {"pcr00" to "pcr23"}} (of
// a plain TPM "pcr00" to "pcr23").
Json TextPeerClaims(const tee::Appraisal& appraisal, const std::map<uint32_t, Bytes>& pcrs);

}  // namespace nacre::attestation
