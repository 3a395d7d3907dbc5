#include "attestation/broker/storage/sql.h"

#include <thread>

#include "attestation/broker/storage/testing.h"
#include "base/status_testing.h"

namespace nacre::attestation::sql {
namespace {

class SqlTest : public attestation::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (database == nullptr) return;
    const std::string bytes = GetParam() == Engine::kSqlite ? "BLOB" : "BYTEA";
    ASSERT_OK(place->Execute("CREATE TABLE t (k BIGINT NOT NULL PRIMARY KEY, a TEXT NOT NULL, b " +
                             bytes + " NOT NULL)"));
  }
  absl::Status Insert(int64_t key) {
    return database->Write([&](Connection& connection) {
      return connection.Query("INSERT INTO t (k, a, b) VALUES ($1, 'x', $2)", {key, Bytes{1}})
          .status();
    });
  }
  int64_t Count() { return database->Query("SELECT count(*) FROM t")->Number(0, 0); }
};
INSTANTIATE_ON_BOTH_ENGINES(SqlTest);

TEST_P(SqlTest, ValuesComeBackAsTheyWentIn) {
  Bytes every(256);
  for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<uint8_t>(i);
  for (const int64_t number : {INT64_MIN, int64_t{-1}, int64_t{0}, INT64_MAX}) {
    ASSERT_OK(database->Write([&](Connection& connection) {
      return connection
          .Query("INSERT INTO t (k, a, b) VALUES ($1, $2, $3)", {number, "Δ 'quoted' $1", every})
          .status();
    }));
    ASSERT_OK_AND_ASSIGN(Rows rows,
                         database->Query("SELECT k, a, b FROM t WHERE k = $1", {number}));
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows.Number(0, 0), number);
    EXPECT_EQ(rows.Text(0, 1), "Δ 'quoted' $1");
    EXPECT_EQ(ToBytes(rows.Blob(0, 2)), every);
  }
}

TEST_P(SqlTest, EmptyTextAndBytesAreNotNull) {
  ASSERT_OK(database->Write([&](Connection& connection) {
    return connection
        .Query("INSERT INTO t (k, a, b) VALUES ($1, $2, $3)", {1, std::string_view(), ByteView()})
        .status();
  }));
  ASSERT_OK_AND_ASSIGN(Rows rows, database->Query("SELECT a, b FROM t"));
  EXPECT_EQ(rows.Text(0, 0), "");
  EXPECT_TRUE(rows.Blob(0, 1).empty());
}

TEST_P(SqlTest, AnErrorOfTheWorkUndoesIt) {
  EXPECT_STATUS(database->Write([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(
        connection.Query("INSERT INTO t (k, a, b) VALUES (1, 'x', $1)", {Bytes{1}}).status());
    return absl::NotFoundError("changed my mind");
  }),
                kNotFound, "changed my mind");
  EXPECT_EQ(Count(), 0);
  EXPECT_OK(Insert(1));
}

TEST_P(SqlTest, ATakenKeyIsToldAndLeavesTheConnectionUsable) {
  ASSERT_OK(Insert(1));
  EXPECT_STATUS(Insert(1), kAlreadyExists, "");
  EXPECT_OK(Insert(2));
  EXPECT_EQ(Count(), 2);
}

TEST_P(SqlTest, ChangedCountsRows) {
  ASSERT_OK(Insert(1));
  ASSERT_OK(Insert(2));
  ASSERT_OK(database->Write([&](Connection& connection) -> absl::Status {
    EXPECT_EQ(connection.Query("UPDATE t SET a = 'y'")->changed, 2);
    EXPECT_EQ(connection.Query("DELETE FROM t WHERE k = $1", {3})->changed, 0);
    EXPECT_EQ(connection.Query("DELETE FROM t WHERE k = $1", {2})->changed, 1);
    return absl::OkStatus();
  }));
}

TEST_P(SqlTest, AReaderSeesOneStateWhileOthersWrite) {
  ASSERT_OK(Insert(1));
  ASSERT_OK(database->Read([&](Connection& connection) -> absl::Status {
    EXPECT_EQ(connection.Query("SELECT count(*) FROM t")->Number(0, 0), 1);
    EXPECT_OK(Insert(2));
    EXPECT_EQ(connection.Query("SELECT count(*) FROM t")->Number(0, 0), 1);
    return absl::OkStatus();
  }));
  EXPECT_EQ(Count(), 2);
}

TEST_P(SqlTest, ManyThreadsAddUpInOneRow) {
  ASSERT_OK(Insert(0));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) {
        EXPECT_OK(database->Write([](Connection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(Rows rows, connection.Query("UPDATE t SET k = k + 1 RETURNING k"));
          return rows.Number(0, 0) > 0 ? absl::OkStatus() : absl::InternalError("no row");
        }));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(database->Query("SELECT k FROM t")->Number(0, 0), 60);
}

TEST_P(SqlTest, OneStatementOfItsOwnIsDoneOrTold) {
  const char* insert = "INSERT INTO t (k, a, b) VALUES ($1, 'x', $2)";
  std::vector<std::jthread> threads;
  for (int64_t i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int64_t j = 0; j < 10; ++j) {
        EXPECT_OK(database->WriteOne(insert, {i * 10 + j, Bytes{1}}));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(Count(), 60);
  EXPECT_STATUS(database->WriteOne(insert, {int64_t{1}, Bytes{1}}), kAlreadyExists, "");
  EXPECT_EQ(database->WriteOne("DELETE FROM t WHERE k < $1", {int64_t{5}})->changed, 5);
}

TEST_P(SqlTest, AWrongStatementIsAnError) {
  EXPECT_STATUS(database->Query("SELECT nothing FROM t"), kInternal, "nothing");
  EXPECT_EQ(Count(), 0);
}

}  // namespace
}  // namespace nacre::attestation::sql
