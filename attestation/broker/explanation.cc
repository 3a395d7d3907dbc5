#include "attestation/broker/explanation.h"

#include <algorithm>

#include "base/json.h"

namespace nacre::attestation {
namespace {

// Some of this text came from the guest (a command line, a certificate's name): what is not UTF-8
// must not cost the owner the whole explanation.
std::string Readable(std::string_view text) {
  if (DumpJson(Json(text)).ok()) return std::string(text);
  std::string out;
  for (char c : text) out += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return out;
}

LogRow MakeRow(const RequestOrigin& origin, std::string_view code, std::string_view summary,
               Json detail) {
  detail["id"] = origin.id;
  detail["time"] = origin.time;
  detail["peer"] = origin.peer;
  LogRow row{.id = origin.id,
             .time = origin.time,
             .refused = !code.empty(),
             .code = std::string(code),
             .summary = Readable(summary),
             .detail = {}};
  auto text = DumpJson(detail);
  row.detail = text.ok() ? *text : "{}";
  return row;
}

const tee::Check* FirstFailed(const tee::Appraisal& appraisal) {
  for (const tee::Check& check : appraisal.checks) {
    if (!check.passed) return &check;
  }
  return nullptr;
}

std::string CodeOf(const tee::Appraisal& appraisal) {
  if (appraisal.affirmed()) return "";
  const tee::Check* failed = FirstFailed(appraisal);
  return failed != nullptr ? ReasonCode(failed->name) : "not-appraised";
}

std::string SummaryOf(const tee::Appraisal& appraisal) {
  if (appraisal.affirmed()) {
    return "nothing is wrong";
  }
  return appraisal.refusal.empty() ? "nothing was checked" : appraisal.refusal;
}

Json Detail(const AppraisalOutcome& outcome) {
  const tee::Appraisal& appraisal = outcome.appraisal;
  Json checks = Json::array();
  for (const tee::Check& check : appraisal.checks) {
    checks.push_back({{"name", check.name},
                      {"passed", check.passed},
                      {"expected", Readable(check.expected)},
                      {"got", Readable(check.got)}});
  }
  Json claims = Json::object();
  for (const auto& [name, value] : appraisal.claims) claims[name] = Readable(value);
  const bool affirmed = appraisal.affirmed();
  const std::string_view accepted = appraisal.emulated ? "emulated" : "affirming";
  return {{"tee", EvidenceKindName(outcome.kind)},
          {"emulated", appraisal.emulated},
          {"root", Readable(appraisal.root)},
          {"reference", appraisal.reference},
          {"verdict", affirmed ? accepted : "refused"},
          {"refusal", affirmed ? "" : Readable(SummaryOf(appraisal))},
          {"class", RefusalClassName(appraisal.refusal_class)},
          {"checks", std::move(checks)},
          {"claims", std::move(claims)}};
}

// "policy 'default_cpu' says executables 33, hardware 97"
std::string PolicySays(const Judgement& judgement) {
  std::string out = "policy '" + judgement.policy + "' says";
  std::string_view separator = " ";
  for (const auto& [name, value] : judgement.trust.vector.items()) {
    if (EarTier(value.get<int64_t>()) <= EarStatus::kAffirming) continue;
    out += std::string(separator) + name + " " + value.dump();
    separator = ", ";
  }
  return separator == " " ? "policy '" + judgement.policy + "' affirms nothing" : out;
}

std::string AcceptedSummary(const Judgement& judgement) {
  const tee::Appraisal& appraisal = judgement.outcome.appraisal;
  std::string out = "accepted: ";
  if (!judgement.affirmed()) {
    out += "genuine but " + std::string(EarStatusName(judgement.status())) + ": " +
           PolicySays(judgement);
  } else if (!appraisal.reference.empty()) {
    out += "reference value '" + appraisal.reference + "' matches";
  } else {
    out += "policy '" + judgement.policy + "' approves the launch";
  }
  return out + (appraisal.emulated ? ", on emulated hardware" : "");
}

Json Detail(const Judgement& judgement) {
  Json detail = Detail(judgement.outcome);
  const bool affirming = judgement.status() == EarStatus::kAffirming;
  const bool emulated = judgement.outcome.appraisal.emulated;
  detail["policy"] = judgement.policy;
  detail["status"] = EarStatusName(judgement.status());
  detail["trust"] = judgement.trust.vector;
  detail["verdict"] = emulated ? "emulated" : affirming ? "affirming" : detail["status"];
  return detail;
}

}  // namespace

std::string ReasonCode(std::string_view check_name) {
  std::string code;
  for (char c : check_name) {
    bool upper = c >= 'A' && c <= 'Z';
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    code += upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
  }
  return code;
}

LogRow ExplainForgery(const RequestOrigin& origin, const std::vector<AppraisalOutcome>& outcomes) {
  const auto refused = std::ranges::find(outcomes, false, &AppraisalOutcome::genuine);
  const AppraisalOutcome& subject = refused == outcomes.end() ? outcomes.front() : *refused;
  Json detail = Detail(subject);
  detail["kind"] = "attestation";
  detail["additional"] = Json::array();
  for (const AppraisalOutcome& other : outcomes) {
    if (&other != &subject) detail["additional"].push_back(Detail(other));
  }
  const std::string code = CodeOf(subject.appraisal);
  return MakeRow(origin, code.empty() ? "not-appraised" : code, SummaryOf(subject.appraisal),
                 std::move(detail));
}

LogRow ExplainJudgements(const RequestOrigin& origin, const std::vector<Judgement>& judgements,
                         bool require_affirming, std::string_view expired_references) {
  const auto doubtful = std::ranges::find(judgements, false, &Judgement::affirmed);
  const bool accepted = doubtful == judgements.end() || !require_affirming;
  const Judgement& subject = doubtful == judgements.end() ? judgements.front() : *doubtful;
  Json detail = Detail(subject);
  detail["kind"] = "attestation";
  detail["additional"] = Json::array();
  for (const Judgement& other : judgements) {
    if (&other != &subject) detail["additional"].push_back(Detail(other));
  }
  if (accepted) return MakeRow(origin, "", AcceptedSummary(subject), std::move(detail));
  const tee::Appraisal& appraisal = subject.outcome.appraisal;
  const std::string code = appraisal.affirmed() ? "attestation-policy" : CodeOf(appraisal);
  std::string summary =
      appraisal.affirmed() ? "attestation refused: " + PolicySays(subject) : SummaryOf(appraisal);
  summary += expired_references;
  detail["verdict"] = "refused";
  detail["refusal"] = Readable(summary);
  return MakeRow(origin, code, summary, std::move(detail));
}

LogRow ExplainRefusal(const RequestOrigin& origin, std::string_view tee, std::string_view code,
                      std::string_view summary) {
  return MakeRow(origin, code, summary,
                 {{"kind", "attestation"},
                  {"tee", Readable(tee)},
                  {"verdict", "refused"},
                  {"refusal", Readable(summary)},
                  {"checks", Json::array()},
                  {"claims", Json::object()}});
}

LogRow ExplainResourceRefusal(const RequestOrigin& origin, const EarSummary& guest,
                              std::string_view resource, std::string_view code,
                              std::string_view summary, std::string_view policy_trace) {
  return MakeRow(origin, code, summary,
                 {{"kind", "resource"},
                  {"trace", Readable(policy_trace)},
                  {"tee", guest.tee},
                  {"emulated", guest.emulated},
                  {"reference", guest.reference},
                  {"resource", Readable(resource)},
                  {"attestation", guest.id},
                  {"status", EarStatusName(guest.status)},
                  {"verdict", "refused"},
                  {"refusal", Readable(summary)},
                  {"checks", Json::array()},
                  {"claims", Json::object()}});
}

}  // namespace nacre::attestation
