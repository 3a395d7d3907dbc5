// Any bytes as a file of evidence: detected, then judged by whatever verifier that leads to.
#include <cstdlib>

#include "attestation/verifier/verify_evidence.h"
#include "base/fuzz_testing.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

namespace nacre::attestation {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  EvidenceRequest request;
  request.now = 1'800'000'000;
  const auto format = DetectEvidence(data);
  const auto verdict = VerifyEvidence(data, request);
  if (!format.ok()) {
    Require(!verdict.ok());
    return;
  }
  // Without any collateral nothing is ever verified.
  if (verdict.ok()) Require(verdict->format == *format && !verdict->verified());
}

std::vector<std::string> Seeds() {
  tee::sev::Report report;
  report.version = 3;
  report.signature_algorithm = 1;
  const std::string bytes = ToString(tee::sev::SerializeReport(report));
  const std::string table = ToString(
      tee::sev::BuildCertificateTable({{tee::sev::CertificateKind::kVcek, {1, 2}}}).value());
  std::string quote(700, '\0');
  quote.replace(0, 8, std::string("\x04\0\x02\0\x81\0\0\0", 8));
  quote.replace(12, 16, "\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07");
  std::string td_report(1024, '\0');
  td_report[0] = '\x81';
  std::string log(32, '\0');
  log[4] = 3;
  log[28] = 37;
  log += std::string("Spec ID Event03\0\0\0\0\0\0\x02\0\x02\x01\0\0\0\x0c\0\x30\0\0", 32);
  log.resize(32 + 37, '\0');
  return {bytes,
          bytes + table,
          quote,
          td_report,
          log,
          std::string("\xff"
                      "TCG\x80\x18\0\0",
                      8),
          "HCLA",
          R"({"attestation_report":{"version":3},"cert_chain":null})",
          R"({"quote":"AAAA","cc_eventlog":""})",
          R"({"hcl_report":"AA","td_quote":"AA","tpm_quote":{}})"};
}

NACRE_FUZZ_TARGET(EvidenceFile, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
