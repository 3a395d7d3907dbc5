#include "attestation/verifier/verify_tdx_evidence.h"

#include <algorithm>
#include <tuple>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/eventlog/claims.h"
#include "tee/tdx/roots.h"
#include "tee/tdx/verify.h"

namespace nacre::attestation {
namespace {

constexpr int kRtmrsInLog = 3;  // RTMR3 is the guest's own: its log is kept elsewhere

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// How well a document fits; compared part by part, the larger is the better.
struct Fit {
  bool of_tdx = false;
  bool of_platform = false;
  bool in_force = false;
  int64_t issued = 0;
  auto Key() const { return std::tie(of_tdx, of_platform, in_force, issued); }
};

Fit FitOf(const Json& body, std::string_view id, const std::string& fmspc, int64_t now) {
  Fit fit;
  fit.of_tdx = Text(body, "id") == id;
  fit.of_platform = !body.contains("fmspc") || Lower(Text(body, "fmspc")) == fmspc;
  const auto issued = tee::tdx::ParseCollateralTime(Text(body, "issueDate"));
  const auto next = tee::tdx::ParseCollateralTime(Text(body, "nextUpdate"));
  if (issued.ok()) fit.issued = *issued;
  fit.in_force = issued.ok() && next.ok() && *issued <= now && now < *next;
  return fit;
}

// The best document with a member `name`; empty when there is none.
std::string BestDocument(const CollateralFiles& files, const char* name, std::string_view id,
                         const std::string& fmspc, int64_t now) {
  const std::string* best = nullptr;
  Fit best_fit;
  for (const std::string& text : files.documents) {
    const auto document = ParseJson(text, {.max_size = kMaxCollateralFile});
    if (!document.ok() || !document->contains(name) || !(*document)[name].is_object()) continue;
    const Fit fit = FitOf((*document)[name], id, fmspc, now);
    if (best != nullptr && fit.Key() <= best_fit.Key()) continue;
    best = &text;
    best_fit = fit;
  }
  return best == nullptr ? "" : *best;
}

void CheckEventLog(ByteView log, const tee::tdx::TdBody& td, tee::Appraisal* appraisal) {
  std::map<uint32_t, Bytes> registers;
  for (uint32_t i = 0; i < kRtmrsInLog; ++i) registers[i + 1] = ToBytes(td.rtmr[i]);
  tee::eventlog::VerifyEventLog(log, tee::eventlog::Registers::kRtmr, tee::eventlog::Bank::kSha384,
                                registers, appraisal);
}

// MRTD and every RTMR that the reference covers.
bool Matches(const TdxReferenceValue& reference, const tee::tdx::TdBody& td) {
  bool same = ConstantTimeEqual(reference.mrtd, td.mrtd);
  for (size_t i = 0; i < reference.rtmr.size(); ++i) {
    same = same && (!reference.rtmr[i] || ConstantTimeEqual(*reference.rtmr[i], td.rtmr[i]));
  }
  return same;
}

void CheckReferences(const tee::tdx::TdBody& td, const EvidenceRequest& request,
                     tee::Appraisal* appraisal) {
  const std::string got = StrCat("MRTD ", HexEncode(td.mrtd));
  for (const TdxReferenceValue& reference : request.tdx_references) {
    if (!Matches(reference, td)) continue;
    const bool expired = reference.expires && request.now >= *reference.expires;
    if (!expired) appraisal->reference = reference.name;
    appraisal->Add(tee::RefusalClass::kMeasurement, "launch measurement", !expired,
                   "a current reference value", got, "its reference value has expired");
    return;
  }
  appraisal->Add(tee::RefusalClass::kMeasurement, "launch measurement", false,
                 "MRTD and RTMRs of a reference value", got,
                 "no reference value matches; nacre measure --explain says what differs");
}

absl::StatusOr<Bytes> Base64Member(const Json& document, const char* key) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(document, key, "TDX evidence"));
  ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(text), StrCat("TDX evidence: ", key));
  return bytes;
}

}  // namespace

tee::tdx::TdxTrust TdxTrustOf(const EvidenceRequest& request) {
  tee::tdx::TdxTrust trust;
  for (const crypto::Certificate& root : request.trusted_roots) {
    // A root of another vendor's emulator may stand here too; it signs no PCK and does no harm.
    if (auto emulated = tee::tdx::EmulatedRootFromPem(root.ToPem()); emulated.ok()) {
      trust.roots.push_back(*std::move(emulated));
    }
  }
  return trust;
}

tee::tdx::Collateral ChooseTdxCollateral(ByteView quote, const CollateralFiles& files,
                                         int64_t now) {
  std::string fmspc;
  if (const auto key = tee::tdx::CollateralKeyOf(quote); key.ok()) fmspc = HexEncode(key->fmspc);
  tee::tdx::Collateral out;
  out.tcb_info = BestDocument(files, "tcbInfo", "TDX", fmspc, now);
  out.qe_identity = BestDocument(files, "enclaveIdentity", "TD_QE", "", now);
  for (const crypto::Certificate& certificate : files.certificates) {
    const auto name = certificate.subject_common_name();
    if (name.ok() && *name == "Intel SGX TCB Signing") {
      out.signing_certificates += certificate.ToPem();
    }
  }
  for (const Bytes& der : files.crls) {
    const auto crl = crypto::Crl::FromDer(der);
    if (crl.ok() && crl->issuer_text().find("CN=ARK-") == std::string::npos) {
      out.crls.push_back(der);
    }
  }
  return out;
}

void VerifyTdxQuote(ByteView quote, ByteView event_log, const EvidenceRequest& request,
                    tee::Appraisal* appraisal) {
  tee::tdx::TdxPolicy policy = request.tdx_policy;
  if (request.report_data) policy.report_data = ToBytes(request.report_data->bytes);
  const auto td =
      tee::tdx::VerifyTdx(quote, ChooseTdxCollateral(quote, request.collateral, request.now),
                          TdxTrustOf(request), policy, request.now, appraisal);
  if (!td) return;
  if (!request.tdx_references.empty() || !request.references.empty()) {
    CheckReferences(*td->quote.td, request, appraisal);
  }
  if (!event_log.empty()) CheckEventLog(event_log, *td->quote.td, appraisal);
}

absl::Status VerifyTdxEvidence(std::string_view json, const EvidenceRequest& request,
                               tee::Appraisal* appraisal) {
  ASSIGN_OR_RETURN(const Json document, ParseJson(json, {.max_size = kMaxEvidenceFile}));
  ASSIGN_OR_RETURN(const Bytes quote, Base64Member(document, "quote"));
  Bytes log = request.event_log;
  const auto found = document.find("cc_eventlog");
  if (found != document.end() && !found->is_null() && *found != "") {
    ASSIGN_OR_RETURN(log, Base64Member(document, "cc_eventlog"));
  }
  VerifyTdxQuote(quote, log, request, appraisal);
  return absl::OkStatus();
}

}  // namespace nacre::attestation
