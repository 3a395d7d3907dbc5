// SNP certificate chains: forged, crossed, out of time, incomplete.
//
// Forged keys are elliptic-curve ones where AMD's are RSA, since RSA keys take seconds to make; a
// verifier refuses both for the same reason, that its own roots have not signed them.
#include <ctime>

#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/snp_evidence_case.h"
#include "base/strings.h"
#include "tee/emulator/identity.h"
#include "tee/sev/test_chip.h"

namespace nacre::attestation::harness {
namespace {

using tee::sev::CertificateEntry;
using tee::sev::CertificateKind;
using tee::sev::SnpEvidence;

constexpr int64_t kDay = 24 * 3600;

CertificateEntry* Find(SnpEvidence& evidence, CertificateKind kind) {
  for (CertificateEntry& entry : evidence.certificates) {
    if (entry.kind == kind) return &entry;
  }
  return nullptr;
}

absl::Status Replace(SnpEvidence& evidence, CertificateKind kind, Bytes der) {
  CertificateEntry* entry = Find(evidence, kind);
  if (entry == nullptr) return absl::InternalError("the evidence lacks a certificate");
  entry->data = std::move(der);
  return absl::OkStatus();
}

absl::Status Drop(SnpEvidence& evidence, CertificateKind kind) {
  std::erase_if(evidence.certificates,
                [kind](const CertificateEntry& entry) { return entry.kind == kind; });
  return absl::OkStatus();
}

// Everything made up, down to the report's signature: a chip of the attacker's own.
absl::Status ForgedChain(Lab& lab, SnpEvidence& evidence) {
  const tee::sev::TestChip chip(
      {.leaf_not_before = std::time(nullptr) - kDay, .leaf_not_after = std::time(nullptr) + kDay});
  ASSIGN_OR_RETURN(const tee::sev::Report honest, tee::sev::ParseReport(evidence.report));
  (void)lab;
  evidence = chip.Evidence([&honest](tee::sev::Report& report) {
    auto chip_id = report.chip_id;
    report = honest;
    report.chip_id = chip_id;
  });
  return absl::OkStatus();
}

// The attacker's chain with the trusted root in place of its own.
absl::Status ForgedUnderTrustedRoot(Lab& lab, SnpEvidence& evidence) {
  const SnpEvidence honest = evidence;
  RETURN_IF_ERROR(ForgedChain(lab, evidence));
  return Replace(evidence, CertificateKind::kArk, lab.snp().identity().ark.der());
}

// The attacker's leaf under the trusted intermediate, which has not signed it.
absl::Status CrossSigned(Lab& lab, SnpEvidence& evidence) {
  RETURN_IF_ERROR(ForgedUnderTrustedRoot(lab, evidence));
  return Replace(evidence, CertificateKind::kAsk, lab.snp().identity().intermediate.der());
}

// A self-signed root of the trusted root's name.
absl::Status SameNameRoot(Lab& lab, SnpEvidence& evidence) {
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP384));
  ASSIGN_OR_RETURN(const std::string name, lab.snp().identity().ark.subject_common_name());
  crypto::CertificateRequest request;
  request.subject = {{"CN", name}};
  request.not_before = std::time(nullptr) - kDay;
  request.not_after = std::time(nullptr) + kDay;
  request.is_ca = true;
  ASSIGN_OR_RETURN(const auto root, crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                                            crypto::SignatureScheme::kEcdsaSha384));
  RETURN_IF_ERROR(ForgedChain(lab, evidence));
  return Replace(evidence, CertificateKind::kArk, root.der());
}

SnpEvidenceChange LeafInTime(int64_t from, int64_t to) {
  return [from, to](Lab& lab, SnpEvidence& evidence) -> absl::Status {
    const int64_t now = std::time(nullptr);
    const tee::emulator::Identity& identity = lab.snp().identity();
    ASSIGN_OR_RETURN(const auto leaf,
                     tee::emulator::CertifyLeaf(
                         lab.snp().folder(), identity,
                         {.tcb = identity.tcb, .not_before = now + from, .not_after = now + to}));
    return Replace(evidence, CertificateKind::kVcek, leaf.der());
  };
}

std::vector<Case> Forged() {
  return {
      SnpEvidenceCase("self-made", "a chip, a chain and a root of the attacker's own", ForgedChain),
      SnpEvidenceCase("self-made-under-trusted-root",
                      "the attacker's chain with the trusted root in place of its own",
                      ForgedUnderTrustedRoot),
      SnpEvidenceCase("cross-signed",
                      "the attacker's leaf under the trusted chain, which never signed it",
                      CrossSigned),
      SnpEvidenceCase("same-name-root", "a root of the trusted root's name and another key",
                      SameNameRoot),
      SnpEvidenceCase("leaf-expired", "a leaf certificate that is over",
                      LeafInTime(-10 * kDay, -kDay)),
      SnpEvidenceCase("leaf-of-the-future", "a leaf certificate that has not begun",
                      LeafInTime(kDay, 10 * kDay)),
      SnpEvidenceCase("leaf-tampered", "a leaf certificate with one bit changed",
                      [](Lab&, SnpEvidence& evidence) {
                        CertificateEntry* leaf = Find(evidence, CertificateKind::kVcek);
                        if (leaf != nullptr) leaf->data[leaf->data.size() - 20] ^= 1;
                        return absl::OkStatus();
                      })};
}

std::vector<Case> Arranged() {
  return {SnpEvidenceCase(
              "no-leaf", "a chain without the leaf",
              [](Lab&, SnpEvidence& evidence) { return Drop(evidence, CertificateKind::kVcek); }),
          SnpEvidenceCase("no-certificates", "an empty chain",
                          [](Lab&, SnpEvidence& evidence) {
                            evidence.certificates.clear();
                            return absl::OkStatus();
                          }),
          SnpEvidenceCase("roles-swapped", "the intermediate as leaf and the leaf as intermediate",
                          [](Lab&, SnpEvidence& evidence) {
                            std::swap(Find(evidence, CertificateKind::kVcek)->data,
                                      Find(evidence, CertificateKind::kAsk)->data);
                            return absl::OkStatus();
                          }),
          SnpEvidenceCase("root-as-leaf", "the trusted root as the leaf",
                          [](Lab& lab, SnpEvidence& evidence) {
                            return Replace(evidence, CertificateKind::kVcek,
                                           lab.snp().identity().ark.der());
                          }),
          SnpEvidenceCase("vcek-as-vlek", "a VCEK in the place of a VLEK",
                          [](Lab&, SnpEvidence& evidence) {
                            Find(evidence, CertificateKind::kVcek)->kind = CertificateKind::kVlek;
                            return absl::OkStatus();
                          }),
          SnpEvidenceCase("two-leaves", "two leaves, the forged one first",
                          [](Lab&, SnpEvidence& evidence) {
                            const tee::sev::TestChip chip;
                            evidence.certificates.insert(
                                evidence.certificates.begin(),
                                {CertificateKind::kVcek, chip.leaf().der()});
                            return absl::OkStatus();
                          }),
          SnpEvidenceCase("leaf-garbage", "a leaf that is no certificate",
                          [](Lab&, SnpEvidence& evidence) {
                            return Replace(evidence, CertificateKind::kVcek, Bytes(900, 0x30));
                          }),
          SnpEvidenceCase("leaf-empty", "a leaf of no bytes",
                          [](Lab&, SnpEvidence& evidence) {
                            return Replace(evidence, CertificateKind::kVcek, {});
                          }),
          SnpEvidenceCase("leaf-with-tail", "a leaf with bytes behind it",
                          [](Lab&, SnpEvidence& evidence) {
                            CertificateEntry* leaf = Find(evidence, CertificateKind::kVcek);
                            leaf->data.insert(leaf->data.end(), 16, 0);
                            return absl::OkStatus();
                          }),
          SnpEvidenceCase("hundred-certificates", "a chain of a hundred certificates",
                          [](Lab&, SnpEvidence& evidence) {
                            for (int i = 0; i < 100; ++i)
                              evidence.certificates.push_back(evidence.certificates[1]);
                            return absl::OkStatus();
                          })};
}

}  // namespace

Family SnpChainAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Forged(), Arranged()}) cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "attack", .name = "snp-chain", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
