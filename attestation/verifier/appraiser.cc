// Every kind goes the same way: what its own verifier says (tee/), then the binding to the session,
// then initdata, then the launch. Evidence that is not genuine ends there; what is genuine but
// wrong collects all that is wrong, so that its owner reads everything at once.
#include "attestation/verifier/appraiser.h"

#include "attestation/protocol/binding.h"
#include "attestation/verifier/peer_claims.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "tee/eventlog/claims.h"
#include "tee/tdx/pck_chain.h"

namespace nacre::attestation {
namespace {

using tee::Appraisal;
using tee::RefusalClass;

constexpr uint32_t kRtmrsInLog = 3;   // RTMR3 is extended at run time
constexpr uint32_t kInitdataPcr = 8;  // as Confidential Containers extends it
constexpr size_t kMaxDigest = 64;

// As Confidential Containers compares it: the digest cut, or padded with zeros, to the field.
bool CheckInitdata(ByteView field, const std::optional<Bytes>& digest, Appraisal* appraisal) {
  if (!digest) return true;
  if (digest->empty() || digest->size() > kMaxDigest) {
    return appraisal->Add(RefusalClass::kHostData, "initdata", false, "a digest of 1 to 64 bytes",
                          StrCat(digest->size(), " bytes"));
  }
  Bytes expected = *digest;
  expected.resize(field.size());
  return appraisal->Add(RefusalClass::kHostData, "initdata", ConstantTimeEqual(field, expected),
                        HexEncode(expected), HexEncode(field));
}

bool CheckInitdataPcr(const tee::tpm::PcrValues& pcrs, const std::optional<Bytes>& digest,
                      Appraisal* appraisal) {
  if (!digest) return true;
  const size_t size = BankSize(tee::tpm::Bank::kSha256);
  const auto found = pcrs.find(kInitdataPcr);
  if (digest->size() != size || found == pcrs.end()) {
    return appraisal->Add(RefusalClass::kHostData, "initdata", false,
                          "a SHA-256 digest and a quoted PCR 8",
                          StrCat("a digest of ", digest->size(), " bytes and ",
                                 found == pcrs.end() ? "no PCR 8" : "PCR 8"));
  }
  const Bytes expected = tee::tpm::PcrExtendedOnce(tee::tpm::Bank::kSha256, *digest);
  return appraisal->Add(RefusalClass::kHostData, "initdata",
                        ConstantTimeEqual(found->second, expected), HexEncode(expected),
                        HexEncode(found->second));
}

// True when there is a log and it is proven by the registers.
bool ProvesLog(ByteView log, const tee::tdx::TdBody& td, Appraisal* appraisal) {
  if (log.empty()) return false;
  std::map<uint32_t, Bytes> registers;
  for (uint32_t i = 0; i < kRtmrsInLog; ++i) registers[i + 1] = ToBytes(td.rtmr[i]);
  return tee::eventlog::VerifyEventLog(log, tee::eventlog::Registers::kRtmr,
                                       tee::eventlog::Bank::kSha384, registers, appraisal);
}

// Nothing is wrong, unless it is the launch, and that was looked at.
bool IsGenuine(const Appraisal& appraisal) {
  bool launch = false;
  for (const tee::Check& check : appraisal.checks) {
    launch = launch || check.name == kLaunchCheck;
    if (!check.passed && check.name != kLaunchCheck) return false;
  }
  return launch;
}

// After a TPM's quote was found good.
void JudgePcrs(const tee::tpm::TpmReport& report, tee::tpm::Bank bank,
               const AppraisalRequest& request, AppraisalOutcome* out) {
  CheckInitdataPcr(report.pcrs, request.initdata_digest, &out->appraisal);
  CheckTpmLaunch(bank, report.pcrs, request.references.tpm, request.now, &out->appraisal);
  out->report_data = report.attest.extra_data;
  const auto found = report.pcrs.find(kInitdataPcr);
  if (found != report.pcrs.end()) out->init_data = found->second;
}

}  // namespace

Appraiser::Appraiser(AppraiserOptions options)
    : options_(std::move(options)), snp_({options_.snp.trust, options_.snp.policy}) {}

AppraisalOutcome Appraiser::Appraise(const AppraisalRequest& request) const {
  AppraisalOutcome out;
  out.kind = request.evidence.kind;
  const auto& body = request.evidence.body;
  if (const auto* snp = std::get_if<SnpEvidenceMessage>(&body)) {
    Snp(*snp, request, &out);
  } else if (const auto* tdx = std::get_if<TdxEvidenceMessage>(&body)) {
    Tdx(*tdx, request, &out);
  } else if (const auto* azure = std::get_if<tee::tpm::AzureEvidence>(&body)) {
    Azure(*azure, request, &out);
  } else if (const auto* tpm = std::get_if<TpmEvidenceMessage>(&body)) {
    Tpm(*tpm, request, &out);
  } else if (const auto* sample = std::get_if<SampleEvidence>(&body)) {
    Sample(*sample, request, &out);
  }
  out.genuine = IsGenuine(out.appraisal);
  return out;
}

void Appraiser::Snp(const SnpEvidenceMessage& evidence, const AppraisalRequest& request,
                    AppraisalOutcome* out) const {
  SnpAppraisalRequest snp;
  std::vector<std::string> missing;
  snp.evidence = options_.snp_collateral
                     ? options_.snp_collateral(evidence.evidence, request.now, &missing)
                     : evidence.evidence;
  const auto report_data = tee::ReportData::FromBytes(request.binding);
  if (!report_data.ok()) {
    out->appraisal.AddError(RefusalClass::kReportData, "report data", "a binding",
                            report_data.status());
    return;
  }
  snp.expected_report_data = *report_data;
  snp.initdata_digest = request.initdata_digest;
  snp.hint = evidence.hint;
  snp.references = request.references.snp;
  snp.now = request.now;
  out->appraisal = snp_.AppraiseSnp(snp);
  if (!IsGenuine(out->appraisal)) {
    for (const std::string& what : missing) StrAppend(&out->appraisal.refusal, "; ", what);
  }
  const auto report = tee::sev::ParseReport(evidence.evidence.report);
  if (!IsGenuine(out->appraisal) || !report.ok()) return;
  out->claims = SnpPeerClaims(*report);
  out->report_data = ToBytes(report->report_data);
  out->init_data = ToBytes(report->host_data);
}

// Nobody is asked about a platform that only a stranger's certificate names.
bool Appraiser::HasTrustedChain(ByteView quote, int64_t now, Appraisal* appraisal) const {
  const auto parsed = tee::tdx::ParseQuote(quote);
  const bool trusted =
      parsed.ok() &&
      tee::tdx::VerifyPckChain(parsed->signature.certification_data, options_.tdx_trust, now).ok();
  if (trusted) return true;
  // Ends at format or chain, before collateral is looked at, and says what is wrong.
  tee::tdx::VerifyTdx(quote, tee::tdx::ParsedCollateral(), options_.tdx_trust, options_.tdx_policy,
                      now, appraisal);
  return false;
}

std::optional<tee::tdx::ParsedCollateral> Appraiser::CollateralFor(ByteView quote, int64_t now,
                                                                   Appraisal* appraisal) const {
  appraisal->tee = tee::TeeKind::kTdx;
  const auto key = tee::tdx::CollateralKeyOf(quote);
  if (!key.ok()) {
    appraisal->AddError(RefusalClass::kFormat, "quote format",
                        "a TDX quote with its PCK certificate chain", key.status());
    return std::nullopt;
  }
  if (!HasTrustedChain(quote, now, appraisal)) return std::nullopt;
  const std::string expected =
      StrCat("TCB info, QE identity and CRLs of platform ", HexEncode(key->fmspc));
  auto collateral = options_.tdx_collateral
                        ? options_.tdx_collateral(*key, now)
                        : absl::NotFoundError("no source of collateral is configured");
  if (!collateral.ok()) {
    appraisal->AddError(RefusalClass::kCollateralMissing, "collateral", expected,
                        collateral.status());
    return std::nullopt;
  }
  auto parsed = tee::tdx::ParseCollateral(*std::move(collateral));
  if (parsed.ok()) return *std::move(parsed);
  appraisal->AddError(RefusalClass::kCollateralMissing, "collateral", expected, parsed.status());
  return std::nullopt;
}

void Appraiser::Tdx(const TdxEvidenceMessage& evidence, const AppraisalRequest& request,
                    AppraisalOutcome* out) const {
  Appraisal& appraisal = out->appraisal;
  const auto collateral = CollateralFor(evidence.quote, request.now, &appraisal);
  if (!collateral) return;
  const auto verified = tee::tdx::VerifyTdx(evidence.quote, *collateral, options_.tdx_trust,
                                            options_.tdx_policy, request.now, &appraisal);
  if (!verified) return;
  const tee::tdx::TdBody& td = *verified->quote.td;
  const auto report_data = tee::ReportData::FromBytes(request.binding);
  if (report_data.ok()) {
    CheckReportData(td.report_data, *report_data, &appraisal);
  } else {
    appraisal.AddError(RefusalClass::kReportData, "report data", "a binding", report_data.status());
  }
  CheckInitdata(td.mrconfigid, request.initdata_digest, &appraisal);
  const bool proven = ProvesLog(evidence.event_log, td, &appraisal);
  CheckTdxLaunch(td, request.references.tdx, options_.require_rtmr0,
                 proven ? ByteView(evidence.event_log) : ByteView(), request.now, &appraisal);
  out->claims = TdxPeerClaims(*verified);
  out->report_data = ToBytes(td.report_data);
  out->init_data = ToBytes(td.mrconfigid);
}

void Appraiser::Azure(const tee::tpm::AzureEvidence& evidence, const AppraisalRequest& request,
                      AppraisalOutcome* out) const {
  Appraisal& appraisal = out->appraisal;
  const bool snp = out->kind == EvidenceKind::kAzureSnp;
  appraisal.tee = snp ? tee::TeeKind::kSnp : tee::TeeKind::kTdx;
  if (options_.azure_policy.paravisors.empty()) {
    appraisal.Add(RefusalClass::kMeasurement, "paravisor", false,
                  "a launch measurement that the broker's owner has configured", "none",
                  "any confidential guest can name a vTPM of its own making");
    return;
  }
  std::optional<tee::tpm::AzureResult> result;
  if (snp) {
    result =
        tee::tpm::VerifyAzureSnp(evidence, options_.snp.trust, options_.snp.policy, request.binding,
                                 options_.azure_policy, request.now, &appraisal);
  } else if (const auto collateral = CollateralFor(evidence.td_quote, request.now, &appraisal)) {
    result =
        tee::tpm::VerifyAzureTdx(evidence, *collateral, options_.tdx_trust, options_.tdx_policy,
                                 request.binding, options_.azure_policy, request.now, &appraisal);
  }
  if (!result) return;
  JudgePcrs(result->tpm, options_.azure_policy.tpm.bank, request, out);
  out->claims = TextPeerClaims(appraisal, result->tpm.pcrs);
}

void Appraiser::Tpm(const TpmEvidenceMessage& evidence, const AppraisalRequest& request,
                    AppraisalOutcome* out) const {
  Appraisal& appraisal = out->appraisal;
  appraisal.tee = tee::TeeKind::kTpm;
  const auto key = crypto::PublicKey::FromSpkiDer(evidence.ak_public);
  const tee::tpm::TrustedAk* trusted = nullptr;
  for (const tee::tpm::TrustedAk& ak : options_.trusted_aks) {
    if (key.ok() && ak.key() == *key) trusted = &ak;
  }
  if (trusted == nullptr) {
    appraisal.Add(RefusalClass::kAkBinding, "attestation key", false,
                  "a key that the broker's owner has configured",
                  key.ok() ? "another key" : "no key",
                  "a TPM's key that only came with its own quote proves nothing");
    return;
  }
  const auto attest = tee::tpm::ParseAttest(evidence.evidence.attest);
  const Bytes nonce = TpmNonceFor(request.binding, attest.ok() ? attest->extra_data.size() : 0);
  const auto report =
      tee::tpm::VerifyTpm(evidence.evidence, *trusted, nonce, options_.tpm_policy, &appraisal);
  if (!report) return;
  JudgePcrs(*report, options_.tpm_policy.bank, request, out);
  out->claims = TextPeerClaims(appraisal, report->pcrs);
  out->claims["ak_public"] = Base64Encode(evidence.ak_public);
}

// It vouches for nothing, initdata included: peers pass that over too. Whether its svn is good
// enough is left to a policy, as peers' own asks for it.
void Appraiser::Sample(const SampleEvidence& evidence, const AppraisalRequest& request,
                       AppraisalOutcome* out) const {
  Appraisal& appraisal = out->appraisal;
  const bool allowed = appraisal.Add(
      RefusalClass::kChain, "sample evidence", options_.allow_sample,
      "evidence of hardware, or a broker whose owner takes it of none",
      options_.allow_sample ? "allowed" : "of no hardware",
      "anybody can write sample evidence; [attestation] allow_sample takes it for an emulator's");
  if (!allowed) return;
  appraisal.emulated = true;
  appraisal.root = "none (sample)";
  appraisal.Add(RefusalClass::kReportData, "report data",
                ConstantTimeEqual(evidence.report_data, request.binding),
                HexEncode(request.binding), HexEncode(evidence.report_data));
  appraisal.Add(RefusalClass::kMeasurement, kLaunchCheck, false, "a value that a policy asks for",
                StrCat("svn ", evidence.svn), "sample evidence measures nothing");
  out->claims = {{"svn", evidence.svn}, {"report_data", Base64Encode(evidence.report_data)}};
  out->report_data = evidence.report_data;
}

}  // namespace nacre::attestation
