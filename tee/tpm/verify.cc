#include "tee/tpm/verify.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/claims.h"

namespace nacre::tee::tpm {
namespace {

using eventlog::BankName;
using eventlog::BankSize;

constexpr uint32_t kFirmwarePcrs = 8;  // 0 to 7: only firmware extends them

std::string PcrList(const std::vector<uint32_t>& pcrs) {
  std::vector<std::string> texts;
  for (uint32_t pcr : pcrs) texts.push_back(StrCat(pcr));
  return texts.empty() ? "none" : StrJoin(texts, ",");
}

class Verification {
 public:
  Verification(const TpmEvidence& evidence, const TrustedAk& ak, ByteView nonce,
               const TpmPolicy& policy, Appraisal* appraisal)
      : evidence_(evidence), ak_(ak), nonce_(nonce), policy_(policy), appraisal_(*appraisal) {}

  bool Run() {
    return CheckFormat() && CheckSignature() && CheckNonce() && CheckPcrDigest() && CheckBank() &&
           CheckPolicy() && CheckEventLog() && CheckSecureBoot() && AddClaims();
  }
  TpmReport& report() { return report_; }

 private:
  const Attest& attest() const { return report_.attest; }

  bool CheckFormat() {
    const std::string_view name = "quote format";
    const std::string_view expected = "TPMS_ATTEST of a quote and TPMT_SIGNATURE";
    auto attest = ParseAttest(evidence_.attest);
    if (!attest.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, name, expected, attest.status());
    }
    report_.attest = *std::move(attest);
    auto signature = ParseSignature(evidence_.signature);
    if (!signature.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, name, expected, signature.status());
    }
    signature_ = *std::move(signature);
    return appraisal_.Add(name, true, expected, StrCat("signed with ", Scheme()));
  }

  std::string Scheme() const {
    return StrCat(SignatureKindName(signature_.kind), " ", BankName(signature_.hash));
  }

  bool CheckSignature() {
    const std::string expected = StrCat("by the attestation key of ", ak_.name());
    const absl::Status status =
        VerifySignature(ak_.key(), signature_, evidence_.attest, policy_.allow_sha1_signature);
    if (!status.ok()) {
      return appraisal_.AddError(RefusalClass::kSignature, "quote signature", expected, status);
    }
    return appraisal_.Add("quote signature", true, expected, Scheme());
  }

  bool CheckNonce() {
    return appraisal_.Add(RefusalClass::kNonce, "nonce",
                          std::ranges::equal(attest().extra_data, nonce_), HexEncode(nonce_),
                          HexEncode(attest().extra_data));
  }

  // The values that came along, put in the order of the selection, hash to the signed digest.
  bool CheckPcrDigest() {
    const std::string_view name = "PCR digest";
    ByteWriter values;
    for (const PcrSelection& selection : attest().selections) {
      const auto bank = evidence_.pcrs.find(selection.bank);
      for (uint32_t pcr : selection.Pcrs()) {
        const Bytes* value = bank == evidence_.pcrs.end() ? nullptr : Find(bank->second, pcr);
        if (value == nullptr || value->size() != BankSize(selection.bank)) {
          return appraisal_.Add(RefusalClass::kPcrDigest, name, false,
                                "a value for each quoted PCR",
                                StrCat("none, or one of a wrong size, for PCR ", pcr, " of ",
                                       BankName(selection.bank)));
        }
        values.Put(*value);
        if (selection.bank == policy_.bank) report_.pcrs[pcr] = *value;
      }
    }
    const Bytes computed = eventlog::BankDigest(signature_.hash, values.bytes());
    return appraisal_.Add(RefusalClass::kPcrDigest, name, computed == attest().pcr_digest,
                          HexEncode(attest().pcr_digest), HexEncode(computed));
  }

  static const Bytes* Find(const PcrValues& values, uint32_t pcr) {
    const auto found = values.find(pcr);
    return found == values.end() ? nullptr : &found->second;
  }

  bool CheckBank() {
    std::vector<std::string_view> quoted;
    for (const PcrSelection& selection : attest().selections) {
      quoted.push_back(BankName(selection.bank));
    }
    return appraisal_.Add(RefusalClass::kNoBank, "PCR bank", !report_.pcrs.empty(),
                          BankName(policy_.bank), StrJoin(quoted, ","));
  }

  // Every demand is checked, so that all that is amiss shows at once.
  bool CheckPolicy() {
    bool good = appraisal_.Add(
        RefusalClass::kPolicy, "safe clock", attest().safe || !policy_.require_safe_clock,
        policy_.require_safe_clock ? "safe" : "any", attest().safe ? "safe" : "not safe");
    std::vector<uint32_t> quoted;
    for (const auto& [pcr, value] : report_.pcrs) quoted.push_back(pcr);
    std::vector<uint32_t> required(policy_.required_pcrs.begin(), policy_.required_pcrs.end());
    good &= appraisal_.Add(RefusalClass::kPolicy, "quoted PCRs",
                           std::ranges::includes(quoted, required),
                           StrCat("at least ", PcrList(required)), PcrList(quoted));
    for (const auto& [pcr, allowed] : policy_.allowed_pcrs) {
      const Bytes* value = Find(report_.pcrs, pcr);
      std::vector<std::string> texts;
      for (const Bytes& one : allowed) texts.push_back(HexEncode(one));
      good &= appraisal_.Add(
          RefusalClass::kMeasurement, StrCat("PCR ", pcr),
          value != nullptr && std::ranges::find(allowed, *value) != allowed.end(),
          StrJoin(texts, " or "), value == nullptr ? "not quoted" : HexEncode(*value));
    }
    return good;
  }

  bool CheckEventLog() {
    if (evidence_.event_log.empty()) {
      return appraisal_.Add(RefusalClass::kPolicy, "event log", !policy_.require_event_log,
                            policy_.require_event_log ? "an event log" : "any", "none");
    }
    const auto log = eventlog::EventLog::Parse(evidence_.event_log, eventlog::Registers::kPcr);
    if (!log.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, "event log format", "a TCG event log",
                                 log.status());
    }
    const auto replayed = eventlog::Replay(*log, policy_.bank);
    if (!replayed.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, "event log bank", BankName(policy_.bank),
                                 replayed.status());
    }
    PcrValues compared;
    for (const auto& [pcr, value] : report_.pcrs) {
      const bool logged = pcr < kFirmwarePcrs || replayed->contains(pcr);
      if (logged && !policy_.unlogged_pcrs.contains(pcr)) compared[pcr] = value;
    }
    return eventlog::CheckRegisters(*log, policy_.bank, compared, &appraisal_) &&
           ReadClaims(*log, *replayed, compared);
  }

  // Claims come only from a log all of whose registers were compared with signed ones.
  bool ReadClaims(const eventlog::EventLog& log, const PcrValues& replayed,
                  const PcrValues& compared) {
    for (const auto& [pcr, value] : replayed) {
      if (compared.contains(pcr) || policy_.unlogged_pcrs.contains(pcr)) continue;
      return appraisal_.Add(RefusalClass::kPolicy, "event log coverage", false,
                            "every PCR that the log extends is quoted",
                            StrCat("PCR ", pcr, " is not quoted"));
    }
    const auto claims = eventlog::ReadBootClaims(log, policy_.bank, policy_.unlogged_pcrs);
    if (!claims.ok()) {
      return appraisal_.AddError(RefusalClass::kEventDataMismatch, "event data",
                                 "data that hashes to its digest", claims.status());
    }
    claims_ = *claims;
    return appraisal_.Add("event data", true, "data that hashes to its digest",
                          StrCat(log.size(), " events"));
  }

  bool CheckSecureBoot() {
    if (!policy_.require_secure_boot) return true;
    const std::optional<bool> said = claims_ ? claims_->secure_boot : std::nullopt;
    return appraisal_.Add(RefusalClass::kPolicy, "Secure Boot", said == true, "on",
                          !said   ? "not said"
                          : *said ? "on"
                                  : "off");
  }

  bool AddClaims() {
    std::map<std::string, std::string>& out = appraisal_.claims;
    for (const auto& [pcr, value] : report_.pcrs) out[StrCat("pcr.", pcr)] = HexEncode(value);
    out["pcr_bank"] = BankName(policy_.bank);
    out["tpm.clock"] = StrCat(attest().clock);
    out["tpm.reset_count"] = StrCat(attest().reset_count);
    out["tpm.restart_count"] = StrCat(attest().restart_count);
    out["tpm.firmware_version"] = HexEncode(ByteWriter().U64Be(attest().firmware_version).bytes());
    if (claims_) eventlog::AddBootClaims(*claims_, &appraisal_);
    return true;
  }

  const TpmEvidence& evidence_;
  const TrustedAk& ak_;
  ByteView nonce_;
  const TpmPolicy& policy_;
  Appraisal& appraisal_;
  Signature signature_;
  TpmReport report_;
  std::optional<eventlog::BootClaims> claims_;
};

}  // namespace

std::optional<TpmReport> VerifyTpmQuote(const TpmEvidence& evidence, const TrustedAk& ak,
                                        ByteView nonce, const TpmPolicy& policy,
                                        Appraisal* appraisal) {
  Verification verification(evidence, ak, nonce, policy, appraisal);
  if (!verification.Run()) return std::nullopt;
  return std::move(verification.report());
}

std::optional<TpmReport> VerifyTpm(const TpmEvidence& evidence, const TrustedAk& ak, ByteView nonce,
                                   const TpmPolicy& policy, Appraisal* appraisal) {
  appraisal->tee = TeeKind::kTpm;
  appraisal->root = ak.name();
  return VerifyTpmQuote(evidence, ak, nonce, policy, appraisal);
}

Bytes PcrExtendedOnce(Bank bank, ByteView digest) {
  return eventlog::Extended(bank, Bytes(BankSize(bank)), digest);
}

}  // namespace nacre::tee::tpm
