// What a verified report says, by name: "measurement", "reported_tcb.snp", "policy.debug", ...
#pragma once

#include "tee/common/appraisal.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

// Digests and ids in lower-case hex, bit fields as "0x...", numbers in decimal, bits as "true" and
// "false", firmware as "1.55.29". `product` decides how TCB_VERSION is read.
void AddReportClaims(const Report& report, Product product, Appraisal* appraisal);

}  // namespace nacre::tee::sev
