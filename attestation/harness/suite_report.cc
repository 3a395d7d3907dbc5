#include <map>

#include "absl/strings/str_replace.h"
#include "attestation/harness/suites.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

struct Counts {
  size_t passed = 0, failed = 0, not_run = 0;
  size_t total() const { return passed + failed + not_run; }
  void Add(Verdict verdict) {
    ++(verdict == Verdict::kPassed ? passed : verdict == Verdict::kFailed ? failed : not_run);
  }
};

// In the order of running.
std::vector<std::pair<std::string, Counts>> ByFamily(const SuiteReport& report) {
  std::vector<std::pair<std::string, Counts>> out;
  for (const CaseResult& result : report.results) {
    std::string name = StrCat(result.suite, "/", result.family);
    if (out.empty() || out.back().first != name) out.emplace_back(name, Counts{});
    out.back().second.Add(result.verdict);
  }
  return out;
}

std::string Padded(std::string text, size_t width, bool right = false) {
  std::string space(width > text.size() ? width - text.size() : 0, ' ');
  return right ? space + text : text + space;
}

std::string Row(const std::string& name, const Counts& counts) {
  return StrCat(Padded(name, 26), Padded(std::to_string(counts.total()), 7, true),
                Padded(std::to_string(counts.passed), 8, true),
                Padded(std::to_string(counts.failed), 8, true),
                Padded(std::to_string(counts.not_run), 9, true), "\n");
}

// Text for XML: escaped, and without the control characters it cannot hold.
std::string Xml(std::string_view text) {
  std::string out;
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    out.push_back(byte < 0x20 && c != '\n' && c != '\t' ? ' ' : c);
  }
  return absl::StrReplaceAll(out, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string Seconds(int64_t us) {
  std::string fraction = std::to_string(us % 1'000'000);
  return StrCat(us / 1'000'000, ".", std::string(6 - fraction.size(), '0'), fraction);
}

std::string JunitCase(const CaseResult& result) {
  std::string out =
      StrCat("    <testcase classname=\"", Xml(result.suite), ".", Xml(result.family), "\" name=\"",
             Xml(result.name), "\" time=\"", Seconds(result.took_us), "\"");
  if (result.verdict == Verdict::kPassed) return out + "/>\n";
  if (result.verdict == Verdict::kNotRun) {
    return StrCat(out, "><skipped message=\"", Xml(result.why), "\"/></testcase>\n");
  }
  return StrCat(out, "><failure message=\"expected ", Xml(result.expected), ", got ",
                Xml(result.got), "\">", Xml(result.what), "</failure></testcase>\n");
}

}  // namespace

std::string FormatSuites(const SuiteReport& report) {
  std::string text = StrCat("broker  ", report.broker, "\nguest   ", report.guest, "\n\n",
                            Padded("family", 26), "  cases  passed  failed  not run\n");
  Counts all;
  for (const auto& [name, counts] : ByFamily(report)) {
    text += Row(name, counts);
    all.passed += counts.passed;
    all.failed += counts.failed;
    all.not_run += counts.not_run;
  }
  StrAppend(&text, Row("all", all), "\n");
  for (const CaseResult& result : report.results) {
    if (result.verdict != Verdict::kFailed) continue;
    StrAppend(&text, "FAILED ", result.Id(), ": ", result.what, ": expected ", result.expected,
              ", got ", result.got, "\n");
  }
  // Many cases for one reason are told in one line.
  std::map<std::string, std::vector<std::string>> not_run;
  for (const CaseResult& result : report.results) {
    if (result.verdict == Verdict::kNotRun) not_run[result.why].push_back(result.Id());
  }
  for (const auto& [why, ids] : not_run) {
    StrAppend(&text, "not run (", ids.size(), "): ", why, ": ", StrJoin(ids, " "), "\n");
  }
  return text;
}

Json SuitesToJson(const SuiteReport& report) {
  Json cases = Json::array();
  for (const CaseResult& result : report.results) {
    Json one = {{"id", result.Id()},
                {"what", result.what},
                {"verdict", VerdictName(result.verdict)},
                {"expected", result.expected},
                {"took_us", result.took_us}};
    if (result.verdict == Verdict::kFailed) one["got"] = result.got;
    if (result.verdict == Verdict::kNotRun) one["why"] = result.why;
    cases.push_back(std::move(one));
  }
  return {{"schema", "nacre.attest.conformance/1"},
          {"broker", report.broker},
          {"guest", report.guest},
          {"passed", report.Count(Verdict::kPassed)},
          {"failed", report.Count(Verdict::kFailed)},
          {"not_run", report.Count(Verdict::kNotRun)},
          {"took_us", report.took_us},
          {"cases", std::move(cases)}};
}

std::string SuitesToJunit(const SuiteReport& report) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  size_t next = 0;
  for (const auto& [name, counts] : ByFamily(report)) {
    StrAppend(&out, "  <testsuite name=\"", Xml(name), "\" tests=\"", counts.total(),
              "\" failures=\"", counts.failed, "\" skipped=\"", counts.not_run, "\">\n");
    for (size_t i = 0; i < counts.total(); ++i) out += JunitCase(report.results[next++]);
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace nacre::attestation::harness
