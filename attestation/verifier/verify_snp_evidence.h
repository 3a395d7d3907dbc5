// SNP reports of any packing, for verify_evidence.
#pragma once

#include "attestation/verifier/verify_evidence.h"
#include "tee/sev/verify.h"

namespace nacre::attestation {

absl::StatusOr<tee::sev::SnpEvidence> ReadSnpEvidence(EvidenceFormat format, ByteView bytes);

// Of the leaves at hand, the one made for this chip and patch level; of none that is, the first of
// the kind the report asks for, so that the refusal says what differs.
void ChooseLeaf(const std::vector<tee::sev::CertificateEntry>& leaves,
                tee::sev::SnpEvidence* evidence);

// AMD's roots and those of request.trusted_roots that are ARKs, with the authorities at hand.
tee::sev::SnpTrust SnpTrustOf(const EvidenceRequest& request);

void VerifySnpEvidence(tee::sev::SnpEvidence evidence, const EvidenceRequest& request,
                       tee::Appraisal* appraisal);

}  // namespace nacre::attestation
