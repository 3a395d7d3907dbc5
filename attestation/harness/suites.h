// The suites of `nacre attest conformance` and how they are run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/harness/case.h"
#include "attestation/harness/lab.h"
#include "base/json.h"

namespace nacre::attestation::harness {

// Every family there is, in the order of running: the protocol first.
std::vector<Family> AllFamilies();

enum class Verdict { kPassed, kFailed, kNotRun };
std::string_view VerdictName(Verdict verdict);  // "passed", "failed", "not run"

struct CaseResult {
  std::string suite{};
  std::string family{};
  std::string name{};
  std::string what{};
  Verdict verdict = Verdict::kNotRun;
  std::string expected{};
  std::string got{};  // of a failed case
  std::string why{};  // of one not run
  int64_t took_us = 0;

  // "attack/session/nonce-replayed"
  std::string Id() const { return suite + "/" + family + "/" + name; }
};

struct SuiteReport {
  std::string broker{};
  std::string guest{};
  std::vector<CaseResult> results{};
  int64_t took_us = 0;

  size_t Count(Verdict verdict) const;
};

// Runs the cases whose id ("attack/session/nonce-replayed") begins with one of `only`; all when it
// is empty. Slow ones run beside the others. After each family of attacks the broker must still
// serve an honest guest: that is a case of its own, "still-serving".
SuiteReport RunSuites(Lab& lab, const std::vector<Family>& families,
                      const std::vector<std::string>& only = {});

// For people: a table, then one sentence a failure and one a case that was not run.
std::string FormatSuites(const SuiteReport& report);
Json SuitesToJson(const SuiteReport& report);
// JUnit XML: a test suite a family.
std::string SuitesToJunit(const SuiteReport& report);

}  // namespace nacre::attestation::harness
