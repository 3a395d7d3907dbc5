#include "attestation/broker/judgement.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json_members.h"
#include "base/strings.h"
#include "base/toml.h"
#include "tee/common/initdata.h"

namespace nacre::attestation {
namespace {

constexpr int kUnrecognisedHardware = 97;  // AR4SI section 2.3
// A token is kept in a cookie; what is larger stays with the guest.
constexpr size_t kMaxInitDataClaims = 8 << 10;

// Takes the outcome's claims with it.
Json Evidence(AppraisalOutcome& outcome, const Bound& bound) {
  Json claims = std::move(outcome.claims);
  claims["emulated"] = outcome.appraisal.emulated;
  claims["root"] = outcome.appraisal.root;
  claims["reference"] = outcome.appraisal.reference;
  Json evidence = JsonMembers()
                      .Set(EvidenceKindName(outcome.kind), std::move(claims))
                      .Set("report_data", HexEncode(outcome.report_data))
                      .Set("init_data", HexEncode(outcome.init_data))
                      .Build();
  if (!bound.runtime_data.is_null()) evidence["runtime_data_claims"] = bound.runtime_data;
  if (!bound.init_data) return evidence;
  Json init_data = InitDataClaims(*bound.init_data);
  const auto text = DumpJson(init_data);
  const bool fits = text.ok() && text->size() <= kMaxInitDataClaims && !init_data.is_null();
  if (fits) evidence["init_data_claims"] = std::move(init_data);
  return evidence;
}

// The policy knows the launch by plain values; the refusal that no document does is taken back.
void AcceptLaunch(const std::string& policy, tee::Appraisal* appraisal) {
  for (tee::Check& check : appraisal->checks) {
    if (check.passed) continue;
    check.passed = true;
    check.expected = StrCat("what policy '", policy, "' approves");
  }
  appraisal->refusal.clear();
  appraisal->refusal_class = tee::RefusalClass::kNone;
}

Json PolicyData(std::string_view rego) {
  constexpr std::string_view kMark = "policy_data := ";
  const size_t mark = rego.rfind(kMark);
  if (mark == std::string_view::npos) return nullptr;
  auto json = ParseJson(rego.substr(mark + kMark.size()), {.max_size = 1 << 20, .max_depth = 32});
  return json.ok() ? *std::move(json) : Json(nullptr);
}

}  // namespace

std::string_view EarStatusName(EarStatus status) {
  switch (status) {
    case EarStatus::kNone:
      return "none";
    case EarStatus::kAffirming:
      return "affirming";
    case EarStatus::kWarning:
      return "warning";
    case EarStatus::kContraindicated:
      return "contraindicated";
  }
  return "contraindicated";
}

EarStatus EarTier(int64_t claim) {
  if (claim == 0) return EarStatus::kNone;
  if (claim >= 2 && claim <= 31) return EarStatus::kAffirming;
  if (claim >= 32 && claim <= 95) return EarStatus::kWarning;
  return EarStatus::kContraindicated;  // 96..127, and whatever has no meaning
}

EarStatus WorstOf(const Json& vector, std::string_view except) {
  EarStatus worst = EarStatus::kNone;
  for (const auto& [name, claim] : vector.items()) {
    if (name != except) worst = std::max(worst, EarTier(claim.get<int64_t>()));
  }
  return worst;
}

bool Judgement::affirmed() const {
  const bool emulated = outcome.appraisal.emulated;
  return WorstOf(trust.vector, emulated ? "hardware" : "") == EarStatus::kAffirming;
}

absl::StatusOr<Judgement> Judge(AppraisalOutcome outcome, const Bound& bound,
                                const BrokerPolicy& policy, const ReferenceQuery& references) {
  Judgement out;
  out.policy = policy.name();
  out.evidence = Evidence(outcome, bound);
  ASSIGN_OR_RETURN(out.trust, policy.Judge(out.evidence, references));
  Json& vector = out.trust.vector;
  const bool real = EarTier(vector["hardware"].get<int64_t>()) <= EarStatus::kAffirming;
  if (outcome.appraisal.emulated && real) vector["hardware"] = kUnrecognisedHardware;
  out.outcome = std::move(outcome);
  const bool known = EarTier(vector["executables"].get<int64_t>()) == EarStatus::kAffirming;
  if (known) AcceptLaunch(policy.name(), &out.outcome.appraisal);
  return out;
}

absl::StatusOr<std::vector<Judgement>> JudgeAll(std::vector<AppraisalOutcome> outcomes,
                                                const Attestation& attestation,
                                                const BrokerPolicy& policy,
                                                const ReferenceQuery& references) {
  Bound bound{.runtime_data = JsonMembers()
                                  .Set("nonce", attestation.nonce)
                                  .Set("tee-pubkey", attestation.tee_pubkey)
                                  .Build(),
              .init_data = std::nullopt};
  if (attestation.init_data) bound.init_data = attestation.init_data->body;
  std::vector<Judgement> out;
  for (AppraisalOutcome& outcome : outcomes) {
    ASSIGN_OR_RETURN(Judgement judgement, Judge(std::move(outcome), bound, policy, references));
    out.push_back(std::move(judgement));
    bound.init_data.reset();  // it is the primary's
  }
  return out;
}

Json InitDataClaims(std::string_view document) {
  const auto initdata = tee::ParseInitdata(document);
  if (!initdata.ok()) return nullptr;
  Json out = Json::object();
  for (const auto& [name, text] : initdata->data) {
    if (name == "policy.rego") {
      out["agent_policy_claims"] = PolicyData(text);
      continue;
    }
    auto table = name.ends_with(".toml") ? ParseToml(text) : absl::NotFoundError("no TOML");
    out[name] = table.ok() ? *std::move(table) : Json(text);
  }
  return out;
}

}  // namespace nacre::attestation
