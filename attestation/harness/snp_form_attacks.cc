// SNP evidence that is not what its form says: numbers that are no bytes, arrays of another length.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

// The JSON of the report, spoilt.
Case Report(std::string name, std::string what, std::function<void(Json&)> change) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
    ASSIGN_OR_RETURN(Json attestation, lab.HonestOf(lab.snp(), session, lab.key()));
    change(attestation["tee-evidence"]["primary_evidence"]["attestation_report"]);
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kSnp},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

Case Evidence(std::string name, std::string what, Json evidence) {
  auto steps = [evidence = std::move(evidence)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
    ASSIGN_OR_RETURN(Json attestation, lab.With(session, evidence));
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

std::vector<Case> Lengths() {
  std::vector<Case> cases;
  for (auto [field, size] : std::initializer_list<std::pair<const char*, int>>{
           {"report_data", 64}, {"measurement", 48}, {"host_data", 32}, {"chip_id", 64}}) {
    for (int change : {-1, 1}) {
      cases.push_back(
          Report(StrCat(field, change < 0 ? "-short" : "-long"),
                 StrCat("a report whose ", field, " has ", size + change, " bytes, not ", size),
                 [field = field, change](Json& report) {
                   if (change < 0) {
                     report[field].erase(0);
                   } else {
                     report[field].push_back(0);
                   }
                 }));
    }
  }
  return cases;
}

std::vector<Case> Numbers() {
  return {
      Report("byte-256", "a byte of 256", [](Json& report) { report["host_data"][3] = 256; }),
      Report("byte-negative", "a byte of -1", [](Json& report) { report["host_data"][3] = -1; }),
      Report("byte-fraction", "a byte of 0.5", [](Json& report) { report["host_data"][3] = 0.5; }),
      Report("byte-string", "a byte as a string",
             [](Json& report) { report["host_data"][3] = "0"; }),
      Report("number-past-32-bits", "a guest SVN of 2^32, which wraps to 0",
             [](Json& report) { report["guest_svn"] = 4294967296; }),
      Report("number-past-8-bits", "a TCB component of 256 more than it is",
             [](Json& report) {
               Json& snp = report["reported_tcb"]["snp"];
               snp = snp.get<int>() + 256;
             }),
      Report("number-negative", "a VMPL of -1", [](Json& report) { report["vmpl"] = -1; }),
      Report("version-1", "a report of version 1", [](Json& report) { report["version"] = 1; }),
      Report("version-99", "a report of version 99", [](Json& report) { report["version"] = 99; }),
      Report("policy-float", "a policy as a floating-point number past 2^53",
             [](Json& report) { report["policy"] = 1.8446744073709552e19; }),
      Report("report-as-string", "a report as a string", [](Json& report) { report = "AAAA"; }),
      Report("report-as-bytes", "a report as an array of its bytes",
             [](Json& report) {
               report = Json::array({2, 0, 0, 0});
             }),
      Report("without-signature", "a report without its signature",
             [](Json& report) { report.erase("signature"); }),
      Report("without-report-data", "a report without report data",
             [](Json& report) { report.erase("report_data"); })};
}

std::vector<Case> Whole() {
  return {Evidence("empty-object", "evidence without anything in it", Json::object()),
          Evidence("sample", "the sample evidence that peers' tests use",
                   {{"svn", "1"}, {"report_data", "AAAA"}}),
          Evidence("string", "evidence as a string", "evidence"),
          Evidence("nested", "evidence nested forty objects deep", [] {
            Json nested = 1;
            for (int i = 0; i < 40; ++i) nested = {{"a", nested}};
            return nested;
          }())};
}

}  // namespace

Family SnpFormAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Lengths(), Numbers(), Whole()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "snp-form", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
