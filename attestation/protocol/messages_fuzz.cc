// Attestation messages: what parses also serialises to a text that parses to the same; its evidence
// decodes or is refused, and what decodes is a report that can be sent again.
#include <cstdlib>

#include "attestation/protocol/binding.h"
#include "attestation/protocol/messages.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

void Try(ByteView data) {
  auto attestation = ParseAttestation(AsText(data));
  if (!attestation.ok()) return;
  auto text = SerializeAttestation(*attestation);
  if (!text.ok()) std::abort();
  auto again = ParseAttestation(*text);
  if (!again.ok() || *SerializeAttestation(*again) != *text) std::abort();
  BindReportData(attestation->nonce, attestation->tee_pubkey, "").status().IgnoreError();
  auto evidence = SnpEvidenceFromJson(attestation->primary_evidence);
  if (!evidence.ok() || !tee::sev::ParseReport(evidence->evidence.report).ok()) return;
  auto json = SnpEvidenceToJson(*evidence);
  if (!json.ok()) std::abort();
}

std::string Message(uint32_t report_version, bool with_hint) {
  SnpEvidenceMessage message;
  tee::sev::Report report;
  report.version = report_version;
  message.evidence.report = tee::sev::SerializeReport(report);
  message.evidence.certificates = {{tee::sev::CertificateKind::kVcek, {1, 2, 3}}};
  if (with_hint) message.hint = LaunchHint{.command_line = "quiet", .vcpus = 1};
  Attestation attestation;
  if (with_hint) attestation.init_data = InitData{"toml", "version = \"0.1.0\""};
  attestation.nonce = "bm9uY2U=";
  attestation.tee_pubkey = {{"kty", "EC"}};
  attestation.primary_evidence = SnpEvidenceToJson(message).value_or(Json());
  return SerializeAttestation(attestation).value_or("");
}

std::vector<std::string> Seeds() { return {Message(2, false), Message(3, true), Message(5, true)}; }

NACRE_FUZZ_TARGET(AttestationMessage, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
