#include "tee/sev/outside_snp.h"

namespace nacre::tee::sev {

void OutsideSnpTest::SetUp() {
  OutsideTest::SetUp();
  if (IsSkipped()) return;
  for (const Json& vector : OfKind("snp-ca-cert")) {
    const Bytes der = outside::ReadData(outside::FileOf(vector, "certificate"));
    const auto certificate = crypto::Certificate::FromDer(der).value();
    const bool root = certificate.subject_common_name().value().starts_with("ARK-");
    authorities_.push_back({root ? CertificateKind::kArk : CertificateKind::kAsk, der});
  }
}

SnpEvidence OutsideSnpTest::EvidenceOf(const Json& vector) const {
  SnpEvidence evidence;
  const std::string report = outside::FileOf(vector, "SNP");
  if (!report.empty()) evidence.report = outside::ReadData(report);
  for (const char* role : {"VCEK", "VLEK"}) {
    const std::string path = outside::FileOf(vector, role);
    if (path.empty()) continue;
    evidence.certificates.push_back({ParseCertificateKind(role), outside::ReadData(path)});
  }
  evidence.certificates.insert(evidence.certificates.end(), authorities_.begin(),
                               authorities_.end());
  return evidence;
}

int64_t OutsideSnpTest::ValidTime(const Json& vector) {
  const Json& stated = vector.at("expected");
  const Json& dates = stated.contains("endorsement") ? stated.at("endorsement") : stated;
  return dates.contains("not_before") ? outside::Time(outside::Text(dates, "not_before")) + kOneDay
                                      : 0;
}

RefusalClass Verdict(const SnpEvidence& evidence, int64_t now, const SnpTrust& trust,
                     const SnpPolicy& policy) {
  Appraisal appraisal;
  (void)VerifySnp(evidence, trust, policy, now, &appraisal);
  return appraisal.refusal_class;
}

}  // namespace nacre::tee::sev
