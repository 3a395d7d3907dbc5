#include "attestation/broker/storage/audit.h"

#include <thread>

#include "attestation/broker/storage/migrations.h"
#include "attestation/broker/storage/testing.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

class AuditTest : public testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (database == nullptr) return;
    ASSERT_OK(Migrate(*database, 1));
    ASSERT_OK_AND_ASSIGN(master, OpenMasterKey(place->config()));
    sealer.emplace(master.get());
    ASSERT_OK(sealer->Load(*database, 1));
    log.emplace(&*sealer);
    ASSERT_OK(log->Load(*database, 1));
  }
  absl::Status Append(const std::string& object) {
    return database->Write([&](sql::Connection& connection) {
      return log->Append(connection, {"alice", "10.0.2.2:1", "id", 5}, "set", object, "{}");
    });
  }
  absl::StatusOr<AuditHead> Verify() {
    AuditHead head;
    RETURN_IF_ERROR(database->Read([&](sql::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(head, log->Verify(connection));
      return absl::OkStatus();
    }));
    return head;
  }
  void Fill() {
    for (const char* object : {"one", "two", "three", "four"}) ASSERT_OK(Append(object));
    ASSERT_OK(Verify());
  }
  std::unique_ptr<MasterKey> master;
  std::optional<Sealer> sealer;
  std::optional<AuditLog> log;
};
INSTANTIATE_ON_BOTH_ENGINES(AuditTest);

TEST_P(AuditTest, KeepsEntriesInOrder) {
  EXPECT_EQ(Verify()->sequence, 0);
  Fill();
  EXPECT_EQ(Verify()->sequence, 4);
  ASSERT_OK(database->Read([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<AuditEntry> entries, AuditLog::Entries(connection, 1, 2));
    EXPECT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries.at(0).object, "two");
    EXPECT_EQ(entries.at(1).sequence, 3);
    EXPECT_EQ(entries.at(1).change.actor, "alice");
    EXPECT_EQ(entries.at(1).change.peer, "10.0.2.2:1");
    EXPECT_EQ(entries.at(1).change.request, "id");
    EXPECT_EQ(entries.at(1).change.time, 5);
    EXPECT_EQ(entries.at(1).action, "set");
    return absl::OkStatus();
  }));
}

TEST_P(AuditTest, EveryChangedFieldIsFound) {
  Fill();
  for (const char* change : {"actor = 'mallory'", "peer = ''", "request = 'x'", "time = 6",
                             "action = 'deleted'", "object = 'tow'", "detail = '{ }'"}) {
    ASSERT_OK(place->Execute(std::string("CREATE TABLE kept AS SELECT * FROM audit; UPDATE audit "
                                         "SET ") +
                             change + " WHERE sequence = 2"));
    EXPECT_STATUS(Verify(), kDataLoss, "entry 2 is not what was written") << change;
    ASSERT_OK(
        place->Execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept"));
    ASSERT_OK(Verify());
  }
}

TEST_P(AuditTest, AMissingEntryIsFound) {
  Fill();
  ASSERT_OK(place->Execute("DELETE FROM audit WHERE sequence = 3"));
  EXPECT_STATUS(Verify(), kDataLoss, "entry 3 is missing");
}

TEST_P(AuditTest, TwoEntriesChangedPlacesIsFound) {
  Fill();
  ASSERT_OK(
      place->Execute("UPDATE audit SET sequence = 10 WHERE sequence = 2;"
                     "UPDATE audit SET sequence = 2 WHERE sequence = 3;"
                     "UPDATE audit SET sequence = 3 WHERE sequence = 10"));
  EXPECT_STATUS(Verify(), kDataLoss, "entry 2 is not what was written");
}

TEST_P(AuditTest, AnEndCutOffIsFound) {
  Fill();
  ASSERT_OK(place->Execute("DELETE FROM audit WHERE sequence = 4"));
  EXPECT_STATUS(Verify(), kDataLoss, "it ends at entry 3, its head says 4");
  ASSERT_OK(place->Execute(
      "UPDATE audit_head SET sequence = 3, digest = (SELECT digest FROM audit WHERE sequence = "
      "3)"));
  EXPECT_STATUS(Verify(), kDataLoss, "head is not what this store signed");
}

TEST_P(AuditTest, AChainMadeAnewWithoutTheKeyIsFound) {
  Fill();
  // Whoever writes to the database computes all digests again, but cannot sign the head.
  ASSERT_OK(database->Write([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(std::vector<AuditEntry> entries, AuditLog::Entries(connection, 0, 10));
    Bytes previous(32);
    entries.at(1).change.actor = "mallory";
    for (AuditEntry& entry : entries) {
      previous = AuditDigest(previous, entry);
      RETURN_IF_ERROR(connection
                          .Query("UPDATE audit SET actor = $1, digest = $2 WHERE sequence = $3",
                                 {entry.change.actor, previous, entry.sequence})
                          .status());
    }
    return connection.Query("UPDATE audit_head SET digest = $1", {previous}).status();
  }));
  EXPECT_STATUS(Verify(), kDataLoss, "head is not what this store signed");
}

TEST_P(AuditTest, NothingIsAddedToALogThatWasTamperedWith) {
  Fill();
  ASSERT_OK(place->Execute("UPDATE audit_head SET sequence = 2"));
  EXPECT_STATUS(Append("five"), kDataLoss, "head");
  AuditLog another(&*sealer);
  EXPECT_STATUS(another.Load(*database, 2), kDataLoss, "head");
}

TEST_P(AuditTest, AnOlderDatabasePutBackIsSeenByWhoSawTheNewer) {
  Fill();
  ASSERT_OK(place->Execute(
      "CREATE TABLE kept AS SELECT * FROM audit; CREATE TABLE kept_head AS SELECT * FROM "
      "audit_head"));
  ASSERT_OK(Append("five"));
  ASSERT_OK(Append("six"));
  ASSERT_OK(
      place->Execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept;"
                     "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head"));
  EXPECT_STATUS(Append("seven"), kDataLoss, "an older database was put back");
}

TEST_P(AuditTest, ManyWritersMakeOneChain) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 8; ++j) EXPECT_OK(Append(std::to_string(i)));
    });
  }
  threads.clear();
  EXPECT_EQ(Verify()->sequence, 48);
}

TEST_P(AuditTest, WorkThatFailsLeavesNoEntry) {
  EXPECT_FALSE(database
                   ->Write([&](sql::Connection& connection) -> absl::Status {
                     RETURN_IF_ERROR(log->Append(connection, {"a", "b", "c", 1}, "set", "x", "{}"));
                     return absl::NotFoundError("nothing there");
                   })
                   .ok());
  EXPECT_EQ(Verify()->sequence, 0);
}

}  // namespace
}  // namespace nacre::attestation
