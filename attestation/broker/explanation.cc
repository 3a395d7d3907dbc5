#include "attestation/broker/explanation.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/utf8.h"

namespace nacre::attestation {
namespace {

// Some of this text came from the guest (a command line, a certificate's name): what is not UTF-8
// must not cost the owner the whole explanation.
std::string Readable(std::string_view text) {
  std::string out(text);
  if (IsUtf8(text)) return out;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

void WriteReadable(std::string_view name, std::string_view text, JsonWriter* out) {
  out->Key(name);
  if (IsUtf8(text)) {
    out->Text(text);
  } else {
    out->Text(Readable(text));
  }
}

// Opens the detail with what all rows have; MakeRow closes it.
JsonWriter Begin(const RequestOrigin& origin, std::string_view kind) {
  JsonWriter out;
  out.BeginObject().Key("id").Text(origin.id).Key("kind").Text(kind);
  out.Key("peer").Text(Readable(origin.peer)).Key("time").Number(origin.time);
  return out;
}

LogRow MakeRow(const RequestOrigin& origin, std::string_view code, std::string_view summary,
               JsonWriter detail) {
  detail.EndObject();
  LogRow row{.id = origin.id,
             .time = origin.time,
             .refused = !code.empty(),
             .code = std::string(code),
             .summary = Readable(summary),
             .detail = std::move(detail).Finish().value_or("{}")};
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

std::string_view VerdictOf(const tee::Appraisal& appraisal) {
  if (!appraisal.affirmed()) return "refused";
  return appraisal.emulated ? "emulated" : "affirming";
}

// Members of the object at hand.
void WriteOutcome(const AppraisalOutcome& outcome, std::string_view verdict,
                  std::string_view refusal, JsonWriter* out) {
  const tee::Appraisal& appraisal = outcome.appraisal;
  out->Key("checks").BeginArray();
  for (const tee::Check& check : appraisal.checks) {
    out->BeginObject();
    WriteReadable("expected", check.expected, out);
    WriteReadable("got", check.got, out);
    out->Key("name").Text(check.name);
    out->Key("passed").Bool(check.passed).EndObject();
  }
  out->EndArray().Key("claims").BeginObject();
  for (const auto& [name, value] : appraisal.claims) WriteReadable(name, value, out);
  out->EndObject().Key("class").Text(RefusalClassName(appraisal.refusal_class));
  out->Key("emulated").Bool(appraisal.emulated).Key("reference").Text(appraisal.reference);
  out->Key("refusal").Text(Readable(refusal)).Key("root").Text(Readable(appraisal.root));
  out->Key("tee").Text(EvidenceKindName(outcome.kind)).Key("verdict").Text(verdict);
}

void WriteOutcome(const AppraisalOutcome& outcome, JsonWriter* out) {
  const bool affirmed = outcome.appraisal.affirmed();
  WriteOutcome(outcome, VerdictOf(outcome.appraisal), affirmed ? "" : SummaryOf(outcome.appraisal),
               out);
}

// What is all that remains of a refusal before there was anything to appraise.
void WriteRefusal(std::string_view tee, std::string_view summary, JsonWriter* out) {
  out->Key("checks").BeginArray().EndArray().Key("claims").BeginObject().EndObject();
  out->Key("refusal").Text(Readable(summary)).Key("tee").Text(Readable(tee));
  out->Key("verdict").Text("refused");
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

// `refusal` is empty for what was not refused.
void WriteJudgement(const Judgement& judgement, std::string_view refusal, JsonWriter* out) {
  const tee::Appraisal& appraisal = judgement.outcome.appraisal;
  const std::string_view status = EarStatusName(judgement.status());
  const std::string_view verdict = !refusal.empty()     ? "refused"
                                   : appraisal.emulated ? "emulated"
                                                        : status;
  const std::string own = appraisal.affirmed() ? "" : SummaryOf(appraisal);
  WriteOutcome(judgement.outcome, verdict, refusal.empty() ? own : refusal, out);
  out->Key("policy").Text(judgement.policy).Key("status").Text(status);
  out->Key("trust").Tree(judgement.trust.vector);
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
  JsonWriter detail = Begin(origin, "attestation");
  WriteOutcome(subject, &detail);
  detail.Key("additional").BeginArray();
  for (const AppraisalOutcome& other : outcomes) {
    if (&other == &subject) continue;
    detail.BeginObject();
    WriteOutcome(other, &detail);
    detail.EndObject();
  }
  detail.EndArray();
  const std::string code = CodeOf(subject.appraisal);
  return MakeRow(origin, code.empty() ? "not-appraised" : code, SummaryOf(subject.appraisal),
                 std::move(detail));
}

LogRow ExplainJudgements(const RequestOrigin& origin, const std::vector<Judgement>& judgements,
                         bool require_affirming, std::string_view expired_references) {
  const auto doubtful = std::ranges::find(judgements, false, &Judgement::affirmed);
  const bool accepted = doubtful == judgements.end() || !require_affirming;
  const Judgement& subject = doubtful == judgements.end() ? judgements.front() : *doubtful;
  const tee::Appraisal& appraisal = subject.outcome.appraisal;
  std::string code, refusal;
  if (!accepted && appraisal.affirmed()) {
    code = "attestation-policy";
    refusal = "attestation refused: " + PolicySays(subject);
  } else if (!accepted) {
    code = CodeOf(appraisal);
    refusal = SummaryOf(appraisal);
  }
  if (!accepted) refusal += expired_references;
  JsonWriter detail = Begin(origin, "attestation");
  WriteJudgement(subject, refusal, &detail);
  detail.Key("additional").BeginArray();
  for (const Judgement& other : judgements) {
    if (&other == &subject) continue;
    detail.BeginObject();
    WriteJudgement(other, "", &detail);
    detail.EndObject();
  }
  detail.EndArray();
  return MakeRow(origin, code, accepted ? AcceptedSummary(subject) : refusal, std::move(detail));
}

LogRow ExplainRefusal(const RequestOrigin& origin, std::string_view tee, std::string_view code,
                      std::string_view summary) {
  JsonWriter detail = Begin(origin, "attestation");
  WriteRefusal(tee, summary, &detail);
  return MakeRow(origin, code, summary, std::move(detail));
}

LogRow ExplainResourceRefusal(const RequestOrigin& origin, const EarSummary& guest,
                              std::string_view resource, std::string_view code,
                              std::string_view summary, std::string_view policy_trace) {
  JsonWriter detail = Begin(origin, "resource");
  WriteRefusal(guest.tee, summary, &detail);
  detail.Key("attestation").Text(Readable(guest.id)).Key("emulated").Bool(guest.emulated);
  detail.Key("reference").Text(Readable(guest.reference)).Key("resource").Text(Readable(resource));
  detail.Key("status").Text(EarStatusName(guest.status)).Key("trace").Text(Readable(policy_trace));
  return MakeRow(origin, code, summary, std::move(detail));
}

}  // namespace nacre::attestation
