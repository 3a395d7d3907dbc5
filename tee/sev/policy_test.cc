#include "tee/sev/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::tee::sev {
namespace {

constexpr uint64_t kSmt = 1 << 16;
constexpr uint64_t kMigration = 1 << 18;
constexpr uint64_t kDebug = 1 << 19;
constexpr uint64_t kSingleSocket = 1 << 20;

// The name of the first failed check; "" when all pass.
std::string Failed(const Report& report, const SnpPolicy& policy) {
  Appraisal appraisal;
  const bool ok = CheckPolicy(report, Product::kMilan, policy, &appraisal);
  EXPECT_EQ(ok, appraisal.refusal.empty());
  for (const Check& check : appraisal.checks) {
    if (!check.passed) return check.name;
  }
  return "";
}

Report With(uint64_t policy_bits) {
  Report report;
  report.policy.value = 1 << 17 | policy_bits;
  return report;
}

TEST(SnpPolicy, GuestPolicyBits) {
  EXPECT_EQ(Failed(With(kSmt), {}), "");
  EXPECT_EQ(Failed(With(kDebug), {}), "debugging");
  EXPECT_EQ(Failed(With(kDebug), {.allow_debug = true}), "");
  EXPECT_EQ(Failed(With(kMigration), {}), "migration agent");
  EXPECT_EQ(Failed(With(kMigration), {.allow_migration_agent = true}), "");
  EXPECT_EQ(Failed(With(kSmt), {.allow_smt = false}), "SMT");
  EXPECT_EQ(Failed(With(0), {.allow_smt = false}), "");
  EXPECT_EQ(Failed(With(0), {.require_single_socket = true}), "single socket");
  EXPECT_EQ(Failed(With(kSingleSocket), {.require_single_socket = true}), "");
}

TEST(SnpPolicy, VmplBoundaries) {
  Report report = With(0);
  report.vmpl = 1;
  EXPECT_EQ(Failed(report, {}), "VMPL");
  EXPECT_EQ(Failed(report, {.max_vmpl = 1}), "");
  report.vmpl = 2;
  EXPECT_EQ(Failed(report, {.max_vmpl = 1}), "VMPL");
  report.vmpl = 0xffffffff;
  EXPECT_EQ(Failed(report, {.max_vmpl = 3}), "VMPL");
}

TEST(SnpPolicy, AbiVersionAndGuestSvnBoundaries) {
  const SnpPolicy abi{.min_abi_major = 1, .min_abi_minor = 5};
  EXPECT_EQ(Failed(With(0x0105), abi), "");
  EXPECT_EQ(Failed(With(0x0200), abi), "");
  EXPECT_EQ(Failed(With(0x0104), abi), "guest policy ABI version");
  EXPECT_EQ(Failed(With(0x00ff), abi), "guest policy ABI version");
  Report report = With(0);
  report.guest_svn = 7;
  EXPECT_EQ(Failed(report, {.min_guest_svn = 7}), "");
  EXPECT_EQ(Failed(report, {.min_guest_svn = 8}), "guest SVN");
}

TEST(SnpPolicy, TcbMinimumIsPerComponentAndForAllThree) {
  const TcbComponents tcb{.fmc = 0, .bootloader = 4, .tee = 1, .snp = 24, .microcode = 200};
  Report report = With(0);
  report.reported_tcb = report.committed_tcb = report.launch_tcb =
      TcbVersion::FromComponents(Product::kMilan, tcb);
  EXPECT_EQ(Failed(report, {.min_tcb = tcb}), "");
  for (uint8_t TcbComponents::*part : {&TcbComponents::bootloader, &TcbComponents::tee,
                                       &TcbComponents::snp, &TcbComponents::microcode}) {
    TcbComponents above = tcb;
    ++(above.*part);
    EXPECT_EQ(Failed(report, {.min_tcb = above}), "reported TCB minimum");
  }
  Report rolled_back = report;
  rolled_back.committed_tcb.raw[6] = 23;
  rolled_back.committed_tcb.raw[7] = 255;  // ahead as one number, behind in one component
  EXPECT_EQ(Failed(rolled_back, {.min_tcb = tcb}), "committed TCB minimum");
  rolled_back = report;
  rolled_back.launch_tcb.raw[0] = 3;
  EXPECT_EQ(Failed(rolled_back, {.min_tcb = tcb}), "launch TCB minimum");
}

TEST(SnpPolicy, AllChecksAreReportedPastTheFirstFailure) {
  Appraisal appraisal;
  EXPECT_FALSE(CheckPolicy(With(kDebug | kMigration), Product::kMilan, {}, &appraisal));
  EXPECT_THAT(appraisal.refusal, ::testing::StartsWith("debugging refused"));
  EXPECT_EQ(std::count_if(appraisal.checks.begin(), appraisal.checks.end(),
                          [](const Check& check) { return !check.passed; }),
            2);
}

}  // namespace
}  // namespace nacre::tee::sev
