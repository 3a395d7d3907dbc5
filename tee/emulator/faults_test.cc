// Every platform the emulator can be, and everything it can do wrong, from evidence and collateral
// files to the verdict.

#include "tee/emulator/faults.h"

#include <algorithm>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/emulator/one_shot.h"
#include "tee/emulator/platform.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/sev/verify.h"
#include "tee/tdx/verify.h"

namespace nacre::tee::emulator {
namespace {

constexpr int64_t kNow = 1'800'000'000;

ReportData Nonce() {
  ReportData data;
  data.bytes.fill(0x77);
  return data;
}

// One chip of each product, with a VLEK, for all tests of this program.
const std::string& ChipFolder(sev::Product product) {
  static auto* folders = new std::map<sev::Product, TemporaryDirectory>;
  static auto* paths = new std::map<sev::Product, std::string>;
  std::string& path = (*paths)[product];
  if (path.empty()) {
    auto folder = TemporaryDirectory::Create("chip").value();
    path = folder.path();
    EXPECT_OK(CreateIdentity(
        path, {.product = product,
               .tcb = {.fmc = product == sev::Product::kTurin ? uint8_t{3} : uint8_t{0},
                       .bootloader = 4,
                       .tee = 0,
                       .snp = 24,
                       .microcode = 219},
               .now = kNow,
               .rsa_bits = 2048}));
    EXPECT_OK(AddVlek(path, kNow, 2048));
    folders->emplace(product, std::move(folder));
  }
  return path;
}

// What a verifier says to one-shot SNP evidence, going by its files alone.
Appraisal JudgeSnp(const OneShot& made, const sev::SnpPolicy& policy = {}) {
  Evidence evidence;
  evidence.report.assign(made.evidence.begin(), made.evidence.begin() + sev::kReportSize);
  evidence.auxiliary.assign(made.evidence.begin() + sev::kReportSize, made.evidence.end());
  sev::SnpTrust trust;
  trust.roots = {sev::EmulatedRootFromPem(AsText(made.collateral.at("root.pem"))).value()};
  trust.known_certificates = {{sev::CertificateKind::kCrl, made.collateral.at("crl.der")}};
  trust.require_crl = true;
  Appraisal appraisal;
  const auto report =
      sev::VerifySnp(sev::SnpEvidenceFrom(evidence).value(), trust, policy, kNow, &appraisal);
  if (report) CheckReportData(report->report_data, Nonce(), &appraisal);
  return appraisal;
}

OneShotOptions Snp(std::string faults = "") {
  OneShotOptions options{.folder = ChipFolder(sev::Product::kMilan), .report_data = Nonce()};
  options.faults = std::move(faults);
  options.now = kNow;
  return options;
}

TEST(OneShotSnp, EveryPlatformVerifies) {
  for (auto product : {sev::Product::kMilan, sev::Product::kGenoa, sev::Product::kTurin}) {
    for (auto endorsement : {Endorsement::kVcek, Endorsement::kVlek}) {
      for (uint64_t version : {3, 5}) {
        OneShotOptions options = Snp();
        options.folder = ChipFolder(product);
        options.endorsement = endorsement;
        options.version = version;
        ASSERT_OK_AND_ASSIGN(const OneShot made, MakeOneShot(options));
        const Appraisal appraisal = JudgeSnp(made);
        EXPECT_EQ(appraisal.refusal, "") << sev::ProductName(product) << " " << version;
        EXPECT_TRUE(appraisal.emulated);
        EXPECT_EQ(appraisal.claims.at("report_version"), StrCat(version));
        EXPECT_EQ(appraisal.claims.contains("csp_id"), endorsement == Endorsement::kVlek);
      }
    }
  }
}

TEST(OneShotSnp, EveryFaultIsRefusedForItsReason) {
  const sev::SnpPolicy policy{.min_tcb = sev::TcbComponents{.snp = 24}};
  const std::pair<std::string, RefusalClass> cases[] = {
      {"", RefusalClass::kNone},
      {"wrong-nonce", RefusalClass::kReportData},
      {"bad-signature", RefusalClass::kSignature},
      {"debug-policy", RefusalClass::kPolicyDebug},
      {"swapped-chip", RefusalClass::kChipId},
      {"stale-tcb", RefusalClass::kTcbTooOld},
      {"mismatched-tcb", RefusalClass::kTcbMismatch},
      {"expired-leaf", RefusalClass::kExpired},
      {"revoked-chain", RefusalClass::kRevoked},
      {"expired-collateral", RefusalClass::kCrlExpired},
      {"revoked-chain, debug-policy", RefusalClass::kRevoked},
  };
  for (const auto& [faults, expected] : cases) {
    ASSERT_OK_AND_ASSIGN(const OneShot made, MakeOneShot(Snp(faults)));
    const Appraisal appraisal = JudgeSnp(made, policy);
    EXPECT_EQ(RefusalClassName(appraisal.refusal_class), RefusalClassName(expected))
        << faults << ": " << appraisal.refusal;
  }
}

TEST(OneShotSnp, FaultsOfVleksToo) {
  const std::pair<std::string, RefusalClass> cases[] = {
      {"stale-tcb", RefusalClass::kTcbTooOld},
      {"expired-leaf", RefusalClass::kExpired},
      {"revoked-chain", RefusalClass::kRevoked},
  };
  for (const auto& [faults, expected] : cases) {
    OneShotOptions options = Snp(faults);
    options.endorsement = Endorsement::kVlek;
    ASSERT_OK_AND_ASSIGN(const OneShot made, MakeOneShot(options));
    const Appraisal appraisal = JudgeSnp(made, {.min_tcb = sev::TcbComponents{.snp = 24}});
    EXPECT_EQ(appraisal.refusal_class, expected) << faults << ": " << appraisal.refusal;
  }
}

TEST(OneShotSnp, WhatIsNotEmulatedIsRefused) {
  OneShotOptions version = Snp();
  version.version = 4;
  EXPECT_STATUS(MakeOneShot(version), kInvalidArgument, "version 4");
  EXPECT_STATUS(MakeOneShot(Snp("no-such-fault")), kInvalidArgument, "'no-such-fault' is unknown");
  OneShotOptions tpm = Snp();
  tpm.tee = TeeKind::kTpm;
  EXPECT_STATUS(MakeOneShot(tpm), kInvalidArgument, "tpm");
  OneShotOptions nowhere = Snp();
  nowhere.folder = "/nonexistent/chip";
  EXPECT_STATUS(MakeOneShot(nowhere), kNotFound, "ark.pem");
}

Appraisal JudgeTdx(const OneShot& made) {
  tdx::Collateral collateral;
  collateral.tcb_info = ToString(made.collateral.at("tcb_info.json"));
  collateral.qe_identity = ToString(made.collateral.at("qe_identity.json"));
  collateral.signing_certificates = ToString(made.collateral.at("signing.pem"));
  for (const auto& [name, bytes] : made.collateral) {
    if (name.starts_with("crl-")) collateral.crls.push_back(bytes);
  }
  tdx::TdxTrust trust;
  trust.roots = {tdx::EmulatedRootFromPem(AsText(made.collateral.at("root.pem"))).value()};
  Appraisal appraisal;
  const auto td = tdx::VerifyTdx(made.evidence, collateral, trust, {}, kNow, &appraisal);
  if (td) CheckReportData(td->quote.td->report_data, Nonce(), &appraisal);
  return appraisal;
}

TEST(OneShotTdx, BothQuoteVersionsVerifyAndFaultsAreRefused) {
  const auto folder = TemporaryDirectory::Create("tdx").value();
  OneShotOptions options{.folder = folder.path(), .tee = TeeKind::kTdx, .report_data = Nonce()};
  options.now = kNow;
  for (uint64_t version : {0, 4, 5}) {
    options.version = version;
    ASSERT_OK_AND_ASSIGN(const OneShot made, MakeOneShot(options));
    EXPECT_EQ(JudgeTdx(made).refusal, "") << version;
  }
  const std::pair<std::string, RefusalClass> cases[] = {
      {"wrong-nonce", RefusalClass::kReportData},
      {"debug", RefusalClass::kTdDebug},
      {"revoked-pck", RefusalClass::kRevoked},
      {"stale-tcb", RefusalClass::kTcbStatus},
      {"expired-collateral", RefusalClass::kCollateralExpired},
  };
  for (const auto& [faults, expected] : cases) {
    options.faults = faults;
    ASSERT_OK_AND_ASSIGN(const OneShot made, MakeOneShot(options));
    const Appraisal appraisal = JudgeTdx(made);
    EXPECT_EQ(RefusalClassName(appraisal.refusal_class), RefusalClassName(expected))
        << faults << ": " << appraisal.refusal;
  }
}

TEST(Faults, AreReadFromListsAndFiles) {
  EXPECT_TRUE(ParseSnpFaults("").value().empty());
  EXPECT_TRUE(ParseSnpFaults("# none\n\n").value().empty());
  EXPECT_EQ(ParseSnpFaults("wrong-nonce,stale-tcb").value(),
            (std::set{SnpFault::kWrongNonce, SnpFault::kStaleTcb}));
  EXPECT_EQ(ParseSnpFaults("  wrong-nonce  # why\r\nstale-tcb\twrong-nonce").value(),
            (std::set{SnpFault::kWrongNonce, SnpFault::kStaleTcb}));
  EXPECT_STATUS(ParseSnpFaults("wrong-nonce stale"), kInvalidArgument, "expired-collateral");
  EXPECT_STATUS(ParseSnpFaults("Wrong-Nonce"), kInvalidArgument, "Wrong-Nonce");
}

}  // namespace
}  // namespace nacre::tee::emulator
