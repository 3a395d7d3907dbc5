// The suites against our own broker on both of its engines: every case, by family, so that each is
// a test of its own.
#include "attestation/harness/suites.h"

#include <gmock/gmock.h>

#include "attestation/broker/storage/testing.h"
#include "attestation/harness/families.h"
#include "attestation/harness/served_broker.h"
#include "base/status_testing.h"

namespace nacre::attestation::harness {
namespace {

using ::testing::HasSubstr;

// The emulated chip's own level, below which the broker takes nothing.
void DemandsItsTcb(BrokerConfig& config) {
  config.snp.min_tcb = tee::emulator::IdentityOptions{}.tcb;
}

// A broker and everything a case may need but a policy against emulated guests.
struct Setting {
  explicit Setting(const std::function<void(BrokerConfig&)>& change = DemandsItsTcb,
                   std::set<Need> assumed = {Need::kMinimumTcb})
      : served(change) {
    auto created = Probe::Create(served.target());
    EXPECT_OK(created);
    probe = *std::move(created);
    lab = std::make_unique<Lab>(*probe, snp.get(), snp.get(), tdx.get(),
                                LabOptions{.admin_key_pem = served.admin_key_pem(),
                                           .collateral_folder = served.collateral_folder(),
                                           .assumed = std::move(assumed)});
    EXPECT_OK(lab->Prepare());
  }
  ServedBroker served;
  std::unique_ptr<EmulatedSnp> snp = ServedBroker::Guest();
  std::unique_ptr<EmulatedTdx> tdx = ServedBroker::TrustDomain();
  std::unique_ptr<Probe> probe;
  std::unique_ptr<Lab> lab;
};

// All of a report's cases that did not pass, as the user reads them.
std::string Complaints(const SuiteReport& report) {
  std::string text = FormatSuites(report);
  return text.substr(std::min(text.find("FAILED"), text.find("not run (")));
}

class FamilyTest : public ::testing::TestWithParam<std::tuple<size_t, sql::Engine>> {};

TEST_P(FamilyTest, OurBrokerPasses) {
  const auto [index, engine] = GetParam();
  ASSERT_OK_AND_ASSIGN(auto database, testing::TestDatabase::Create(engine));
  Setting setting([&database](BrokerConfig& config) {
    DemandsItsTcb(config);
    config.storage = database.config();
  });
  const Family family = AllFamilies()[index];
  SuiteReport report = RunSuites(*setting.lab, {family});
  size_t not_ours = family.name == "policy" ? 1 : 0;  // emulated-release, below
  EXPECT_EQ(report.Count(Verdict::kFailed), 0u) << FormatSuites(report);
  EXPECT_EQ(report.Count(Verdict::kNotRun), not_ours) << FormatSuites(report);
  EXPECT_GT(report.Count(Verdict::kPassed), 0u);
}

std::string FamilyName(const ::testing::TestParamInfo<FamilyTest::ParamType>& info) {
  const auto [index, engine] = info.param;
  const Family family = AllFamilies()[index];
  std::string name = family.suite + "_" + family.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name + (engine == sql::Engine::kSqlite ? "_on_sqlite" : "_on_postgresql");
}

INSTANTIATE_TEST_SUITE_P(All, FamilyTest,
                         ::testing::Combine(::testing::Range<size_t>(0, AllFamilies().size()),
                                            ::testing::Values(sql::Engine::kSqlite,
                                                              sql::Engine::kPostgresql)),
                         FamilyName);

TEST(SuitesTest, AnEmulatedGuestGetsNothingWhereNoneIsAllowed) {
  Setting setting([](BrokerConfig& config) { config.allow_emulated = false; },
                  {Need::kEmulatedRefused});
  SuiteReport report = RunSuites(*setting.lab, AllFamilies(), {"attack/policy/"});
  EXPECT_EQ(report.Count(Verdict::kFailed), 0u) << FormatSuites(report);
  EXPECT_EQ(report.Count(Verdict::kPassed), report.results.size());
}

TEST(SuitesTest, WhatCannotBeRunIsNotPassed) {
  ServedBroker served;
  auto probe = *Probe::Create(served.target());
  Lab lab(*probe, nullptr, nullptr, nullptr, {});
  ASSERT_OK(lab.Prepare());
  SuiteReport report =
      RunSuites(lab, AllFamilies(), {"protocol/attest/token", "attack/snp-report"});
  EXPECT_EQ(report.Count(Verdict::kPassed), 1u);  // still-serving
  EXPECT_EQ(report.Count(Verdict::kNotRun), report.results.size() - 1);
  EXPECT_THAT(FormatSuites(report), HasSubstr("no guest: give --emulator"));
}

TEST(SuitesTest, NamesAreUniqueAndAttacksAreMany) {
  std::set<std::string> ids;
  size_t attacks = 0;
  for (const Family& family : AllFamilies()) {
    for (const Case& one : family.cases) {
      EXPECT_TRUE(ids.insert(family.suite + family.name + one.name).second) << one.name;
      EXPECT_FALSE(one.what.ends_with('.')) << one.name;
      EXPECT_FALSE(one.expected.text.empty()) << one.name;
      attacks += family.suite == "attack" ? 1 : 0;
    }
  }
  EXPECT_GE(attacks, 40u);
}

TEST(SuitesTest, TheLabCleansUp) {
  Setting setting;
  const std::string resource = setting.lab->resource();
  setting.lab.reset();
  auto listed = setting.served.broker.Admin("GET", "/kbs/v0/admin/resources");
  EXPECT_EQ(listed.response.body.find(resource), std::string::npos);
}

TEST(SuitesTest, ReportsAreWellFormed) {
  SuiteReport report{.broker = "https://b", .guest = "g"};
  report.results = {{"attack", "json", "a", "one <thing>", Verdict::kPassed, "200", "", "", 5},
                    {"attack", "json", "b", "two", Verdict::kFailed, "401", "200 \"x\"", "", 5},
                    {"attack", "path", "c", "three", Verdict::kNotRun, "401", "", "no guest", 0}};
  EXPECT_THAT(FormatSuites(report), HasSubstr("FAILED attack/json/b: two: expected 401, got 200"));
  EXPECT_THAT(FormatSuites(report), HasSubstr("not run (1): no guest: attack/path/c"));
  Json json = SuitesToJson(report);
  EXPECT_EQ(json["passed"], 1);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["not_run"], 1);
  std::string xml = SuitesToJunit(report);
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"attack/json\" tests=\"2\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("got 200 &quot;x&quot;"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"no guest\"/>"));
  EXPECT_EQ(Complaints(report).find("table"), std::string::npos);
}

}  // namespace
}  // namespace nacre::attestation::harness
