#include "tee/sev/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "tee/sev/test_chip.h"
#include "tee/sev/vek.h"

namespace nacre::tee::sev {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  bool genuine;
  Appraisal appraisal;
};

Outcome Verify(const SnpEvidence& evidence, const SnpTrust& trust, const SnpPolicy& policy = {},
               int64_t now = kTestNow) {
  Outcome outcome{};
  outcome.genuine = VerifySnp(evidence, trust, policy, now, &outcome.appraisal).has_value();
  return outcome;
}

// The refusal; "" when the evidence passed.
std::string Refusal(const TestChip& chip, const SnpEvidence& evidence,
                    const SnpPolicy& policy = {}) {
  const Outcome outcome = Verify(evidence, chip.Trust(), policy);
  EXPECT_EQ(outcome.genuine, outcome.appraisal.refusal.empty());
  return outcome.appraisal.refusal;
}

TEST(VerifySnp, AcceptsGenuineReportOfEveryProductAndKeyKind) {
  for (Product product : {Product::kMilan, Product::kGenoa, Product::kTurin}) {
    for (bool vlek : {false, true}) {
      TestChipOptions options{.product = product, .vlek = vlek};
      if (product == Product::kTurin) options.tcb.fmc = 7;
      const TestChip chip(options);
      EXPECT_EQ(Refusal(chip, chip.Evidence()), "") << ProductName(product) << " " << vlek;
    }
  }
}

TEST(VerifySnp, ClaimsAndChecksAreRecorded) {
  const TestChip chip;
  const Outcome outcome =
      Verify(chip.Evidence([](Report& r) { r.measurement.fill(0xab); }), chip.Trust());
  EXPECT_TRUE(outcome.appraisal.affirmed());
  EXPECT_EQ(outcome.appraisal.root, "test root");
  EXPECT_FALSE(outcome.appraisal.emulated);
  EXPECT_EQ(outcome.appraisal.claims.at("measurement").substr(0, 4), "abab");
  EXPECT_EQ(outcome.appraisal.claims.at("reported_tcb.snp"), "24");
  EXPECT_EQ(outcome.appraisal.claims.at("product"), "Milan");
  EXPECT_EQ(outcome.appraisal.checks.front().name, "report format");
  EXPECT_GE(outcome.appraisal.checks.size(), 14u);
}

TEST(VerifySnp, AcceptsVersions4And5) {
  const TestChip chip;
  EXPECT_EQ(Refusal(chip, chip.Evidence([](Report& r) { r.version = 4; })), "");
  const Outcome outcome = Verify(chip.Evidence([](Report& r) {
    r.version = 5;
    r.launch_mitigations = 0xb;
  }),
                                 chip.Trust());
  EXPECT_TRUE(outcome.genuine);
  EXPECT_EQ(outcome.appraisal.claims.at("launch_mitigations"), "0xb");
}

TEST(VerifySnp, AcceptsVersion2WithoutCpuid) {
  const TestChip chip;
  EXPECT_EQ(Refusal(chip, chip.Evidence([](Report& r) {
              r.version = 2;
              r.cpuid_family = r.cpuid_model = 0;
            })),
            "");
}

TEST(VerifySnp, AcceptsHardwareIdInOctetString) {
  const TestChip chip({.wrapped_hardware_id = true});
  EXPECT_EQ(Refusal(chip, chip.Evidence()), "");
}

TEST(VerifySnp, RefusesEveryFlippedByteUnderTheSignature) {
  const TestChip chip;
  const SnpEvidence good = chip.Evidence();
  for (size_t offset = 0; offset < kSignedSize; offset += 7) {
    SnpEvidence bad = good;
    bad.report[offset] ^= 1;
    EXPECT_NE(Refusal(chip, bad), "") << offset;
  }
}

TEST(VerifySnp, RefusesSpoiledSignatures) {
  const TestChip chip;
  const SnpEvidence good = chip.Evidence();
  const auto spoiled = [&](size_t offset, uint8_t mask) {
    SnpEvidence bad = good;
    bad.report[offset] ^= mask;
    return Refusal(chip, bad);
  };
  EXPECT_THAT(spoiled(0x2a0, 1), StartsWith("report signature refused"));
  EXPECT_THAT(spoiled(0x2e8, 1), StartsWith("report signature refused"));
  EXPECT_THAT(spoiled(0x2a0 + 48, 1), StartsWith("report format refused"));
  EXPECT_THAT(spoiled(0x2a0 + 71, 1), StartsWith("report format refused"));
  EXPECT_THAT(spoiled(0x2e8 + 48, 1), StartsWith("report format refused"));
  EXPECT_THAT(spoiled(0x330, 1), StartsWith("report format refused"));
  EXPECT_THAT(spoiled(kReportSize - 1, 0x80), StartsWith("report format refused"));

  SnpEvidence big_endian = good;
  std::reverse(big_endian.report.begin() + 0x2a0, big_endian.report.begin() + 0x2a0 + 48);
  std::reverse(big_endian.report.begin() + 0x2e8, big_endian.report.begin() + 0x2e8 + 48);
  EXPECT_THAT(Refusal(chip, big_endian), StartsWith("report signature refused"));

  SnpEvidence zero = good;
  std::fill(zero.report.begin() + 0x2a0, zero.report.end(), 0);
  EXPECT_THAT(Refusal(chip, zero), StartsWith("report signature refused"));
}

TEST(VerifySnp, RefusesWrongSizesAndVersions) {
  const TestChip chip;
  for (size_t size : {size_t{0}, size_t{1}, size_t{0x2a0}, kReportSize - 1, kReportSize + 1}) {
    SnpEvidence bad = chip.Evidence();
    bad.report.resize(size);
    EXPECT_THAT(Refusal(chip, bad), HasSubstr("1184")) << size;
  }
  for (uint32_t version : {0u, 1u, 6u, 0xffffffffu}) {
    EXPECT_THAT(Refusal(chip, chip.Evidence([&](Report& r) { r.version = version; })),
                HasSubstr("version"))
        << version;
  }
}

TEST(VerifySnp, RefusesAnotherRootOfTheSameName) {
  const TestChip chip;
  const TestChip impostor;
  const Outcome outcome = Verify(impostor.Evidence(), chip.Trust());
  EXPECT_THAT(outcome.appraisal.refusal, HasSubstr("no trusted root key"));
  EXPECT_THAT(outcome.appraisal.refusal, HasSubstr("ARK-Milan"));
  // Its leaf under the trusted root's certificates does not help either.
  SnpEvidence mixed = chip.Evidence();
  mixed.certificates[0] = impostor.Evidence().certificates[0];
  EXPECT_THAT(Refusal(chip, mixed), StartsWith("certificate chain refused"));
  mixed = impostor.Evidence();
  mixed.certificates[2] = chip.Evidence().certificates[2];
  EXPECT_THAT(Refusal(chip, mixed), StartsWith("certificate chain refused"));
}

TEST(VerifySnp, RefusesChainsWithMissingSwappedOrSpoiledParts) {
  const TestChip chip;
  for (size_t missing : {0, 1, 2}) {
    SnpEvidence bad = chip.Evidence();
    bad.certificates.erase(bad.certificates.begin() + static_cast<ptrdiff_t>(missing));
    EXPECT_THAT(Refusal(chip, bad), StartsWith("certificate chain refused")) << missing;
    bad = chip.Evidence();
    bad.certificates[missing].data.back() ^= 1;
    EXPECT_THAT(Refusal(chip, bad), StartsWith("certificate chain refused")) << missing;
  }
  SnpEvidence swapped = chip.Evidence();
  std::swap(swapped.certificates[1].data, swapped.certificates[2].data);
  EXPECT_THAT(Refusal(chip, swapped), StartsWith("certificate chain refused"));
  SnpEvidence doubled = chip.Evidence();
  doubled.certificates.push_back(doubled.certificates[0]);
  EXPECT_THAT(Refusal(chip, doubled), HasSubstr("2 VCEK certificates"));
}

TEST(VerifySnp, KnownCertificatesStandInForMissingOnes) {
  const TestChip chip;
  SnpTrust trust = chip.Trust();
  SnpEvidence leaf_only = chip.Evidence();
  trust.known_certificates = {leaf_only.certificates[1], leaf_only.certificates[2]};
  leaf_only.certificates.resize(1);
  EXPECT_TRUE(Verify(leaf_only, trust).genuine);
}

TEST(VerifySnp, ValidityAtItsBoundaries) {
  const TestChip chip;
  const TestChipOptions dates;
  const SnpEvidence evidence = chip.Evidence();
  const auto refusal_at = [&](int64_t now) {
    return Verify(evidence, chip.Trust(), {}, now).appraisal.refusal;
  };
  EXPECT_EQ(refusal_at(dates.leaf_not_before), "");
  EXPECT_EQ(refusal_at(dates.leaf_not_after - 1), "");
  EXPECT_THAT(refusal_at(dates.leaf_not_before - 1), StartsWith("certificate chain refused"));
  EXPECT_THAT(refusal_at(dates.leaf_not_after + 1), HasSubstr("expired"));
  EXPECT_THAT(refusal_at(dates.leaf_not_after), HasSubstr("expired"));
}

TEST(VerifySnp, Revocation) {
  const TestChip chip({.leaf_serial = {77}});
  const auto with = [&](CertificateEntry crl) {
    SnpEvidence evidence = chip.Evidence();
    evidence.certificates.push_back(std::move(crl));
    return Refusal(chip, evidence);
  };
  EXPECT_EQ(with(chip.Crl({})), "");
  EXPECT_EQ(with(chip.Crl({{99}})), "");
  EXPECT_THAT(with(chip.Crl({{12}})), HasSubstr("SEV-Milan"));
  EXPECT_THAT(with(chip.Crl({{77}})), HasSubstr("is revoked"));
  EXPECT_THAT(with(chip.Crl({{77}}, /*by_root=*/false)), HasSubstr("is revoked"));
  EXPECT_THAT(with(chip.Crl({}, true, kTestNow - 1)), StartsWith("revocation refused"));
  CertificateEntry spoiled = chip.Crl({});
  spoiled.data.back() ^= 1;
  EXPECT_THAT(with(spoiled), StartsWith("revocation refused"));
  EXPECT_THAT(with({CertificateKind::kCrl, {1, 2, 3}}), StartsWith("revocation refused"));
  // By the name of the root, but another key.
  EXPECT_THAT(with(TestChip().Crl({})), StartsWith("revocation refused"));
}

TEST(VerifySnp, SerialZeroCountsOnlyInTheListOfTheLeavesIssuer) {
  const TestChip chip;
  SnpEvidence evidence = chip.Evidence();
  evidence.certificates.push_back(chip.Crl({{0}}));
  const Outcome outcome = Verify(evidence, chip.Trust());
  EXPECT_TRUE(outcome.genuine);
  EXPECT_EQ(outcome.appraisal.checks[2].got, "1 CRL applied (serial 0 is listed)");
  evidence.certificates.back() = chip.Crl({{0}}, /*by_root=*/false);
  EXPECT_THAT(Refusal(chip, evidence), HasSubstr("is revoked"));
}

TEST(VerifySnp, RootThatRevokesItselfIsRefused) {
  const TestChip chip;
  SnpEvidence evidence = chip.Evidence();
  evidence.certificates.push_back(chip.Crl({{11}}));
  EXPECT_THAT(Refusal(chip, evidence), HasSubstr("ARK-Milan"));
}

TEST(VerifySnp, RequiredCrlMustBeThere) {
  const TestChip chip;
  SnpTrust trust = chip.Trust();
  trust.require_crl = true;
  SnpEvidence evidence = chip.Evidence();
  EXPECT_THAT(Verify(evidence, trust).appraisal.refusal, HasSubstr("no CRL"));
  evidence.certificates.push_back(chip.Crl({}, /*by_root=*/false));
  EXPECT_THAT(Verify(evidence, trust).appraisal.refusal, StartsWith("revocation refused"));
  evidence.certificates.back() = chip.Crl({});
  EXPECT_TRUE(Verify(evidence, trust).genuine);
}

TEST(VerifySnp, LeafKindMustAgreeWithReportAndIntermediate) {
  // A VLEK in the VCEK's place, under the VLEK intermediate.
  const TestChip vlek({.vlek = true});
  SnpEvidence disguised = vlek.Evidence([](Report& r) { r.key_info = 0; });
  EXPECT_THAT(Refusal(vlek, disguised),
              HasSubstr("signed by a VCEK, but the evidence brings a VLEK"));
  disguised.certificates[0].kind = CertificateKind::kVcek;
  EXPECT_THAT(Refusal(vlek, disguised), StartsWith("signing key refused"));
  // A VCEK under the VLEK intermediate and the reverse.
  const TestChip mixed({.intermediate_name = "SEV-VLEK-Milan"});
  EXPECT_THAT(Refusal(mixed, mixed.Evidence()), StartsWith("signing key refused"));
  const TestChip other({.vlek = true, .intermediate_name = "SEV-Milan"});
  EXPECT_THAT(Refusal(other, other.Evidence()), StartsWith("signing key refused"));
  const TestChip named({.leaf_name = "VCEK"});
  EXPECT_THAT(Refusal(named, named.Evidence()), StartsWith("signing key refused"));
  const TestChip chip;
  EXPECT_THAT(Refusal(chip, chip.Evidence([](Report& r) { r.key_info = 7 << 2; })),
              StartsWith("signing key refused"));
}

TEST(VerifySnp, ProductMustAgree) {
  const TestChip genoa_leaf({.product_name = "Genoa"});
  EXPECT_THAT(Refusal(genoa_leaf, genoa_leaf.Evidence()), StartsWith("product refused"));
  const TestChip genoa_ask({.intermediate_name = "SEV-Genoa"});
  EXPECT_THAT(Refusal(genoa_ask, genoa_ask.Evidence()), StartsWith("signing key refused"));
  const TestChip chip;
  EXPECT_THAT(Refusal(chip, chip.Evidence([](Report& r) { r.cpuid_model = 0x11; })),
              StartsWith("product refused"));
  EXPECT_THAT(Refusal(chip, chip.Evidence([](Report& r) { r.cpuid_model = 0x50; })),
              HasSubstr("CPUID family 25 model 80"));
}

TEST(VerifySnp, ReportedTcbMustBeTheCertifiedOne) {
  const TestChip chip;
  for (size_t index = 0; index < 8; ++index) {
    const auto refusal =
        Refusal(chip, chip.Evidence([&](Report& r) { r.reported_tcb.raw[index] ^= 1; }));
    EXPECT_THAT(refusal, StartsWith("reported TCB refused")) << index;
  }
  // The current TCB may be ahead of the reported one.
  EXPECT_EQ(Refusal(chip, chip.Evidence([](Report& r) { r.current_tcb.raw[7]++; })), "");
}

TEST(VerifySnp, TcbsMustBeInOrderComponentByComponent) {
  const TestChip chip;
  const auto with = [&](int committed, int current, size_t index) {
    return Refusal(chip, chip.Evidence([&](Report& r) {
      r.committed_tcb.raw[index] = static_cast<uint8_t>(r.committed_tcb.raw[index] + committed);
      r.current_tcb.raw[index] = static_cast<uint8_t>(r.current_tcb.raw[index] + current);
      r.current_tcb.raw[7]++;  // a higher last component, which an integer would go by
    }));
  };
  EXPECT_EQ(with(0, 0, 0), "");
  EXPECT_EQ(with(1, 1, 0), "");
  EXPECT_EQ(with(1, 2, 6), "");
  EXPECT_THAT(with(-1, 0, 0), StartsWith("TCB order refused"));
  EXPECT_THAT(with(1, 0, 0), StartsWith("TCB order refused"));
  EXPECT_THAT(with(0, -1, 6), StartsWith("TCB order refused"));
}

TEST(VerifySnp, MissingOrMalformedExtensionsAreRefused) {
  for (const SplExtension& spl : SplExtensions(Product::kMilan)) {
    const TestChip chip({.without_extensions = {spl.oid}});
    EXPECT_THAT(Refusal(chip, chip.Evidence()), HasSubstr(std::string(spl.name)));
  }
  for (const char* oid : {kOidProductName, kOidHardwareId}) {
    const TestChip chip({.without_extensions = {oid}});
    EXPECT_THAT(Refusal(chip, chip.Evidence()), StartsWith("certificate extensions refused"));
  }
  const TestChip vlek({.vlek = true, .without_extensions = {kOidCspId}});
  EXPECT_THAT(Refusal(vlek, vlek.Evidence()), HasSubstr("cspID"));
  for (const Bytes& der : {Bytes{}, Bytes{2, 1}, Bytes{2, 1, 0x84}, Bytes{2, 2, 0, 4},
                           Bytes{2, 2, 1, 4}, Bytes{4, 1, 4}, Bytes{2, 1, 4, 0}}) {
    const TestChip chip({.replaced_extensions = {{"1.3.6.1.4.1.3704.1.3.1", der}}});
    EXPECT_THAT(Refusal(chip, chip.Evidence()), HasSubstr("blSPL is malformed"));
  }
  for (size_t size : {0, 8, 63, 65, 67}) {
    const TestChip chip({.replaced_extensions = {{kOidHardwareId, Bytes(size, 4)}}});
    EXPECT_THAT(Refusal(chip, chip.Evidence()), HasSubstr("hwID is malformed")) << size;
  }
}

TEST(VerifySnp, ChipIdMustBeTheCertifiedOne) {
  const TestChip chip;
  EXPECT_THAT(Refusal(chip, chip.Evidence([](Report& r) { r.chip_id[63] ^= 1; })),
              StartsWith("chip id refused"));
  const auto masked = chip.Evidence([](Report& r) { r.chip_id.fill(0); });
  EXPECT_THAT(Refusal(chip, masked), HasSubstr("masked"));
  EXPECT_EQ(Refusal(chip, masked, {.allow_masked_chip_id = true}), "");
  const TestChip turin({.product = Product::kTurin});
  EXPECT_THAT(Refusal(turin, turin.Evidence([](Report& r) { r.chip_id[7] ^= 1; })),
              StartsWith("chip id refused"));
  EXPECT_THAT(Refusal(turin, turin.Evidence([](Report& r) { r.chip_id[8] = 1; })),
              StartsWith("chip id refused"));
}

// The class of the refusal, as text.
std::string Class(const TestChip& chip, const SnpEvidence& evidence, const SnpPolicy& policy = {},
                  int64_t now = kTestNow) {
  return std::string(
      RefusalClassName(Verify(evidence, chip.Trust(), policy, now).appraisal.refusal_class));
}

TEST(VerifySnp, ClassesOfRefusedReports) {
  const TestChip chip;
  const auto with = [&](const std::function<void(Report&)>& change, const SnpPolicy& policy = {}) {
    return Class(chip, chip.Evidence(change), policy);
  };
  EXPECT_EQ(with([](Report&) {}), "NONE");
  EXPECT_EQ(with([](Report& r) { r.version = 6; }), "UNSUPPORTED_VERSION");
  EXPECT_EQ(with([](Report& r) { r.signature_algorithm = 2; }), "UNSUPPORTED");
  EXPECT_EQ(with([](Report& r) { r.key_info = 1 << 2; }), "KEY_TYPE");
  EXPECT_EQ(with([](Report& r) { r.cpuid_model = 0x11; }), "PRODUCT");
  EXPECT_EQ(with([](Report& r) { r.reported_tcb.raw[0]--; }), "TCB_MISMATCH");
  EXPECT_EQ(with([](Report& r) { r.chip_id[0] ^= 1; }), "CHIP_ID");
  EXPECT_EQ(with([](Report& r) { r.policy.value |= 1 << 19; }), "POLICY_DEBUG");
  EXPECT_EQ(with([](Report& r) { r.vmpl = 1; }), "VMPL");
  EXPECT_EQ(with([](Report&) {}, {.min_tcb = TcbComponents{.snp = 25}}), "TCB_TOO_OLD");
  SnpEvidence spoiled = chip.Evidence();
  spoiled.report[0x90] ^= 1;
  EXPECT_EQ(Class(chip, spoiled), "SIGNATURE");
  spoiled.report.pop_back();
  EXPECT_EQ(Class(chip, spoiled), "FORMAT");
}

TEST(VerifySnp, ClassesOfRefusedChains) {
  const TestChip chip({.leaf_serial = {77}});
  const SnpEvidence good = chip.Evidence();
  EXPECT_EQ(Class(chip, TestChip().Evidence()), "CHAIN");
  EXPECT_EQ(Class(chip, good, {}, kTestNow + 2 * kTestYear), "EXPIRED");
  EXPECT_EQ(Class(chip, good, {}, kTestNow - 2 * kTestYear + 1), "NOT_YET_VALID");
  const auto with = [&](CertificateEntry crl) {
    SnpEvidence evidence = good;
    evidence.certificates.push_back(std::move(crl));
    return Class(chip, evidence);
  };
  EXPECT_EQ(with(chip.Crl({{12}})), "REVOKED");
  EXPECT_EQ(with(chip.Crl({{77}})), "REVOKED");
  EXPECT_EQ(with(chip.Crl({}, true, kTestNow)), "CRL_EXPIRED");
  EXPECT_EQ(with(TestChip().Crl({})), "CRL_SIGNATURE");
  EXPECT_EQ(with({CertificateKind::kCrl, {1}}), "FORMAT");
}

TEST(VerifySnp, CloudProviderByPolicy) {
  const TestChip chip({.vlek = true});
  EXPECT_EQ(Refusal(chip, chip.Evidence(), {.csp_ids = {"CN=cloud.example"}}), "");
  EXPECT_THAT(Refusal(chip, chip.Evidence(), {.csp_ids = {"CN=other.example"}}),
              StartsWith("cloud provider refused"));
}

TEST(VerifySnp, EmulatedRootIsMarked) {
  const TestChip chip;
  SnpTrust trust;
  trust.roots = AmdRoots();
  EXPECT_FALSE(Verify(chip.Evidence(), trust).genuine);
  trust.roots.push_back(EmulatedRootFromPem(chip.root().ToPem()).value());
  const Outcome outcome = Verify(chip.Evidence(), trust);
  EXPECT_TRUE(outcome.genuine);
  EXPECT_TRUE(outcome.appraisal.emulated);
  EXPECT_EQ(outcome.appraisal.root, "emulated ARK-Milan");
}

TEST(EmulatedRoot, RefusesOtherCertificates) {
  EXPECT_FALSE(EmulatedRootFromPem("").ok());
  EXPECT_FALSE(EmulatedRootFromPem(TestChip().leaf().ToPem()).ok());
  EXPECT_FALSE(EmulatedRootFromPem(TestChip({.root_name = "ARK-Naples"}).root().ToPem()).ok());
}

TEST(AmdRoots, AreThreeDistinctKeys) {
  const auto roots = AmdRoots();
  ASSERT_EQ(roots.size(), 3u);
  for (const TrustedRoot& root : roots) {
    EXPECT_EQ(root.spki_sha384.size(), 48u);
    EXPECT_FALSE(root.emulated);
  }
  EXPECT_NE(roots[0].spki_sha384, roots[1].spki_sha384);
  EXPECT_NE(roots[1].spki_sha384, roots[2].spki_sha384);
}

TEST(SnpEvidenceFrom, ReadsReportAndTable) {
  Evidence evidence;
  evidence.report = {1, 2, 3};
  evidence.auxiliary = BuildCertificateTable({{CertificateKind::kVcek, {9}}}).value();
  const auto read = SnpEvidenceFrom(evidence);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->certificates.size(), 1u);
  evidence.auxiliary.pop_back();
  EXPECT_FALSE(SnpEvidenceFrom(evidence).ok());
  evidence.kind = TeeKind::kTdx;
  EXPECT_FALSE(SnpEvidenceFrom(evidence).ok());
}

}  // namespace
}  // namespace nacre::tee::sev
