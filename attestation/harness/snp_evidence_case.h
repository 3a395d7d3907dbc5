// Cases that spoil SNP evidence as it was signed, before it is put into JSON.
#pragma once

#include <functional>
#include <string>

#include "attestation/harness/case.h"
#include "attestation/harness/lab.h"
#include "tee/sev/verify.h"

namespace nacre::attestation::harness {

// Good evidence of the emulated guest with other certificates or lists beside it; not believed
// unless the caller expects otherwise.
using SnpEvidenceChange = std::function<absl::Status(Lab&, tee::sev::SnpEvidence&)>;
Case SnpEvidenceCase(std::string name, std::string what, SnpEvidenceChange change);

}  // namespace nacre::attestation::harness
