#include "cli/verify.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "absl/time/time.h"
#include "attestation/reference/signed_reference.h"
#include "attestation/verifier/verify_evidence.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "cli/verdict.h"
#include "tee/tpm/public_area.h"

namespace nacre::cli {
namespace {

using attestation::EvidenceRequest;

absl::Status ReadRoots(const std::vector<std::string>& paths, EvidenceRequest* request) {
  attestation::CollateralFiles roots;
  for (const std::string& path : paths) {
    RETURN_IF_ERROR(attestation::AddCollateral(path, &roots), "--trust-root");
  }
  if (!paths.empty() && roots.certificates.empty()) {
    return absl::InvalidArgumentError("--trust-root: no certificate in it");
  }
  request->trusted_roots = std::move(roots.certificates);
  return absl::OkStatus();
}

absl::Status ReadReferences(const std::vector<std::string>& paths, EvidenceRequest* request) {
  for (const std::string& path : paths) {
    // Signed ones too: the signature is for those who take them from others.
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, 2 * attestation::kMaxReferenceDocument),
                     "--reference");
    if (attestation::IsSignedReference(text)) {
      ASSIGN_OR_RETURN(text, attestation::UnverifiedReference(text), path);
    }
    // The schemas differ in their name; what is of neither is said of SNP's.
    if (auto tdx = attestation::ParseTdxReference(text); tdx.ok()) {
      request->tdx_references.push_back(*std::move(tdx));
      continue;
    }
    ASSIGN_OR_RETURN(auto reference, attestation::ParseReferenceValue(text), path);
    request->references.push_back(std::move(reference));
  }
  return absl::OkStatus();
}

// PEM or DER of a SubjectPublicKeyInfo, or TPMT_PUBLIC.
absl::StatusOr<crypto::PublicKey> ReadAttestationKey(const std::string& path) {
  constexpr size_t kMaxKeyFile = 64 * 1024;
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxKeyFile));
  if (auto key = crypto::PublicKey::FromPem(AsText(bytes)); key.ok()) return key;
  if (auto key = crypto::PublicKey::FromSpkiDer(bytes); key.ok()) return key;
  ASSIGN_OR_RETURN(tee::tpm::PublicArea area, tee::tpm::ParsePublicArea(bytes), path);
  return std::move(area.key);
}

absl::Status ReadTpmOptions(const VerifyOptions& options, EvidenceRequest* request) {
  if (!options.ak.empty()) {
    ASSIGN_OR_RETURN(request->attestation_key, ReadAttestationKey(options.ak), "--ak");
  }
  if (!options.nonce.empty()) {
    ASSIGN_OR_RETURN(request->nonce, HexDecode(options.nonce), "--nonce");
  }
  for (const std::string& hex : options.paravisors) {
    ASSIGN_OR_RETURN(Bytes digest, HexDecode(hex), "--paravisor");
    request->paravisors.push_back(std::move(digest));
  }
  if (!options.signature.empty()) {
    ASSIGN_OR_RETURN(request->tpm_signature,
                     ReadFile(options.signature, attestation::kMaxEvidenceFile), "--signature");
  }
  if (!options.pcrs.empty()) {
    ASSIGN_OR_RETURN(request->pcrs, ReadFile(options.pcrs, attestation::kMaxEvidenceFile),
                     "--pcrs");
  }
  return absl::OkStatus();
}

absl::StatusOr<EvidenceRequest> RequestOf(const VerifyOptions& options, int64_t now) {
  EvidenceRequest request;
  request.now = now;
  for (const std::string& path : options.collateral) {
    RETURN_IF_ERROR(attestation::AddCollateral(path, &request.collateral));
  }
  RETURN_IF_ERROR(ReadRoots(options.trust_roots, &request));
  RETURN_IF_ERROR(ReadReferences(options.references, &request));
  if (!options.report_data.empty()) {
    ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(options.report_data), "--report-data");
    ASSIGN_OR_RETURN(request.report_data, tee::ReportData::FromBytes(bytes), "--report-data");
  }
  if (!options.event_log.empty()) {
    ASSIGN_OR_RETURN(request.event_log, ReadFile(options.event_log, attestation::kMaxEvidenceFile),
                     "--event-log");
  }
  RETURN_IF_ERROR(ReadTpmOptions(options, &request));
  for (const std::string& name : options.accept_tcb) {
    ASSIGN_OR_RETURN(const auto status, tee::tdx::ParseTcbStatus(name), "--accept-tcb");
    request.tdx_policy.accepted_statuses.insert(status);
  }
  request.tdx_policy.allow_debug = options.allow_debug;
  request.tdx_policy.allow_migration = options.allow_migration;
  request.snp_policy.allow_debug = options.allow_debug;
  request.snp_policy.allow_migration_agent = options.allow_migration;
  request.snp_policy.max_vmpl = options.max_vmpl;
  return request;
}

bool ColorWanted() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && term != nullptr &&
         std::string_view(term) != "dumb";
}

}  // namespace

absl::StatusOr<int64_t> ParseTimeOption(const std::string& text) {
  int64_t seconds = 0;
  if (ParseNumber(text, &seconds) && seconds >= 0) return seconds;
  absl::Time time;
  std::string error;
  for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"}) {
    if (absl::ParseTime(form, text, &time, &error)) return absl::ToUnixSeconds(time);
  }
  return absl::InvalidArgumentError(
      StrCat("--at: '", text,
             "' is not a time such as 2026-03-16, 2026-03-16T22:06:09Z or seconds since 1970"));
}

absl::StatusOr<VerifyOutcome> VerifyFile(const VerifyOptions& options, int64_t now) {
  if (!options.at.empty()) {
    ASSIGN_OR_RETURN(now, ParseTimeOption(options.at));
  }
  ASSIGN_OR_RETURN(const EvidenceRequest request, RequestOf(options, now));
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(options.evidence, attestation::kMaxEvidenceFile));
  const auto verdict = attestation::VerifyEvidence(bytes, request);
  if (!verdict.ok()) {
    if (!options.json) return Annotate(verdict.status(), options.evidence);
    ASSIGN_OR_RETURN(std::string text, UnreadableJson(verdict.status(), now));
    return VerifyOutcome{std::move(text), kExitUnreadable};
  }
  VerifyOutcome out;
  out.exit_code = verdict->verified() ? 0 : kExitRefused;
  if (options.json) {
    ASSIGN_OR_RETURN(out.text, VerdictJson(*verdict, now));
  } else {
    out.text = VerdictText(*verdict, now, options.color);
  }
  return out;
}

void AddVerifyVerb(CLI::App& app, VerbResult* result) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* verb = app.add_subcommand("verify", "Verify a file of attestation evidence");
  verb->add_option("evidence", options->evidence, "Report, quote, event log or evidence JSON")
      ->required();
  verb->add_option("--collateral", options->collateral,
                   "Certificates, CRLs and TCB documents: file or folder; may be repeated");
  verb->add_option("--at", options->at, "Judge at this time instead of now");
  verb->add_option("--trust-root", options->trust_roots,
                   "Trust this root beside the vendors' own (an emulator's)");
  verb->add_option("--report-data", options->report_data, "Demand this report data or nonce (hex)");
  verb->add_option("--reference", options->references,
                   "Demand the launch of this reference value; may be repeated");
  verb->add_option("--event-log", options->event_log, "The boot event log of a quote");
  verb->add_option("--accept-tcb", options->accept_tcb,
                   "TDX: accept this TCB status too, such as OutOfDate; may be repeated");
  verb->add_option("--ak", options->ak,
                   "TPM: the attestation key to trust (PEM, DER, TPMT_PUBLIC)");
  verb->add_option("--nonce", options->nonce, "TPM: demand this nonce (hex)");
  verb->add_option("--paravisor", options->paravisors,
                   "Azure: trust the vTPM of this paravisor (launch digest, hex); may be repeated");
  verb->add_option("--signature", options->signature, "TPM: TPMT_SIGNATURE of a bare TPMS_ATTEST");
  verb->add_option("--pcrs", options->pcrs,
                   "TPM: SHA-256 PCRs of a bare TPMS_ATTEST, 32 bytes each");
  verb->add_flag("--allow-debug", options->allow_debug, "Accept guests that may be debugged");
  verb->add_flag("--allow-migration", options->allow_migration,
                 "Accept guests with a migration agent");
  verb->add_option("--max-vmpl", options->max_vmpl, "SNP: accept reports up to this VMPL");
  verb->add_flag("--json", options->json, "Print JSON (nacre.verify/1)");
  verb->callback([options, result] {
    options->color = ColorWanted();
    const auto outcome = VerifyFile(*options, time(nullptr));
    result->status = outcome.status();
    result->exit_code = outcome.ok() ? outcome->exit_code : kExitUnreadable;
    if (outcome.ok()) std::fputs(outcome->text.c_str(), stdout);
  });
}

}  // namespace nacre::cli
