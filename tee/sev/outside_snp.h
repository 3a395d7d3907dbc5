// What tests of outside SNP vectors share: the authorities of the folder and one verification.
#pragma once

#include <string>
#include <vector>

#include "tee/sev/verify.h"
#include "tee/testing/outside.h"

namespace nacre::tee::sev {

inline constexpr int64_t kOneDay = 24 * 3600;

// Genuine is enough.
inline SnpPolicy AnyPolicy() {
  return {.allow_debug = true, .allow_migration_agent = true, .max_vmpl = 3};
}

class OutsideSnpTest : public outside::OutsideTest {
 protected:
  void SetUp() override;
  // The vector's report (empty when it has none) and leaf, under all authorities.
  SnpEvidence EvidenceOf(const Json& vector) const;
  // A second at which the vector's leaf is valid.
  static int64_t ValidTime(const Json& vector);
  // Every ARK, ASK and ASVK of the folder.
  std::vector<CertificateEntry> authorities_;
};

// The class of the refusal; kNone when the report is genuine and within policy.
RefusalClass Verdict(const SnpEvidence& evidence, int64_t now, const SnpTrust& trust = {},
                     const SnpPolicy& policy = AnyPolicy());

}  // namespace nacre::tee::sev
