#include "tee/tdx/verify.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/emulator/tdx_platform.h"

namespace nacre::tee::tdx {
namespace {

using emulator::TdxFault;
using emulator::TdxPlatform;

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15
constexpr int64_t kDay = 24 * 3600;

ReportData Nonce() {
  ReportData nonce;
  nonce.bytes.fill(0x5a);
  return nonce;
}

TdBody Td() {
  TdBody td = emulator::EmulatedTd();
  td.mrtd.fill(1);
  for (size_t i = 0; i < td.rtmr.size(); ++i) td.rtmr[i].fill(static_cast<uint8_t>(0x10 + i));
  return td;
}

TdxPlatform MakePlatform(std::set<TdxFault> faults = {}, uint16_t version = 4,
                         emulator::TdxIdentityOptions options = {.now = kNow}) {
  auto identity = emulator::MakeTdxIdentity(options);
  return TdxPlatform::Create(*std::move(identity), {version, Td(), std::move(faults)}).value();
}

TdxTrust TrustOf(const TdxPlatform& platform) {
  return {{EmulatedRootFromPem(platform.identity().root.certificate.ToPem()).value()}};
}

// One verification and what came of it.
struct Outcome {
  Appraisal appraisal;
  std::optional<VerifiedTd> td;
  RefusalClass refused() const { return appraisal.refusal_class; }
};

Outcome Judge(const TdxPlatform& platform, const TdxPolicy& policy = {}, int64_t now = kNow) {
  Outcome out;
  out.td = VerifyTdx(platform.Quote(Nonce()).value(), platform.MakeCollateral(kNow).value(),
                     TrustOf(platform), policy, now, &out.appraisal);
  return out;
}

TEST(VerifyTdx, GenuineQuotesOfBothVersions) {
  for (uint16_t version : {4, 5}) {
    const Outcome outcome = Judge(MakePlatform({}, version));
    ASSERT_TRUE(outcome.td) << outcome.appraisal.refusal;
    EXPECT_TRUE(outcome.appraisal.affirmed());
    EXPECT_TRUE(outcome.appraisal.emulated);
    EXPECT_EQ(outcome.appraisal.tee, TeeKind::kTdx);
    EXPECT_EQ(outcome.appraisal.root, "emulated Intel SGX Root CA");
    EXPECT_EQ(outcome.td->tcb.status, TcbStatus::kUpToDate);
    EXPECT_EQ(outcome.td->quote.td->report_data, Nonce().bytes);
    EXPECT_EQ(outcome.td->quote.td->td15.has_value(), version == 5);
    EXPECT_EQ(outcome.appraisal.claims.at("tcb.module"), "TDX_01 UpToDate");
    EXPECT_EQ(outcome.appraisal.claims.at("fmspc"), "4e6163726500");
  }
}

TEST(VerifyTdx, ProcessorCaServesToo) {
  const Outcome outcome = Judge(MakePlatform({}, 4, {.now = kNow, .processor_ca = true}));
  EXPECT_TRUE(outcome.td) << outcome.appraisal.refusal;
}

TEST(VerifyTdx, EveryFaultIsRefusedWithItsClass) {
  const struct {
    TdxFault fault;
    RefusalClass refused;
    const char* why;
  } kCases[] = {
      {TdxFault::kDebug, RefusalClass::kTdDebug, "debugging refused"},
      {TdxFault::kRevokedPck, RefusalClass::kRevoked, "CN=Intel SGX PCK Certificate is revoked"},
      {TdxFault::kRevokedIntermediate, RefusalClass::kRevoked,
       "CN=Intel SGX PCK Platform CA is revoked"},
      {TdxFault::kRevokedSigner, RefusalClass::kRevoked, "CN=Intel SGX TCB Signing is revoked"},
      {TdxFault::kExpiredCrl, RefusalClass::kCrlExpired, "out of date since 2027-01-14"},
      {TdxFault::kStaleTcb, RefusalClass::kTcbStatus, "expected UpToDate, got OutOfDate"},
      {TdxFault::kRevokedTcb, RefusalClass::kRevoked, "the platform's TCB level is revoked"},
      {TdxFault::kStaleQe, RefusalClass::kTcbStatus, "got OutOfDate"},
      {TdxFault::kExpiredCollateral, RefusalClass::kCollateralExpired,
       "next update was due 2027-01-14"},
  };
  for (const auto& test : kCases) {
    const Outcome outcome = Judge(MakePlatform({test.fault}));
    EXPECT_FALSE(outcome.td);
    EXPECT_EQ(outcome.refused(), test.refused) << outcome.appraisal.refusal;
    EXPECT_NE(outcome.appraisal.refusal.find(test.why), std::string::npos)
        << outcome.appraisal.refusal;
  }
}

TEST(VerifyTdx, WrongNonceIsThePolicysBusiness) {
  TdxPolicy policy;
  policy.report_data = ToBytes(Nonce().bytes);
  EXPECT_TRUE(Judge(MakePlatform(), policy).td);
  EXPECT_EQ(Judge(MakePlatform({TdxFault::kWrongNonce}), policy).refused(),
            RefusalClass::kReportData);
  policy.report_data->resize(32);  // a beginning does not do
  EXPECT_EQ(Judge(MakePlatform(), policy).refused(), RefusalClass::kReportData);
}

TEST(VerifyTdx, TheRootMustBeTrusted) {
  const TdxPlatform platform = MakePlatform();
  const TdxPlatform other = MakePlatform();
  for (const TdxTrust& trust : {TdxTrust{}, TdxTrust{{}}, TrustOf(other)}) {
    Appraisal appraisal;
    EXPECT_FALSE(VerifyTdx(platform.Quote(Nonce()).value(), platform.MakeCollateral(kNow).value(),
                           trust, {}, kNow, &appraisal));
    EXPECT_EQ(appraisal.refusal_class, RefusalClass::kChain);
  }
}

TEST(VerifyTdx, CollateralOfAnotherRootDoesNotCount) {
  const TdxPlatform platform = MakePlatform();
  const TdxPlatform other = MakePlatform();
  Collateral mixed = other.MakeCollateral(kNow).value();
  mixed.crls = platform.MakeCollateral(kNow)->crls;
  Appraisal appraisal;
  EXPECT_FALSE(
      VerifyTdx(platform.Quote(Nonce()).value(), mixed, TrustOf(platform), {}, kNow, &appraisal));
  EXPECT_EQ(appraisal.refusal_class, RefusalClass::kChain);
}

TEST(VerifyTdx, EachPartOfTheCollateralIsNeeded) {
  const TdxPlatform platform = MakePlatform();
  const Collateral whole = platform.MakeCollateral(kNow).value();
  const auto judge = [&](const Collateral& collateral) {
    Appraisal appraisal;
    EXPECT_FALSE(VerifyTdx(platform.Quote(Nonce()).value(), collateral, TrustOf(platform), {}, kNow,
                           &appraisal));
    return appraisal.refusal_class;
  };
  Collateral without = whole;
  without.tcb_info.clear();
  EXPECT_EQ(judge(without), RefusalClass::kCollateralMissing);
  without = whole;
  without.qe_identity.clear();
  EXPECT_EQ(judge(without), RefusalClass::kCollateralMissing);
  without = whole;
  without.signing_certificates = platform.identity().root.certificate.ToPem();
  EXPECT_EQ(judge(without), RefusalClass::kCollateralMissing);
  without = whole;
  without.crls.clear();
  EXPECT_EQ(judge(without), RefusalClass::kCrlMissing);
  without = whole;
  without.crls.pop_back();
  EXPECT_EQ(judge(without), RefusalClass::kCrlIssuerMismatch);
}

TEST(VerifyTdx, TimeIsAParameter) {
  const TdxPlatform platform = MakePlatform();
  EXPECT_EQ(Judge(platform, {}, kNow - 3600).refused(), RefusalClass::kNone);
  EXPECT_EQ(Judge(platform, {}, kNow - 3601).refused(), RefusalClass::kCrlExpired);
  EXPECT_EQ(Judge(platform, {}, kNow - 2 * kDay).refused(), RefusalClass::kNotYetValid);
  EXPECT_EQ(Judge(platform, {}, kNow + 30 * kDay - 1).refused(), RefusalClass::kNone);
  EXPECT_EQ(Judge(platform, {}, kNow + 8 * 365 * kDay).refused(), RefusalClass::kExpired);
}

TEST(VerifyTdx, OldModuleUnderANewOneAdvisesARelaunch) {
  const TdxPlatform platform = MakePlatform({}, 5);
  const auto status = [&](uint8_t launched, uint8_t running) {
    Quote quote = platform.Unsigned(Nonce());
    quote.td->tee_tcb_svn[0] = launched;
    quote.td->td15->tee_tcb_svn_2[0] = running;
    TdxPolicy policy;
    policy.accepted_statuses = {TcbStatus::kUpToDate, TcbStatus::kOutOfDate,
                                TcbStatus::kTdRelaunchAdvised};
    Appraisal appraisal;
    const auto td = VerifyTdx(platform.Sign(quote).value(), platform.MakeCollateral(kNow).value(),
                              TrustOf(platform), policy, kNow, &appraisal);
    return td ? TcbStatusName(td->tcb.status) : RefusalClassName(appraisal.refusal_class);
  };
  EXPECT_EQ(status(6, 6), "UpToDate");
  EXPECT_EQ(status(5, 5), "OutOfDate");
  EXPECT_EQ(status(5, 6), "TDRelaunchAdvised");
  EXPECT_EQ(status(1, 6), "TCB_NOT_SUPPORTED");
}

TEST(VerifyTdx, ACacheChangesNoVerdictAndNoCheck) {
  const TdxPlatform platform = MakePlatform();
  const TdxTrust trust = TrustOf(platform);
  ASSERT_OK_AND_ASSIGN(const Bytes quote, platform.Quote(Nonce()));
  ASSERT_OK_AND_ASSIGN(const auto collateral,
                       ParseCollateral(platform.MakeCollateral(kNow).value()));
  EndorsementCache cache;
  const auto judge = [&](ByteView bytes, int64_t now, const TdxTrust& roots) {
    Appraisal with;
    Appraisal without;
    EXPECT_EQ(VerifyTdx(bytes, collateral, roots, {}, now, &with, &cache).has_value(),
              VerifyTdx(bytes, collateral, roots, {}, now, &without).has_value());
    EXPECT_EQ(with.refusal, without.refusal);
    EXPECT_EQ(with.claims, without.claims);
    EXPECT_EQ(with.root, without.root);
    EXPECT_EQ(with.checks.size(), without.checks.size());
    for (size_t i = 0; i < std::min(with.checks.size(), without.checks.size()); ++i) {
      EXPECT_EQ(with.checks[i].name, without.checks[i].name);
      EXPECT_EQ(with.checks[i].expected, without.checks[i].expected);
      EXPECT_EQ(with.checks[i].got, without.checks[i].got);
    }
    return with.refusal_class;
  };
  EXPECT_EQ(judge(quote, kNow, trust), RefusalClass::kNone);
  EXPECT_EQ(cache.hits(), 0u);
  EXPECT_EQ(judge(quote, kNow, trust), RefusalClass::kNone);
  EXPECT_EQ(judge(platform.Quote({}).value(), kNow + 100, trust), RefusalClass::kNone);
  EXPECT_EQ(cache.hits(), 2u);
  // What the cache knows does not speak for another quote, time or root.
  Bytes flipped = quote;
  flipped[200] ^= 1;
  EXPECT_EQ(judge(flipped, kNow, trust), RefusalClass::kQuoteSignature);
  EXPECT_EQ(cache.hits(), 3u);
  EXPECT_EQ(judge(quote, kNow + 30 * kDay - 1, trust), RefusalClass::kNone);
  EXPECT_EQ(cache.hits(), 4u);
  EXPECT_EQ(judge(quote, kNow + 30 * kDay, trust), RefusalClass::kCrlExpired);
  EXPECT_EQ(judge(quote, kNow - 3601, trust), RefusalClass::kCrlExpired);
  EXPECT_EQ(judge(quote, kNow, TdxTrust{}), RefusalClass::kChain);
  EXPECT_EQ(cache.hits(), 4u);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(EndorsementCache, HoldsTheMostRecentlyUsed) {
  const TdxPlatform platform = MakePlatform();
  const auto& identity = platform.identity();
  const auto endorsement = std::make_shared<Endorsement>(Endorsement{
      {identity.pck.certificate, identity.intermediate.certificate, identity.root.certificate, {}},
      identity.extension,
      identity.pck.certificate.public_key().value(),
      0,
      kNow});
  EndorsementCache cache(2);
  cache.Store("a", endorsement);
  cache.Store("b", endorsement);
  EXPECT_TRUE(cache.Find("a", 1));
  cache.Store("c", endorsement);
  EXPECT_FALSE(cache.Find("b", 1));
  EXPECT_TRUE(cache.Find("a", 0));
  EXPECT_FALSE(cache.Find("a", -1));
  EXPECT_FALSE(cache.Find("a", kNow));
  EXPECT_EQ(cache.size(), 2u);
}

TEST(VerifyTdx, CollateralKeyNamesThePlatform) {
  const TdxPlatform platform = MakePlatform({}, 4, {.now = kNow, .processor_ca = true});
  ASSERT_OK_AND_ASSIGN(const Bytes quote, platform.Quote(Nonce()));
  ASSERT_OK_AND_ASSIGN(const CollateralKey key, CollateralKeyOf(quote));
  EXPECT_EQ(key.fmspc, emulator::EmulatedPck().fmspc);
  EXPECT_FALSE(key.platform_ca);
  EXPECT_FALSE(CollateralKeyOf(ByteView(quote).first(600)).ok());
}

TEST(EmulatedRoot, IntelsOwnIsRefusedByPin) {
  EXPECT_STATUS(EmulatedRootFromPem("nothing"), kInvalidArgument, "emulated root");
  const TdxPlatform platform = MakePlatform();
  ASSERT_OK_AND_ASSIGN(const TrustedRoot root,
                       EmulatedRootFromPem(platform.identity().root.certificate.ToPem()));
  EXPECT_TRUE(root.emulated);
  EXPECT_EQ(FindRoot(platform.identity().root.certificate, IntelRoots()), nullptr);
  EXPECT_EQ(FindRoot(platform.identity().pck.certificate, {root}), nullptr);
}

}  // namespace
}  // namespace nacre::tee::tdx
