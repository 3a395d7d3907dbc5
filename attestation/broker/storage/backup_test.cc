#include "attestation/broker/storage/backup.h"

#include <gmock/gmock.h>

#include <thread>

#include "attestation/broker/storage/backup_file.h"
#include "attestation/broker/storage/migrations.h"
#include "attestation/broker/storage/testing.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

using sql::Engine;

const Change kChange{.actor = "operator", .peer = "local", .request = "", .time = 9};

// A database with its keys and log, as Store::Open leaves one.
struct Place {
  static absl::StatusOr<Place> Make(Engine engine) {
    ASSIGN_OR_RETURN(auto made, testing::TestDatabase::Create(engine));
    Place out{std::move(made), {}, {}};
    ASSIGN_OR_RETURN(out.database, out.place.Open());
    ASSIGN_OR_RETURN(out.master, OpenMasterKey(out.place.config()));
    return out;
  }
  absl::Status Fill(int rows) {
    RETURN_IF_ERROR(Migrate(*database, 1));
    Sealer sealer(master.get());
    RETURN_IF_ERROR(sealer.Load(*database, 1));
    AuditLog audit(&sealer);
    RETURN_IF_ERROR(audit.Load(*database, 1));
    return database->Write([&](sql::Connection& connection) -> absl::Status {
      for (int i = 0; i < rows; ++i) {
        const std::string name = "r" + std::to_string(i);
        absl::Status status = audit.Append(connection, kChange, "set", name, "{}");
        if (!status.ok()) return status;
        ASSIGN_OR_RETURN(const Bytes sealed,
                         sealer.Seal(connection, "resources", name, AsBytes("plain " + name)));
        status =
            connection.Query("INSERT INTO resources VALUES ($1, $2, 5)", {name, sealed}).status();
        if (!status.ok()) return status;
      }
      return connection
          .Query(
              "INSERT INTO attestations (id, time, refused, code, summary, detail) VALUES "
              "('i', 1, 0, '', 's', '{}')")
          .status();
    });
  }
  absl::StatusOr<std::string> Resource(const std::string& name) {
    Sealer sealer(master.get());
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     database->Query("SELECT sealed FROM resources WHERE path = $1", {name}));
    if (rows.empty()) return absl::NotFoundError(name);
    ASSIGN_OR_RETURN(const SecretBytes plain,
                     sealer.Open(*database, "resources", name, rows.Blob(0, 0)));
    return std::string(AsText(plain.view()));
  }
  testing::TestDatabase place;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<MasterKey> master;
};

// From one engine to the other, or the same.
class BackupTest : public ::testing::TestWithParam<std::pair<Engine, Engine>> {
 protected:
  void SetUp() override {
    auto source = Place::Make(GetParam().first);
    auto target = Place::Make(GetParam().second);
    for (const absl::Status& status : {source.status(), target.status()}) {
      if (absl::IsNotFound(status)) GTEST_SKIP() << status;
      ASSERT_OK(status);
    }
    from.emplace(*std::move(source));
    to.emplace(*std::move(target));
    file = folder.path() + "/backup";
  }
  absl::Status BackUpAndRestore() {
    absl::Status status = BackUp(*from->database, *from->master, file, 7).status();
    if (!status.ok()) return status;
    return Restore(*to->database, *to->master, *from->master, file, kChange).status();
  }
  TemporaryDirectory folder = *TemporaryDirectory::Create("backup");
  std::string file;
  std::optional<Place> from, to;
};
INSTANTIATE_TEST_SUITE_P(Engines, BackupTest,
                         ::testing::Values(std::pair(Engine::kSqlite, Engine::kSqlite),
                                           std::pair(Engine::kSqlite, Engine::kPostgresql),
                                           std::pair(Engine::kPostgresql, Engine::kSqlite),
                                           std::pair(Engine::kPostgresql, Engine::kPostgresql)));

TEST_P(BackupTest, EverythingComesBackUnderTheNewMasterKey) {
  ASSERT_OK(from->Fill(50));
  ASSERT_OK(BackUpAndRestore());
  for (int i = 0; i < 50; ++i) {
    const std::string name = "r" + std::to_string(i);
    EXPECT_EQ(*to->Resource(name), "plain " + name);
  }
  // The log goes on where it was, and tells.
  ASSERT_OK_AND_ASSIGN(auto rows,
                       to->database->Query("SELECT action FROM audit WHERE sequence = 51"));
  EXPECT_EQ(rows.Text(0, 0), "store-restored");
  // Numbers that came with rows are not given out again.
  EXPECT_OK(to->place.Execute(
      "INSERT INTO attestations (id, time, refused, code, summary, detail) VALUES ('j', 1, 0, "
      "'', 's', '{}')"));
}

TEST_P(BackupTest, AStoreThatHoldsSomethingIsNotWrittenOver) {
  ASSERT_OK(from->Fill(3));
  ASSERT_OK(to->Fill(1));
  EXPECT_STATUS(BackUpAndRestore(), kFailedPrecondition, "not empty");
  EXPECT_EQ(*to->Resource("r0"), "plain r0");
  EXPECT_STATUS(to->Resource("r1"), kNotFound, "");
}

TEST_P(BackupTest, WhatIsCutOffOrChangedLeavesTheStoreEmpty) {
  ASSERT_OK(from->Fill(20));
  ASSERT_OK(BackUp(*from->database, *from->master, file, 7));
  ASSERT_OK_AND_ASSIGN(const Bytes whole, ReadFile(file, 1 << 20));
  EXPECT_EQ(AsText(whole).find("plain r"), std::string_view::npos);
  EXPECT_EQ(AsText(whole).find("r19"), std::string_view::npos);
  auto restore = [&](Bytes bytes) {
    EXPECT_OK(WriteFileAtomic(file, bytes, 0600));
    return Restore(*to->database, *to->master, *from->master, file, kChange).status();
  };
  EXPECT_STATUS(restore(Bytes(whole.begin(), whole.end() - 1)), kDataLoss, "cut off");
  EXPECT_STATUS(restore(Bytes(whole.begin(), whole.begin() + 30)), kInvalidArgument,
                "not a backup");
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_STATUS(restore(longer), kDataLoss, "added");
  Bytes changed = whole;
  changed[whole.size() / 2] ^= 1;
  EXPECT_STATUS(restore(changed), kDataLoss, "not what was written");
  EXPECT_STATUS(to->Resource("r0"), kNotFound, "");
  EXPECT_OK(restore(whole));
}

TEST_P(BackupTest, AnotherMasterKeyIsToldAndAnExistingFileKept) {
  ASSERT_OK(from->Fill(1));
  ASSERT_OK(BackUp(*from->database, *from->master, file, 7));
  EXPECT_STATUS(BackUp(*from->database, *from->master, file, 7), kAlreadyExists, "backup");
  EXPECT_STATUS(Restore(*to->database, *to->master, *to->master, file, kChange),
                kFailedPrecondition, "another master key");
}

TEST_P(BackupTest, IsOfOneMomentWhileOthersWrite) {
  ASSERT_OK(from->Fill(10));
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    Sealer sealer(from->master.get());
    AuditLog audit(&sealer);
    for (int i = 0; !stop; ++i) {
      EXPECT_OK(from->database->Write([&](sql::Connection& connection) {
        return audit.Append(connection, kChange, "noise", std::to_string(i), "{}");
      }));
    }
  });
  const absl::Status done = BackUpAndRestore();  // verifies the log it got
  stop = true;
  EXPECT_OK(done);
}

TEST(BackupFile, RowsComeBackAndHalfOnesAreRefused) {
  ByteWriter out;
  PutBackupRow("t", {int64_t{-1}, std::string("text"), Bytes{0, 255}}, &out);
  PutBackupRow("u", {}, &out);
  ASSERT_OK_AND_ASSIGN(auto rows, ParseBackupRows(out.bytes()));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].table, "t");
  EXPECT_EQ(std::get<int64_t>(rows[0].values[0]), -1);
  EXPECT_EQ(std::get<std::string>(rows[0].values[1]), "text");
  EXPECT_EQ(std::get<Bytes>(rows[0].values[2]), (Bytes{0, 255}));
  ByteWriter one;
  PutBackupRow("t", {int64_t{1}, std::string("text")}, &one);
  for (size_t size = 1; size < one.size(); ++size) {
    EXPECT_STATUS(ParseBackupRows(ByteView(one.bytes()).first(size)), kDataLoss, "");
  }
}

}  // namespace
}  // namespace nacre::attestation
