#include "attestation/verifier/verifier.h"

#include <algorithm>

#include "attestation/verifier/launch_difference.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

using tee::Appraisal;
using tee::RefusalClass;
using tee::sev::Report;

// As Confidential Containers compares it: the digest cut, or padded with zeros, to 32 bytes.
Bytes HostDataFor(ByteView digest) {
  Bytes out(32);
  std::copy_n(digest.begin(), std::min(digest.size(), out.size()), out.begin());
  return out;
}

bool CheckInitdata(const Report& report, const std::optional<Bytes>& digest, Appraisal* appraisal) {
  if (!digest) return true;
  if (digest->empty() || digest->size() > 64) {
    return appraisal->Add(RefusalClass::kHostData, "initdata", false, "a digest of 1 to 64 bytes",
                          StrCat(digest->size(), " bytes"));
  }
  const Bytes expected = HostDataFor(*digest);
  return appraisal->Add(RefusalClass::kHostData, "initdata",
                        ConstantTimeEqual(report.host_data, expected), HexEncode(expected),
                        HexEncode(report.host_data));
}

// The names of what matched and, of a reference that is out of date, why it did not count.
struct Match {
  const ReferenceValue* current = nullptr;
  const ReferenceValue* expired = nullptr;
};

Match FindReference(std::span<const ReferenceValue> references, ByteView measurement, int64_t now) {
  Match match;
  for (const ReferenceValue& reference : references) {
    if (!ConstantTimeEqual(reference.measurement.digest, measurement)) continue;
    const bool expired = reference.expires && now >= *reference.expires;
    (expired ? match.expired : match.current) = &reference;
    if (!expired) break;
  }
  return match;
}

constexpr size_t kMaxExplained = 16;  // references tried for an explanation

// The references still in force, newest first: the first is the one most likely meant.
std::vector<const ReferenceValue*> InForce(std::span<const ReferenceValue> references,
                                           int64_t now) {
  std::vector<const ReferenceValue*> out;
  for (const ReferenceValue& reference : references) {
    if (!reference.expires || now < *reference.expires) out.push_back(&reference);
  }
  // Equals stay in their order, which is the order of their addresses. (The library's stable sort
  // is one that clang calls deprecated.)
  std::sort(out.begin(), out.end(), [](const ReferenceValue* a, const ReferenceValue* b) {
    return a->created != b->created ? a->created > b->created : a < b;
  });
  if (out.size() > kMaxExplained) out.resize(kMaxExplained);
  return out;
}

// The nearest reference, and what differs from it.
struct Explanation {
  const ReferenceValue* nearest;
  std::string difference;
};

Explanation Explain(const SnpAppraisalRequest& request, const Report& report) {
  const auto references = InForce(request.references, request.now);
  if (references.empty()) return {nullptr, "no reference value is registered and in force"};
  for (const ReferenceValue* reference : references) {
    if (!request.hint) break;
    auto proven = ProvenDifference(reference->measurement, report.measurement, *request.hint);
    if (proven) return {reference, *std::move(proven)};
  }
  return {references[0],
          ExplainLaunchDifference(references[0]->measurement, report.measurement, request.hint)};
}

bool CheckMeasurement(const SnpAppraisalRequest& request, const Report& report,
                      Appraisal* appraisal) {
  const std::string_view name = "launch measurement";
  const std::string got = HexEncode(report.measurement);
  const Match match = FindReference(request.references, report.measurement, request.now);
  if (match.current != nullptr) {
    appraisal->reference = match.current->name;
    return appraisal->Add(name, true, HexEncode(match.current->measurement.digest), got);
  }
  if (match.expired != nullptr) {
    return appraisal->Add(RefusalClass::kMeasurement, name, false, "a current reference value", got,
                          StrCat("its reference value '", match.expired->name, "' expired ",
                                 crypto::FormatTime(*match.expired->expires)));
  }
  const Explanation why = Explain(request, report);
  if (why.nearest != nullptr) appraisal->claims["nearest_reference"] = why.nearest->name;
  return appraisal->Add(
      RefusalClass::kMeasurement, name, false,
      why.nearest ? HexEncode(why.nearest->measurement.digest) : "a reference value", got,
      why.difference);
}

}  // namespace

Appraisal Verifier::AppraiseSnp(const SnpAppraisalRequest& request) const {
  Appraisal appraisal;
  const auto report = tee::sev::VerifySnp(request.evidence, options_.trust, options_.policy,
                                          request.now, &appraisal, endorsements_.get());
  if (!report) return appraisal;
  CheckReportData(report->report_data, request.expected_report_data, &appraisal);
  CheckInitdata(*report, request.initdata_digest, &appraisal);
  CheckMeasurement(request, *report, &appraisal);
  return appraisal;
}

bool CheckLaunchMeasurement(const Report& report, std::span<const ReferenceValue> references,
                            const std::optional<LaunchHint>& hint, int64_t now,
                            Appraisal* appraisal) {
  SnpAppraisalRequest request;
  request.hint = hint;
  request.references = references;
  request.now = now;
  return CheckMeasurement(request, report, appraisal);
}

}  // namespace nacre::attestation
