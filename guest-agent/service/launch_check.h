// Is this the guest its owner described? The hardware's own report carries the digest of the
// initdata the VM was launched with; the document the host gave must have that digest.
// Until it has, the agent opens no port.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "tee/common/evidence.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {

// What the checked document says, and how it was proven.
struct LaunchIdentity {
  tee::Initdata initdata;
  Bytes initdata_digest;
};

// Asks `source` for its own report over a fresh nonce, and compares its HOST_DATA (SNP) or
// MRCONFIGID (TDX) with the digest of `document`. kPermissionDenied, with both digests in hex, when
// they differ; kDataLoss when the report is not for the nonce; kUnimplemented for a TEE whose
// report has no such field.
absl::StatusOr<LaunchIdentity> CheckLaunch(std::string_view document, tee::EvidenceSource* source);

}  // namespace nacre::guest_agent
