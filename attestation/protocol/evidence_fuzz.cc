// Evidence of the kinds that travel as bytes in JSON: what parses also serialises, to a text that
// parses to the same. The input is additional_evidence, which names its kinds itself.
#include <cstdlib>

#include "attestation/protocol/evidence.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

void Try(ByteView data) {
  auto evidence = ParseAdditionalEvidence(AsText(data));
  if (!evidence.ok()) return;
  auto text = SerializeAdditionalEvidence(*evidence);
  // Reports that are none, and evidence of Azure's older form with fewer PCRs, cannot be sent on.
  if (!text.ok()) return;
  auto again = ParseAdditionalEvidence(*text);
  if (!again.ok() || again->size() != evidence->size()) std::abort();
  auto last = SerializeAdditionalEvidence(*again);
  if (!last.ok() || *last != *text) std::abort();
}

tee::tpm::TpmEvidence Quote() {
  tee::tpm::TpmEvidence out;
  out.attest = {1, 2, 3};
  out.signature = tee::tpm::SerializeSignature(tee::tpm::RawRsaSsa(Bytes(256, 7)));
  for (uint32_t i = 0; i < 24; ++i) {
    out.pcrs[tee::tpm::Bank::kSha256][i] = Bytes(32, static_cast<uint8_t>(i));
  }
  return out;
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  std::vector<EvidenceMessage> all;
  all.push_back({EvidenceKind::kTdx, TdxEvidenceMessage{Bytes(40, 1), Bytes(9, 2)}});
  all.push_back({EvidenceKind::kTpm, TpmEvidenceMessage{Quote(), Bytes(12, 3)}});
  all.push_back({EvidenceKind::kSample, SampleEvidence{"1", Bytes(48, 4)}});
  tee::tpm::AzureEvidence azure{
      .hcl_report = Bytes(20, 4), .tpm = Quote(), .certificates = {}, .td_quote = Bytes(11, 5)};
  all.push_back({EvidenceKind::kAzureTdx, azure});
  azure.td_quote.clear();
  azure.certificates = {{tee::sev::CertificateKind::kVcek, Bytes(10, 6)}};
  all.push_back({EvidenceKind::kAzureSnp, azure});
  for (const EvidenceMessage& one : all) {
    seeds.push_back(SerializeAdditionalEvidence({one}).value_or(""));
  }
  seeds.push_back(SerializeAdditionalEvidence(all).value_or(""));
  return seeds;
}

NACRE_FUZZ_TARGET(Evidence, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
