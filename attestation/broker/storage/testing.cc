#include "attestation/broker/storage/testing.h"

#include "attestation/broker/storage/postgres_testing.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::attestation::testing {

absl::StatusOr<TestDatabase> TestDatabase::Create(sql::Engine engine) {
  ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::Create("store"));
  TestDatabase out(engine, std::move(folder));
  out.config_.folder = out.folder_.path();
  out.config_.master_key = "master.key";
  RETURN_IF_ERROR(CreateMasterKey("master.key", out.config_.folder));
  if (engine == sql::Engine::kSqlite) {
    out.config_.database = "kbs.db";
    return out;
  }
  ASSIGN_OR_RETURN(TestPostgres * server, TestPostgres::Shared());
  out.config_.kind = "postgresql";
  ASSIGN_OR_RETURN(out.config_.url, server->NewDatabase());
  return out;
}

std::string TestDatabase::ConfigText() const {
  if (engine_ == sql::Engine::kSqlite) {
    return StrCat("database = \"", config_.folder, "/kbs.db\"\nmaster_key = \"", config_.folder,
                  "/master.key\"\n");
  }
  return StrCat("kind = \"postgresql\"\nurl = \"", config_.url, "\"\nmaster_key = \"",
                config_.folder, "/master.key\"\n");
}

absl::Status TestDatabase::Execute(const std::string& statements) const {
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, Open());
  return database->Write(
      [&](sql::Connection& connection) { return connection.Execute(statements); });
}

absl::StatusOr<std::string> TestDatabase::Raw() const {
  if (engine_ == sql::Engine::kPostgresql) {
    ASSIGN_OR_RETURN(TestPostgres * server, TestPostgres::Shared());
    return server->Dump(config_.url);
  }
  std::string all;
  for (const char* suffix : {"", "-wal"}) {
    auto part = ReadTextFile(StrCat(config_.folder, "/kbs.db", suffix), 64 << 20);
    if (part.ok()) all += *part;
  }
  return all;
}

void PlaceTest::SetUp() {
  auto made = TestDatabase::Create(GetParam());
  if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status().ToString();
  ASSERT_OK(made);
  place.emplace(*std::move(made));
}

void DatabaseTest::SetUp() {
  PlaceTest::SetUp();
  if (!place.has_value()) return;
  ASSERT_OK_AND_ASSIGN(database, place->Open());
}

}  // namespace nacre::attestation::testing
