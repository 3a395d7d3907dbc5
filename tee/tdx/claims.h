// What an appraisal says of a genuine trust domain, as text: "mrtd", "rtmr0", "tcb.status", ...
#pragma once

#include "tee/common/appraisal.h"
#include "tee/tdx/verify.h"

namespace nacre::tee::tdx {

void AddTdxClaims(const VerifiedTd& td, const crypto::Certificate& pck, Appraisal* appraisal);

}  // namespace nacre::tee::tdx
