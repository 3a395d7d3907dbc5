#include "attestation/broker/storage/migrations.h"

#include <thread>

#include "attestation/broker/storage/testing.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

class MigrationsTest : public testing::PlaceTest {};
INSTANTIATE_ON_BOTH_ENGINES(MigrationsTest);

TEST_P(MigrationsTest, RunOnceAndLeaveEveryTableOfABackup) {
  ASSERT_OK_AND_ASSIGN(auto database, place->Open());
  ASSERT_OK(Migrate(*database, 7));
  ASSERT_OK(Migrate(*database, 8));
  ASSERT_OK_AND_ASSIGN(sql::Rows steps, database->Query("SELECT step, applied_at FROM migrations"));
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps.Number(2, 0), SchemaStep());
  EXPECT_EQ(steps.Number(0, 1), 7);
  for (const TableShape& table : BackupTables()) {
    const std::string text =
        "SELECT " + std::string(table.columns) + " FROM " + std::string(table.name);
    EXPECT_OK(database->Query(text));
  }
}

TEST_P(MigrationsTest, ReplicasThatStartTogetherWaitForEachOther) {
  std::vector<std::jthread> replicas;
  for (int i = 0; i < 5; ++i) {
    replicas.emplace_back([&] {
      auto database = place->Open();
      ASSERT_OK(database);
      EXPECT_OK(Migrate(**database, 1));
    });
  }
  replicas.clear();
  ASSERT_OK_AND_ASSIGN(auto database, place->Open());
  EXPECT_EQ(database->Query("SELECT count(*) FROM migrations")->Number(0, 0), 3);
}

TEST_P(MigrationsTest, ANewerDatabaseIsLeftAlone) {
  ASSERT_OK_AND_ASSIGN(auto database, place->Open());
  ASSERT_OK(Migrate(*database, 1));
  ASSERT_OK(place->Execute("INSERT INTO migrations VALUES (99, 0)"));
  EXPECT_STATUS(Migrate(*database, 2), kFailedPrecondition, "made by a newer program (step 99");
}

TEST_P(MigrationsTest, ADatabaseFromBeforeTheFirstReleaseIsRefused) {
  ASSERT_OK_AND_ASSIGN(auto database, place->Open());
  ASSERT_OK(place->Execute(
      "CREATE TABLE migrations (step BIGINT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL);"
      "INSERT INTO migrations VALUES (1, 0)"));
  EXPECT_STATUS(Migrate(*database, 2), kFailedPrecondition, "before the first release");
}

TEST_P(MigrationsTest, AStepThatFailsLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(auto database, place->Open());
  ASSERT_OK(place->Execute("CREATE TABLE audit_head (x BIGINT)"));
  EXPECT_FALSE(Migrate(*database, 1).ok());
  EXPECT_FALSE(database->Query("SELECT count(*) FROM resources").ok());
  ASSERT_OK(place->Execute("DROP TABLE audit_head"));
  EXPECT_OK(Migrate(*database, 1));
}

}  // namespace
}  // namespace nacre::attestation
