// What only PostgreSQL has: a network between, a server that comes and goes, passwords and TLS.
#include "attestation/broker/storage/postgres.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "attestation/broker/storage/postgres_testing.h"
#include "attestation/broker/storage/storage_config.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::attestation::sql {
namespace {

using attestation::testing::TestPostgres;

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = TestPostgres::Start();
    if (absl::IsNotFound(started.status())) GTEST_SKIP() << started.status().ToString();
    ASSERT_OK(started);
    server = *std::move(started);
    ASSERT_OK_AND_ASSIGN(url, server->NewDatabase());
  }
  absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& more = "",
                                                 std::string_view password = "") {
    PostgresOptions options;
    options.url = url + more;
    options.password = SecretBytes::CopyOf(AsBytes(password));
    options.max_connections = 3;
    options.statement_timeout_ms = 500;
    return OpenPostgres(std::move(options));
  }
  std::string Tcp(const std::string& more) const {
    return StrCat(" host=127.0.0.1 sslrootcert=", server->ca_file(), more);
  }
  std::unique_ptr<TestPostgres> server;
  std::string url;
};

TEST_F(PostgresTest, GoesOnAfterTheServerWasRestarted) {
  ASSERT_OK_AND_ASSIGN(auto database, Open());
  ASSERT_OK(database->Query("SELECT 'x'::text"));
  ASSERT_OK(server->Restart());
  EXPECT_OK(database->Query("SELECT 'x'::text"));
  ASSERT_OK(server->Restart());
  EXPECT_OK(database->Write(
      [](Connection& connection) { return connection.Query("SELECT 'x'::text").status(); }));
  ASSERT_OK(server->Stop());
  EXPECT_STATUS(database->Query("SELECT 'x'::text"), kUnavailable, "PostgreSQL");
}

TEST_F(PostgresTest, ATransactionCutOffBeforeItsEndRunsAgain) {
  ASSERT_OK_AND_ASSIGN(auto database, Open());
  int runs = 0;
  EXPECT_OK(database->Write([&](Connection& connection) -> absl::Status {
    if (++runs == 1) {
      auto cut = connection.Query("SELECT pg_terminate_backend(pg_backend_pid())::text");
      EXPECT_STATUS(cut, kUnavailable, "");
      return cut.status();
    }
    return connection.Query("SELECT 'x'::text").status();
  }));
  EXPECT_EQ(runs, 2);
}

TEST_F(PostgresTest, AStatementCutOffInTheMiddleIsSaidToBeUnknown) {
  ASSERT_OK_AND_ASSIGN(auto database, Open());
  EXPECT_STATUS(database->WriteOne("SELECT pg_terminate_backend(pg_backend_pid())::text", {}),
                kUnavailable, "it is not known whether");
  // One that was closed while nobody used it is not even tried.
  ASSERT_OK(database->Query("SELECT 'x'::text"));
  ASSERT_OK(server->Restart());
  EXPECT_OK(database->WriteOne("SELECT 'x'::text", {}));
}

TEST_F(PostgresTest, AStatementThatRunsTooLongIsStopped) {
  ASSERT_OK_AND_ASSIGN(auto database, Open());
  EXPECT_STATUS(database->Query("SELECT pg_sleep(30)::text"), kDeadlineExceeded, "timeout");
  EXPECT_OK(database->Query("SELECT 'x'::text"));
}

TEST_F(PostgresTest, OverTcpTheCertificateIsCheckedUnlessAskedOtherwise) {
  EXPECT_OK(Open(Tcp(""), "opensesame"));
  EXPECT_STATUS(Open(" host=127.0.0.1 sslrootcert=/dev/null", "opensesame"), kUnavailable, "");
  // The certificate names 127.0.0.1 and not localhost.
  EXPECT_STATUS(Open(StrCat(" host=localhost hostaddr=127.0.0.1 sslrootcert=", server->ca_file()),
                     "opensesame"),
                kUnavailable, "localhost");
  EXPECT_OK(Open(" host=127.0.0.1 sslmode=require", "opensesame"));
  EXPECT_STATUS(Open(" host=127.0.0.1 sslmode=prefer", "opensesame"), kInvalidArgument, "prefer");
}

TEST_F(PostgresTest, AWrongPasswordIsToldWithoutIt) {
  auto refused = Open(Tcp(""), "wrongword");
  EXPECT_STATUS(refused, kPermissionDenied, "password");
  EXPECT_EQ(refused.status().ToString().find("wrongword"), std::string::npos);
  EXPECT_STATUS(Open(Tcp("")), kPermissionDenied, "password");
}

TEST_F(PostgresTest, APasswordInTheUrlIsRefused) {
  EXPECT_STATUS(Open(" password=opensesame"), kInvalidArgument, "password_file");
  EXPECT_STATUS(OpenPostgres({.url = "postgresql://kbs:opensesame@127.0.0.1/kbs"}),
                kInvalidArgument, "password_file");
  EXPECT_STATUS(OpenPostgres({.url = "nonsense"}), kInvalidArgument, "nonsense");
}

TEST_F(PostgresTest, ThePasswordComesFromAFileOnlyItsOwnerReads) {
  TemporaryDirectory folder = *TemporaryDirectory::Create("pg");
  StorageConfig config;
  config.kind = "postgresql";
  config.url = url + Tcp("");
  config.folder = folder.path();
  config.password_file = "password";
  ASSERT_OK(WriteFile(folder.path() + "/password", AsBytes("opensesame\n"), 0600));
  EXPECT_OK(OpenDatabase(config));
  ASSERT_EQ(chmod((folder.path() + "/password").c_str(), 0644), 0);
  EXPECT_STATUS(OpenDatabase(config), kFailedPrecondition, "chmod");
}

TEST_F(PostgresTest, AMissingDatabaseIsNamed) {
  EXPECT_STATUS(Open(" dbname=nosuch"), kPermissionDenied, "nosuch");
}

}  // namespace
}  // namespace nacre::attestation::sql
