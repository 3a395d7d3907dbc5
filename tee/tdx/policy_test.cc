#include "tee/tdx/policy.h"

#include <gtest/gtest.h>

#include <functional>

namespace nacre::tee::tdx {
namespace {

struct Subject {
  TdBody td;
  PckExtension pck;
  TcbEvaluation tcb;
  TcbNumbers numbers{18, 18};
};

Subject Good() {
  Subject out;
  out.td.td_attributes = kTdSeptVeDisable;
  out.td.xfam = 0x602e7;
  out.tcb.status = TcbStatus::kUpToDate;
  return out;
}

RefusalClass Judge(const Subject& subject, const TdxPolicy& policy) {
  Appraisal appraisal;
  const bool met =
      CheckTdxPolicy(subject.td, subject.pck, subject.tcb, subject.numbers, policy, &appraisal);
  EXPECT_EQ(met, appraisal.affirmed()) << appraisal.refusal;
  return appraisal.refusal_class;
}

RefusalClass With(const std::function<void(Subject&, TdxPolicy&)>& change) {
  Subject subject = Good();
  TdxPolicy policy;
  change(subject, policy);
  return Judge(subject, policy);
}

using S = Subject;
using P = TdxPolicy;
constexpr auto kOk = RefusalClass::kNone;
constexpr auto kPolicy = RefusalClass::kPolicy;

TEST(TdxPolicy, DefaultsAcceptAnOrdinaryTd) { EXPECT_EQ(Judge(Good(), {}), kOk); }

TEST(TdxPolicy, AttributesOneByOne) {
  EXPECT_EQ(With([](S& s, P&) { s.td.td_attributes |= kTdDebug; }), RefusalClass::kTdDebug);
  EXPECT_EQ(With([](S& s, P&) { s.td.td_attributes |= 2; }), RefusalClass::kTdDebug);
  EXPECT_EQ(With([](S& s, P& p) {
              s.td.td_attributes |= kTdDebug;
              p.allow_debug = true;
            }),
            kOk);
  EXPECT_EQ(With([](S& s, P&) { s.td.td_attributes = 0; }), kPolicy);
  EXPECT_EQ(With([](S& s, P& p) {
              s.td.td_attributes = 0;
              p.require_sept_ve_disable = false;
            }),
            kOk);
  EXPECT_EQ(With([](S& s, P&) { s.td.td_attributes |= kTdMigratable; }), kPolicy);
  EXPECT_EQ(With([](S& s, P&) { s.td.td_attributes |= kTdPerfmon; }), kPolicy);
  EXPECT_EQ(With([](S& s, P&) { s.td.td_attributes |= kTdPks | kTdKl; }), kOk);
  EXPECT_EQ(With([](S& s, P& p) {
              s.td.td_attributes |= kTdPks;
              p.allow_protection_keys = false;
            }),
            kPolicy);
  EXPECT_EQ(With([](S& s, P& p) {
              s.td.td_attributes |= kTdKl;
              p.allow_key_locker = false;
            }),
            kPolicy);
}

TEST(TdxPolicy, XfamHasAFloorAndACeiling) {
  EXPECT_EQ(With([](S& s, P&) { s.td.xfam = 0x3; }), kOk);
  EXPECT_EQ(With([](S& s, P&) { s.td.xfam = 0x6dbe7; }), kOk);
  EXPECT_EQ(With([](S& s, P&) { s.td.xfam = 0x1; }), kPolicy);
  EXPECT_EQ(With([](S& s, P&) { s.td.xfam = 0x602e7 | 1ull << 40; }), kPolicy);
}

TEST(TdxPolicy, TcbStatusAdvisoriesAndNumbers) {
  EXPECT_EQ(With([](S& s, P&) { s.tcb.status = TcbStatus::kSwHardeningNeeded; }),
            RefusalClass::kTcbStatus);
  EXPECT_EQ(With([](S& s, P& p) {
              s.tcb.status = TcbStatus::kSwHardeningNeeded;
              p.accepted_statuses.insert(TcbStatus::kSwHardeningNeeded);
            }),
            kOk);
  EXPECT_EQ(With([](S& s, P& p) {
              s.tcb.status = TcbStatus::kRevoked;
              p.accepted_statuses.insert(TcbStatus::kRevoked);
            }),
            RefusalClass::kRevoked);
  EXPECT_EQ(With([](S& s, P& p) {
              s.tcb.advisories = {"INTEL-SA-1", "INTEL-SA-2"};
              p.refused_advisories = {"INTEL-SA-2"};
            }),
            RefusalClass::kTcbStatus);
  EXPECT_EQ(With([](S&, P& p) { p.min_tcb_evaluation_number = 18; }), kOk);
  EXPECT_EQ(With([](S&, P& p) { p.min_tcb_evaluation_number = 19; }), RefusalClass::kTcbEvalNumber);
  EXPECT_EQ(With([](S& s, P&) { s.numbers.qe_identity = 17; }), RefusalClass::kTcbEvalNumber);
  EXPECT_EQ(With([](S& s, P& p) {
              s.numbers.qe_identity = 17;
              p.require_same_evaluation_number = false;
            }),
            kOk);
}

TEST(TdxPolicy, PlatformFlags) {
  EXPECT_EQ(With([](S&, P& p) { p.allow_smt = false; }), kOk);
  EXPECT_EQ(With([](S& s, P& p) {
              s.pck.smt_enabled = true;
              p.allow_smt = false;
            }),
            kPolicy);
  EXPECT_EQ(With([](S& s, P& p) {
              s.pck.dynamic_platform = true;
              p.allow_dynamic_platform = false;
            }),
            kPolicy);
  EXPECT_EQ(With([](S& s, P& p) {
              s.pck.cached_keys = true;
              p.allow_cached_keys = false;
            }),
            kPolicy);
}

TEST(TdxPolicy, RegistersMustEqual) {
  const Bytes zeros(48);
  const Bytes ones(48, 1);
  EXPECT_EQ(With([&](S&, P& p) {
              p.mrtd = p.mrconfigid = p.mrowner = p.mrownerconfig = zeros;
              p.rtmr = {zeros, zeros, zeros, zeros};
              p.allowed_mrseam = {ones, zeros};
            }),
            kOk);
  EXPECT_EQ(With([&](S&, P& p) { p.mrtd = ones; }), RefusalClass::kMeasurement);
  EXPECT_EQ(With([&](S&, P& p) { p.mrtd = Bytes(); }), RefusalClass::kMeasurement);
  EXPECT_EQ(With([&](S&, P& p) { p.mrtd = Bytes(47); }), RefusalClass::kMeasurement);
  EXPECT_EQ(With([&](S&, P& p) { p.rtmr[3] = ones; }), RefusalClass::kRtmrMismatch);
  EXPECT_EQ(With([&](S&, P& p) { p.mrconfigid = ones; }), RefusalClass::kMeasurement);
  EXPECT_EQ(With([&](S&, P& p) { p.allowed_mrseam = {ones}; }), RefusalClass::kMeasurement);
  EXPECT_EQ(With([&](S&, P& p) { p.mrservicetd = zeros; }), RefusalClass::kMeasurement);
  EXPECT_EQ(With([&](S& s, P& p) {
              s.td.td15.emplace();
              p.mrservicetd = zeros;
            }),
            kOk);
  EXPECT_EQ(With([&](S&, P& p) { p.report_data = Bytes(64, 1); }), RefusalClass::kReportData);
}

TEST(TdxPolicy, EveryUnmetDemandIsListed) {
  Subject subject = Good();
  subject.td.td_attributes = kTdDebug;
  subject.td.xfam = 0;
  Appraisal appraisal;
  EXPECT_FALSE(
      CheckTdxPolicy(subject.td, subject.pck, subject.tcb, subject.numbers, {}, &appraisal));
  int failed = 0;
  for (const Check& check : appraisal.checks) failed += check.passed ? 0 : 1;
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(appraisal.refusal, "debugging refused: expected off, got on");
}

}  // namespace
}  // namespace nacre::tee::tdx
