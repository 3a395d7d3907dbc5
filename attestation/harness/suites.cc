// Cases run one after the other, since many of them look at what a broker remembers. Only those
// that wait for a broker's timers have a thread of their own, from the start, and are collected at
// the end.
#include "attestation/harness/suites.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "attestation/harness/families.h"
#include "attestation/harness/judge.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

using Time = std::chrono::steady_clock::time_point;

int64_t Since(Time start) {
  auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
}

// The first need that is not met; "" when all are.
std::string WhyNot(const Lab& lab, const Case& one) {
  for (Need need : one.needs) {
    if (std::string why = lab.Missing(need); !why.empty()) return why;
  }
  return "";
}

CaseResult RunCase(Lab& lab, const Family& family, const Case& one) {
  CaseResult result{.suite = family.suite,
                    .family = family.name,
                    .name = one.name,
                    .what = one.what,
                    .expected = one.expected.text};
  result.why = WhyNot(lab, one);
  if (!result.why.empty()) return result;
  auto start = std::chrono::steady_clock::now();
  absl::StatusOr<Reply> reply = one.steps(lab);
  result.took_us = Since(start);
  result.got = reply.ok() ? Judge(one.expected, *reply,
                                  {.peer_codes = lab.options().peer_codes, .secret = lab.secret()})
                          : std::string(Message(reply.status()));
  result.verdict = result.got.empty() ? Verdict::kPassed : Verdict::kFailed;
  return result;
}

// After attacks: an honest guest, or at least a challenge.
Case StillServing() {
  return {.name = "still-serving",
          .what = "after these attacks an honest client is served as before",
          .needs = {},
          .steps = [](Lab& lab) -> absl::StatusOr<Reply> {
            if (!lab.Missing(Need::kGuest).empty()) {
              RETURN_IF_ERROR(lab.Begin().status());
            } else {
              RETURN_IF_ERROR(lab.Handshake().status());
            }
            return Reply{.status = 200};
          },
          .expected = Accepted("a challenge, and a token for good evidence")};
}

bool Wanted(const Family& family, const Case& one, const std::vector<std::string>& only) {
  const std::string id = StrCat(family.suite, "/", family.name, "/", one.name);
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& prefix) {
           return id.starts_with(prefix);
         });
}

}  // namespace

std::vector<Family> AllFamilies() {
  return {AuthFamily(),     AttestFamily(),      KeyFamily(),       TokenFamily(),
          ResourceFamily(), ServiceFamily(),     AdminFamily(),     SessionAttacks(),
          BindingAttacks(), SnpReportAttacks(),  SnpChainAttacks(), SnpFormAttacks(),
          TdxAttacks(),     CollateralAttacks(), TpmAttacks(),      TokenAttacks(),
          JsonAttacks(),    SizeAttacks(),       PathAttacks(),     HttpAttacks(),
          PolicyAttacks()};
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kNotRun:
      return "not run";
  }
  return "";
}

size_t SuiteReport::Count(Verdict verdict) const {
  return static_cast<size_t>(
      std::count_if(results.begin(), results.end(),
                    [verdict](const CaseResult& result) { return result.verdict == verdict; }));
}

SuiteReport RunSuites(Lab& lab, const std::vector<Family>& families,
                      const std::vector<std::string>& only) {
  auto start = std::chrono::steady_clock::now();
  SuiteReport report{.broker = lab.probe().target().url,
                     .guest = lab.has_guest() ? lab.guest().Describe() : "none"};
  std::vector<std::pair<size_t, std::future<CaseResult>>> slow;
  auto run = [&](const Family& family, const Case& one) {
    if (!Wanted(family, one, only)) return;
    if (!one.slow) return report.results.push_back(RunCase(lab, family, one));
    // Its place in the report, until its result is there.
    slow.emplace_back(report.results.size(), std::async(std::launch::async, [&lab, &family, &one] {
                        return RunCase(lab, family, one);
                      }));
    report.results.emplace_back();
  };
  for (const Family& family : families) {
    for (const Case& one : family.cases) run(family, one);
    if (family.suite == "attack") run(family, StillServing());
  }
  for (auto& [place, result] : slow) report.results[place] = result.get();
  report.took_us = Since(start);
  return report;
}

}  // namespace nacre::attestation::harness
