// SNP reports of a trusted chip that say what no owner wants to hear, or say it badly.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/strings.h"
#include "tee/emulator/identity.h"

namespace nacre::attestation::harness {
namespace {

using tee::sev::Report;
using tee::sev::SnpEvidence;

absl::StatusOr<Reply> AttestSnp(Lab& lab, const GuestSession& session, SnpEvidence evidence) {
  ASSIGN_OR_RETURN(Json json,
                   SnpEvidenceToJson({.evidence = std::move(evidence), .hint = std::nullopt}));
  ASSIGN_OR_RETURN(Json attestation, lab.With(session, std::move(json), lab.snp().init_data()));
  return lab.Attest(session, attestation);
}

absl::StatusOr<SnpEvidence> SignFor(Lab& lab, const GuestSession& session,
                                    const EmulatedSnp::Change& change) {
  ASSIGN_OR_RETURN(const tee::ReportData report_data,
                   BindReportData(session.nonce, lab.key().jwk, ""));
  return lab.snp().Sign(report_data, change);
}

// The report changed before it is signed: genuine, and not what is wanted.
Case Signed(std::string name, std::string what, EmulatedSnp::Change change,
            Expected expected = NotAttested()) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
    ASSIGN_OR_RETURN(SnpEvidence evidence, SignFor(lab, session, change));
    return AttestSnp(lab, session, std::move(evidence));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kSnp},
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

// Changed after it was signed.
Case Tampered(std::string name, std::string what, std::function<void(Report&)> change) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
    ASSIGN_OR_RETURN(SnpEvidence evidence, SignFor(lab, session, {}));
    ASSIGN_OR_RETURN(Report report, tee::sev::ParseReport(evidence.report));
    change(report);
    evidence.report = tee::sev::SerializeReport(report);
    return AttestSnp(lab, session, std::move(evidence));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kSnp},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

// One SNP firmware level below the chip's.
tee::sev::TcbVersion Older(const tee::emulator::Identity& identity) {
  tee::sev::TcbComponents tcb = identity.tcb.Components(identity.product);
  tcb.snp = static_cast<uint8_t>(tcb.snp - 1);
  return tee::sev::TcbVersion::FromComponents(identity.product, tcb);
}

// An older firmware, with a certificate that says so: genuine, and too old.
absl::StatusOr<Reply> StaleTcb(Lab& lab) {
  const tee::emulator::Identity& identity = lab.snp().identity();
  const tee::sev::TcbVersion older = Older(identity);
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
  ASSIGN_OR_RETURN(SnpEvidence evidence, SignFor(lab, session, [&older](Report& report) {
                     report.reported_tcb = report.committed_tcb = report.launch_tcb = older;
                   }));
  ASSIGN_OR_RETURN(const crypto::Certificate leaf,
                   tee::emulator::CertifyLeaf(lab.snp().folder(), identity,
                                              {.tcb = older,
                                               .not_before = identity.leaf.not_before(),
                                               .not_after = identity.leaf.not_after()}));
  evidence.certificates[0].data = leaf.der();
  return AttestSnp(lab, session, std::move(evidence));
}

std::vector<Case> Policies() {
  return {
      Signed("debug", "a guest that its host may debug",
             [](Report& report) { report.policy.value |= 1u << 19; }),
      Signed("migration-agent", "a guest that a migration agent may move",
             [](Report& report) { report.policy.value |= 1u << 18; }),
      Signed("policy-bit-17", "a policy without the bit that must be one",
             [](Report& report) { report.policy.value &= ~(1ull << 17); }),
      Signed("vmpl-1", "a report asked for from VMPL 1", [](Report& report) { report.vmpl = 1; }),
      Signed("vmpl-3", "a report asked for from VMPL 3", [](Report& report) { report.vmpl = 3; }),
      Signed("vmpl-host", "a report that the host asked for",
             [](Report& report) { report.vmpl = 0xffffffff; }),
      Signed("tcb-above-certificate", "a report of a newer TCB than the certificate has",
             [](Report& report) { report.reported_tcb.raw[7] += 1; }),
      Signed("tcb-below-certificate", "a report of an older TCB than the certificate has",
             [](Report& report) { report.reported_tcb.raw[7] -= 1; }),
      {"stale-tcb",
       "an old TCB with a certificate for it",
       {Need::kSnp, Need::kMinimumTcb},
       StaleTcb,
       NotAttested()}};
}

std::vector<Case> Identities() {
  return {Signed("measurement-changed", "a launch measurement that nobody registered",
                 [](Report& report) { report.measurement[0] ^= 1; }),
          Signed("measurement-zero", "a launch measurement of zeros",
                 [](Report& report) { report.measurement.fill(0); }),
          Signed("chip-swapped", "a report of another chip than the certificate's",
                 [](Report& report) { report.chip_id[5] ^= 1; }),
          Signed("chip-masked", "a report that hides its chip",
                 [](Report& report) { report.chip_id.fill(0); }),
          Signed("signing-key-vlek", "a report that says a VLEK signed it, with a VCEK",
                 [](Report& report) { report.key_info = 1u << 2; }),
          Signed("signing-key-none", "a report that says no key signed it",
                 [](Report& report) { report.key_info = 7u << 2; }),
          Signed("other-processor", "a report of a processor that the chain is not for",
                 [](Report& report) { report.cpuid_model = 0x11; }),
          Signed("unknown-processor", "a report of a processor that does not exist",
                 [](Report& report) { report.cpuid_family = 0x42; })};
}

std::vector<Case> Signatures() {
  return {Tampered("tampered-measurement", "a measurement changed after the signature",
                   [](Report& report) { report.measurement[47] ^= 1; }),
          Tampered("tampered-host-data", "host data changed after the signature",
                   [](Report& report) { report.host_data[0] ^= 1; }),
          Tampered("tampered-policy", "a policy changed after the signature",
                   [](Report& report) { report.policy.value ^= 1u << 20; }),
          Tampered("signature-flipped", "one bit of the signature changed",
                   [](Report& report) { report.signature_s[0] ^= 1; }),
          Tampered("signature-zero", "a signature of zeros",
                   [](Report& report) {
                     report.signature_r.fill(0);
                     report.signature_s.fill(0);
                   }),
          Tampered("signature-tail", "bytes behind R that no signature covers",
                   [](Report& report) { report.signature_r[71] = 1; }),
          Tampered("signature-order", "R and S the other way round",
                   [](Report& report) { std::swap(report.signature_r, report.signature_s); }),
          Tampered("algorithm-zero", "a report that names no signature algorithm",
                   [](Report& report) { report.signature_algorithm = 0; }),
          Tampered("algorithm-unknown", "a report that names an unknown signature algorithm",
                   [](Report& report) { report.signature_algorithm = 2; })};
}

}  // namespace

Family SnpReportAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Policies(), Identities(), Signatures()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "snp-report", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
