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

TEST(SnpPolicy, NewerGuestPolicyBits) {
  EXPECT_EQ(Failed(With(1 << 21), {}), "CXL devices");
  EXPECT_EQ(Failed(With(1 << 21), {.allow_cxl = true}), "");
  const struct {
    int bit;
    SnpPolicy policy;
    std::string name;
  } cases[] = {{22, {.require_aes_256_xts = true}, "AES-256-XTS"},
               {23, {.require_rapl_disabled = true}, "RAPL disabled"},
               {24, {.require_ciphertext_hiding = true}, "ciphertext hiding"},
               {25, {.require_page_swap_disabled = true}, "page swap disabled"}};
  for (const auto& [bit, policy, name] : cases) {
    EXPECT_EQ(Failed(With(0), policy), name);
    EXPECT_EQ(Failed(With(uint64_t{1} << bit), policy), "");
  }
}

TEST(SnpPolicy, ReservedBitMustBeOne) {
  Report report;
  EXPECT_EQ(Failed(report, {}), "guest policy");
}

TEST(SnpPolicy, MinimumsOfEachTcb) {
  Report report = With(0);
  report.reported_tcb.raw = {1, 0, 0, 0, 0, 0, 5, 9};
  report.committed_tcb.raw = {2, 0, 0, 0, 0, 0, 5, 9};
  report.launch_tcb.raw = {3, 0, 0, 0, 0, 0, 5, 9};
  const TcbComponents two{.bootloader = 2};
  const TcbComponents three{.bootloader = 3};
  EXPECT_EQ(Failed(report, {.min_reported_tcb = two}), "reported TCB minimum");
  EXPECT_EQ(Failed(report, {.min_committed_tcb = two}), "");
  EXPECT_EQ(Failed(report, {.min_committed_tcb = three}), "committed TCB minimum");
  EXPECT_EQ(Failed(report, {.min_launch_tcb = three}), "");
  EXPECT_EQ(Failed(report, {.min_launch_tcb = TcbComponents{.snp = 6}}), "launch TCB minimum");
}

TEST(SnpPolicy, FirmwareBoundaries) {
  Report report = With(0);
  report.current_firmware = {.build = 30, .minor = 55, .major = 1};
  report.committed_firmware = {.build = 29, .minor = 55, .major = 1};
  const auto least = [&](uint8_t major, uint8_t minor, uint8_t build) {
    return Failed(report, {.min_firmware = FirmwareVersion{build, minor, major}});
  };
  EXPECT_EQ(least(1, 55, 28), "");
  EXPECT_EQ(least(1, 55, 29), "");
  EXPECT_EQ(least(1, 55, 30), "committed firmware");
  EXPECT_EQ(least(1, 55, 31), "current firmware");
  EXPECT_EQ(least(1, 54, 200), "");
  EXPECT_EQ(least(2, 0, 0), "current firmware");
}

TEST(SnpPolicy, PlatformDemands) {
  Report report = With(0);
  report.platform_info = 0x65;  // SMT, ECC, alias check, and a bit that has no name yet
  EXPECT_EQ(Failed(report, {.platform = {.smt = true, .tsme = false, .ecc = true}}), "");
  EXPECT_EQ(Failed(report, {.platform = {.smt = false}}), "platform: SMT");
  EXPECT_EQ(Failed(report, {.platform = {.tsme = true}}), "platform: TSME");
  EXPECT_EQ(Failed(report, {.platform = {.rapl_disabled = true}}), "platform: RAPL disabled");
  EXPECT_EQ(Failed(report, {.platform = {.ciphertext_hiding = true}}),
            "platform: ciphertext hiding");
  EXPECT_EQ(Failed(report, {.platform = {.alias_check_complete = true}}), "");
}

TEST(SnpPolicy, ListsOfKeysAndChips) {
  Report report = With(0);
  report.id_key_digest.fill(1);
  report.author_key_digest.fill(2);
  report.chip_id.fill(3);
  std::array<uint8_t, 48> one, two;
  one.fill(1);
  two.fill(2);
  std::array<uint8_t, 64> chip;
  chip.fill(3);
  EXPECT_EQ(Failed(report, {.id_key_digests = {two, one}}), "");
  EXPECT_EQ(Failed(report, {.id_key_digests = {two}}), "ID key");
  EXPECT_EQ(Failed(report, {.author_key_digests = {two}}), "author key in use");
  report.key_info = 1;
  EXPECT_EQ(Failed(report, {.author_key_digests = {two}}), "");
  EXPECT_EQ(Failed(report, {.author_key_digests = {one}}), "author key");
  EXPECT_EQ(Failed(report, {.chip_ids = {chip}}), "");
  chip[63] = 0;
  EXPECT_EQ(Failed(report, {.chip_ids = {chip}}), "allowed chip");
}

}  // namespace
}  // namespace nacre::tee::sev
