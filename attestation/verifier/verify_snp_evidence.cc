#include "attestation/verifier/verify_snp_evidence.h"

#include <algorithm>

#include "attestation/protocol/snp_evidence.h"
#include "attestation/verifier/verifier.h"
#include "base/encoding.h"
#include "base/json.h"
#include "tee/sev/roots.h"
#include "tee/sev/vek.h"
#include "tee/sev/verify.h"

namespace nacre::attestation {
namespace {

using tee::sev::CertificateEntry;
using tee::sev::CertificateKind;
using tee::sev::Report;

CertificateKind LeafKind(const Report& report) {
  return report.signing_key() == tee::sev::SigningKey::kVlek ? CertificateKind::kVlek
                                                             : CertificateKind::kVcek;
}

// How many of the things that tie a leaf to a report hold: the chip, then the patch level.
int Fit(const CertificateEntry& leaf, const Report& report) {
  const auto certificate = crypto::Certificate::FromDer(leaf.data);
  if (!certificate.ok()) return 0;
  int best = 0;
  for (const auto product :
       {tee::sev::Product::kMilan, tee::sev::Product::kGenoa, tee::sev::Product::kTurin}) {
    const auto extensions = tee::sev::ReadVekExtensions(*certificate, product);
    if (!extensions.ok() || !extensions->product_name.starts_with(tee::sev::ProductName(product))) {
      continue;
    }
    const Bytes& id = extensions->hardware_id;
    const bool same_chip = std::equal(id.begin(), id.end(), report.chip_id.begin());
    const bool same_tcb = extensions->tcb == report.reported_tcb;
    best = std::max(best, (same_chip ? 2 : 0) + (same_tcb ? 1 : 0));
  }
  return best;
}

}  // namespace

tee::sev::SnpTrust SnpTrustOf(const EvidenceRequest& request) {
  tee::sev::SnpTrust trust;
  trust.known_certificates = AmdAuthorities(request.collateral);
  for (const crypto::Certificate& root : request.trusted_roots) {
    // A root of another vendor's emulator is no ARK: not an error, only not for here.
    if (auto emulated = tee::sev::EmulatedRootFromPem(root.ToPem()); emulated.ok()) {
      trust.roots.push_back(*std::move(emulated));
      trust.known_certificates.push_back({CertificateKind::kArk, root.der()});
    }
  }
  return trust;
}

absl::StatusOr<tee::sev::SnpEvidence> ReadSnpEvidence(EvidenceFormat format, ByteView bytes) {
  tee::sev::SnpEvidence out;
  if (format == EvidenceFormat::kSnpEvidence) {
    ASSIGN_OR_RETURN(const Json json, ParseJson(AsText(bytes)));
    ASSIGN_OR_RETURN(SnpEvidenceMessage message, SnpEvidenceFromJson(json));
    return std::move(message.evidence);
  }
  out.report = ToBytes(bytes.first(tee::sev::kReportSize));
  const ByteView table = bytes.subspan(tee::sev::kReportSize);
  ASSIGN_OR_RETURN(out.certificates, tee::sev::ParseCertificateTable(table));
  return out;
}

void ChooseLeaf(const std::vector<CertificateEntry>& leaves, tee::sev::SnpEvidence* evidence) {
  const auto report = tee::sev::ParseReport(evidence->report);
  if (!report.ok()) return;
  const CertificateKind kind = LeafKind(*report);
  const auto same_kind = [kind](const CertificateEntry& entry) { return entry.kind == kind; };
  if (std::any_of(evidence->certificates.begin(), evidence->certificates.end(), same_kind)) return;
  const CertificateEntry* best = nullptr;
  int best_fit = -1;
  for (const CertificateEntry& leaf : leaves) {
    if (!same_kind(leaf)) continue;
    const int fit = Fit(leaf, *report);
    if (fit > best_fit) {
      best = &leaf;
      best_fit = fit;
    }
  }
  if (best != nullptr) evidence->certificates.push_back(*best);
}

void VerifySnpEvidence(tee::sev::SnpEvidence evidence, const EvidenceRequest& request,
                       tee::Appraisal* appraisal) {
  ChooseLeaf(AmdLeaves(request.collateral), &evidence);
  const auto report = tee::sev::VerifySnp(evidence, SnpTrustOf(request), request.snp_policy,
                                          request.now, appraisal);
  if (!report) return;
  if (request.report_data) {
    const tee::ReportData& expected = *request.report_data;
    appraisal->Add(tee::RefusalClass::kReportData, "report data",
                   ConstantTimeEqual(report->report_data, expected.bytes),
                   HexEncode(expected.bytes), HexEncode(report->report_data),
                   "the evidence was made for something else");
  }
  if (!request.references.empty() || !request.tdx_references.empty()) {
    CheckLaunchMeasurement(*report, request.references, std::nullopt, request.now, appraisal);
  }
}

}  // namespace nacre::attestation
