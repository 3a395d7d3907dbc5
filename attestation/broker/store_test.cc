#include "attestation/broker/store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <latch>
#include <optional>
#include <thread>

#include "attestation/broker/key_ring.h"
#include "attestation/broker/storage/testing.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

using ::testing::ElementsAre;

const Change kChange{.actor = "test", .peer = "local", .request = "r", .time = 1};

// An attestation that was accepted, with a row of its own.
absl::Status UseNonce(Store& store, const std::string& nonce, int64_t expires_at, int64_t now) {
  static std::atomic<int> rows = 0;
  const std::string id = "row-" + std::to_string(++rows);
  std::optional<absl::Status> outcome;
  {
    std::latch done(1);
    store.Record(UsedNonce{nonce, expires_at}, {id, now, false, "", "accepted", "{}"}, now,
                 [&](const absl::Status& status) {
                   outcome = status;
                   done.count_down();
                 });
    done.wait();
  }
  // The row stands and falls with the nonce.
  EXPECT_EQ(store.GetLog(id).ok(), outcome->ok());
  return *outcome;
}

class StoreTest : public testing::PlaceTest {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(const StoreLimits& limits = {}) {
    ASSIGN_OR_RETURN(auto database, place->Open());
    ASSIGN_OR_RETURN(auto master, OpenMasterKey(place->config()));
    return Store::Open(std::move(database), std::move(master), limits);
  }
  std::unique_ptr<Store> Open(const StoreLimits& limits = {}) {
    auto store = TryOpen(limits);
    EXPECT_OK(store);
    return *std::move(store);
  }
};
INSTANTIATE_ON_BOTH_ENGINES(StoreTest);

TEST_P(StoreTest, SurvivesReopening) {
  ASSERT_OK(Open()->PutResource("a/b/c", AsBytes("secret"), kChange));
  auto store = Open();
  ASSERT_OK_AND_ASSIGN(SecretBytes contents, store->GetResource("a/b/c"));
  EXPECT_EQ(AsText(contents.view()), "secret");
}

TEST_P(StoreTest, SecretsAreNotReadableAtRest) {
  auto store = Open();
  ASSERT_OK(store->PutResource("a/b/c", AsBytes("a plain secret"), kChange));
  ASSERT_OK_AND_ASSIGN(auto ring,
                       KeyRing::Open(store.get(), {.purpose = "session", .make = MakeSessionKey}));
  ASSERT_OK_AND_ASSIGN(auto key, ring->Current());
  ASSERT_OK_AND_ASSIGN(const std::string all, place->Raw());
  EXPECT_NE(all.find("a/b/c"), std::string::npos);  // the right place was looked at
  ASSERT_OK_AND_ASSIGN(const Bytes master, ReadFile(place->config().folder + "/master.key", 100));
  for (const ByteView secret :
       {AsBytes("plain secret"), ByteView(key->material.view()), ByteView(master)}) {
    EXPECT_EQ(all.find(AsText(secret)), std::string::npos);
    EXPECT_EQ(all.find(HexEncode(secret)), std::string::npos);  // as pg_dump writes bytes
    EXPECT_EQ(all.find(Base64Encode(secret)), std::string::npos);
  }
}

TEST_P(StoreTest, AResourceCannotBeMovedToAnotherPath) {
  auto store = Open();
  ASSERT_OK(store->PutResource("a/b/public", AsBytes("1"), kChange));
  ASSERT_OK(store->PutResource("a/b/secret", AsBytes("2"), kChange));
  ASSERT_OK(place->Execute(
      "UPDATE resources SET sealed = (SELECT sealed FROM resources WHERE path = 'a/b/secret') "
      "WHERE path = 'a/b/public'"));
  EXPECT_STATUS(store->GetResource("a/b/public"), kUnauthenticated, "a/b/public");
}

TEST_P(StoreTest, AnotherMasterKeyIsToldAtTheStart) {
  Open();
  ASSERT_OK(RemoveTree(place->config().folder + "/master.key"));
  ASSERT_OK(CreateMasterKey("master.key", place->config().folder));
  EXPECT_STATUS(TryOpen(), kFailedPrecondition, "another master key");
}

TEST_P(StoreTest, ANewerDatabaseIsLeftAlone) {
  Open();
  ASSERT_OK(place->Execute("INSERT INTO migrations VALUES (99, 0)"));
  EXPECT_STATUS(TryOpen(), kFailedPrecondition, "newer program");
}

TEST_P(StoreTest, EveryChangeIsAudited) {
  auto store = Open();
  ASSERT_OK(store->PutResource("a/b/c", AsBytes("1"), kChange));
  ASSERT_OK(store->DeleteResource("a/b/c", kChange));
  ASSERT_OK(store->PutReference({"one", "{}", 1}, kChange));
  ASSERT_OK(store->DeleteReference("one", kChange));
  ASSERT_OK(store->PutPolicy({"resource/", "package policy", 1}, kChange));
  ASSERT_OK(store->DeletePolicy("resource/", kChange));
  EXPECT_STATUS(store->DeletePolicy("resource/", kChange), kNotFound, "resource/");
  ASSERT_OK(store->Audit(kChange, "login", "alice", "{}"));
  ASSERT_OK_AND_ASSIGN(const auto entries, store->AuditEntries(0, 100));
  std::vector<std::string> actions;
  for (const AuditEntry& entry : entries) actions.push_back(entry.action + " " + entry.object);
  EXPECT_THAT(actions,
              ElementsAre("resource-set a/b/c", "resource-deleted a/b/c", "reference-set one",
                          "reference-deleted one", "policy-set resource/",
                          "policy-deleted resource/", "login alice"));
  EXPECT_EQ(store->VerifyAudit()->sequence, 7);
  EXPECT_EQ(*store->Generation(), 7);
}

TEST_P(StoreTest, ReplicasSeeEachOthersChanges) {
  auto one = Open();
  auto two = Open();
  ASSERT_OK_AND_ASSIGN(const int64_t before, two->Generation());
  ASSERT_OK(one->PutReference({"one", "{}", 1}, kChange));
  // Of a SQLite file it is kept for a moment.
  for (int i = 0; i < 1000 && *two->Generation() == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(Store::kStaleMs / 25));
  }
  EXPECT_NE(*two->Generation(), before);
  EXPECT_EQ(two->GetReference("one")->registered_by, "test");
  ASSERT_OK(UseNonce(*one, "n", 100, 1));
  EXPECT_STATUS(UseNonce(*two, "n", 100, 1), kAlreadyExists, "");
  ASSERT_OK(two->PutResource("a/b/c", AsBytes("2"), kChange));
  EXPECT_EQ(AsText(one->GetResource("a/b/c")->view()), "2");
}

TEST_P(StoreTest, ANonceIsUsedByOneOfManyAtOnce) {
  auto store = Open();
  std::atomic<int> won = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) won += UseNonce(*store, std::to_string(j), 100, 1).ok() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(won, 10);
}

TEST_P(StoreTest, PoliciesAreListedByName) {
  auto store = Open();
  ASSERT_OK(store->PutPolicy({"b", "1", 1}, kChange));
  ASSERT_OK(store->PutPolicy({"a", "2", 2}, kChange));
  ASSERT_OK(store->PutPolicy({"a", "3", 3}, kChange));
  ASSERT_OK_AND_ASSIGN(const auto policies, store->ListPolicies());
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(policies[0].name, "a");
  EXPECT_EQ(policies[0].text, "3");
  EXPECT_EQ(policies[0].updated_at, 3);
}

TEST(Store, WhatIsNoDatabaseIsNamed) {
  TemporaryDirectory folder = *TemporaryDirectory::Create("store");
  const std::string path = folder.path() + "/kbs.db";
  const SecretBytes key = crypto::RandomSecret(32);
  ASSERT_OK(Store::Open(path, key));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_OK(RemoveTree(path));
  ASSERT_OK(WriteFile(path, AsBytes("this is a text file, and long enough to have a header")));
  EXPECT_STATUS(Store::Open(path, key), kDataLoss, path);
  EXPECT_STATUS(Store::Open(folder.path() + "/no/kbs.db", key), kNotFound, "no/kbs.db");
}

TEST_P(StoreTest, ResourcesAreListedInOrderAndDeletedOnce) {
  auto store = Open();
  ASSERT_OK(store->PutResource("b/b/b", {}, kChange));
  ASSERT_OK(store->PutResource("a/a/a", {}, kChange));
  EXPECT_THAT(*store->ListResources(), ElementsAre("a/a/a", "b/b/b"));
  EXPECT_OK(store->DeleteResource("a/a/a", kChange));
  EXPECT_STATUS(store->DeleteResource("a/a/a", kChange), kNotFound, "a/a/a");
  EXPECT_STATUS(store->GetResource("a/a/a"), kNotFound, "a/a/a");
  EXPECT_TRUE(store->GetResource("b/b/b")->empty());
}

TEST_P(StoreTest, DenialsAreSealedAndStayWithTheirGuest) {
  auto store = Open();
  EXPECT_EQ(*store->PutDenials("guest-a", {{1, "a plain secret"}, {2, "two"}}, 10), 2);
  EXPECT_EQ(*store->PutDenials("guest-a", {{2, "again"}, {3, "three"}}, 11), 1);
  EXPECT_EQ(*store->PutDenials("guest-b", {{1, "of b"}}, 12), 1);
  ASSERT_OK_AND_ASSIGN(const std::string all, place->Raw());
  EXPECT_NE(all.find("guest-a"), std::string::npos);
  EXPECT_EQ(all.find("plain secret"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const auto of_a, store->ListDenials("guest-a", 0, 10, 12));
  ASSERT_EQ(of_a.size(), 3u);
  EXPECT_EQ(of_a[0].record, "a plain secret");
  EXPECT_EQ(of_a[1].record, "two");  // the first one counts
  EXPECT_EQ(of_a[2].number, 3u);
  EXPECT_EQ(of_a[2].time, 11);
  EXPECT_EQ(store->ListDenials("", of_a[1].sequence, 1, 12)->at(0).number, 3u);
  EXPECT_EQ(store->ListDenials("", 0, 10, 12)->size(), 4u);
  // Copied to another guest it does not open.
  ASSERT_OK(
      place->Execute("UPDATE denials SET sealed = (SELECT sealed FROM denials WHERE id = "
                     "'guest-a/1') WHERE id = 'guest-b/1'"));
  EXPECT_STATUS(store->ListDenials("guest-b", 0, 10, 12), kUnauthenticated, "guest-b/1");
  ASSERT_OK(store->DeleteDenials("guest-b", kChange));
  EXPECT_STATUS(store->DeleteDenials("guest-b", kChange), kNotFound, "guest-b");
  EXPECT_EQ(store->ListDenials("", 0, 10, 12)->size(), 3u);
}

TEST_P(StoreTest, DenialsSurviveANewDataKey) {
  auto store = Open();
  ASSERT_OK(store->PutDenials("guest", {{1, "one"}, {2, "two"}}, 10));
  ASSERT_OK_AND_ASSIGN(auto master, OpenMasterKey(place->config()));
  ASSERT_OK(store->database().Write([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(store->audit().Append(connection, kChange, "store-rekeyed", "", "{}"));
    return store->sealer().Rekey(connection, *master, 1);
  }));
  auto other = Open();  // which never knew the old key
  EXPECT_EQ(other->ListDenials("guest", 0, 10, 10)->at(1).record, "two");
  EXPECT_EQ(*store->PutDenials("guest", {{3, "three"}}, 10), 1);
  EXPECT_EQ(other->ListDenials("guest", 0, 10, 10)->size(), 3u);
}

TEST_P(StoreTest, DenialsAreBoundedInNumberAndAge) {
  auto store = Open({.max_denials = 4, .max_denials_of_guest = 3, .denial_lifetime_s = 100});
  const auto numbers = [&](std::string_view guest, int64_t now) {
    std::vector<uint64_t> out;
    const auto denials = store->ListDenials(guest, 0, 10, now);
    EXPECT_OK(denials);
    for (const StoredDenial& denial : *denials) out.push_back(denial.number);
    return out;
  };
  for (uint64_t number = 1; number <= 3; ++number) {
    ASSERT_OK(store->PutDenials("a", {{number, "x"}}, 10));
  }
  EXPECT_THAT(numbers("a", 10), ElementsAre(1, 2, 3));
  ASSERT_OK(store->PutDenials("a", {{4, "x"}}, 10));
  EXPECT_THAT(numbers("a", 10), ElementsAre(2, 3, 4));
  ASSERT_OK(store->PutDenials("b", {{1, "x"}}, 20));
  EXPECT_EQ(numbers("", 20).size(), 4u);
  ASSERT_OK(store->PutDenials("b", {{2, "x"}}, 20));
  EXPECT_THAT(numbers("a", 20), ElementsAre(3, 4));
  EXPECT_THAT(numbers("a", 109), ElementsAre(3, 4));
  EXPECT_THAT(numbers("", 110), ElementsAre(1, 2));
  // What is too old also goes from the disk, at the next report.
  ASSERT_OK(store->PutDenials("b", {{3, "x"}}, 110));
  ASSERT_OK_AND_ASSIGN(auto database, place->Open());
  EXPECT_EQ(database->Query("SELECT count(*) FROM denials WHERE guest = 'a'")->Number(0, 0), 0);
}

TEST_P(StoreTest, NumbersOfThingsAreBounded) {
  auto store = Open({.max_nonces = 2,
                     .max_log_rows = 2,
                     .max_references = 1,
                     .max_resources = 1,
                     .max_policies = 1});
  EXPECT_OK(store->PutResource("a/a/a", {}, kChange));
  EXPECT_STATUS(store->PutResource("b/b/b", {}, kChange), kResourceExhausted, "resources");
  EXPECT_OK(store->PutReference({"one", "{}", 1}, kChange));
  EXPECT_STATUS(store->PutReference({"two", "{}", 1}, kChange), kResourceExhausted,
                "reference values");
}

TEST_P(StoreTest, WhatIsThereIsReplacedEvenWhenFull) {
  auto store = Open({.max_nonces = 2,
                     .max_log_rows = 2,
                     .max_references = 1,
                     .max_resources = 1,
                     .max_policies = 1});
  EXPECT_OK(store->PutResource("a/a/a", AsBytes("1"), kChange));
  EXPECT_OK(store->PutResource("a/a/a", AsBytes("2"), kChange));
  EXPECT_OK(store->PutReference({"one", "1", 1}, kChange));
  EXPECT_OK(store->PutReference({"one", "2", 1}, kChange));
  EXPECT_EQ(store->GetReference("one")->document, "2");
}

TEST_P(StoreTest, ANonceIsUsedOnceUntilItExpires) {
  auto store = Open({.max_nonces = 2,
                     .max_log_rows = 1,
                     .max_references = 1,
                     .max_resources = 1,
                     .max_policies = 1});
  EXPECT_OK(UseNonce(*store, "n", 100, 1));
  EXPECT_STATUS(UseNonce(*store, "n", 100, 99), kAlreadyExists, "");
  EXPECT_OK(UseNonce(*store, "m", 200, 99));
  EXPECT_STATUS(UseNonce(*store, "o", 200, 99), kResourceExhausted, "nonces");
  EXPECT_OK(UseNonce(*store, "o", 200, 100));  // "n" has expired and made room
}

TEST_P(StoreTest, AFloodOfRefusalsKeepsTheRecordOfReleases) {
  auto store = Open({.max_nonces = 1,
                     .max_log_rows = 2,
                     .max_references = 1,
                     .max_resources = 1,
                     .max_policies = 1});
  ASSERT_OK(store->AppendLog({"good", 1, false, "", "accepted", "{}"}));
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(store->AppendLog({"bad" + std::to_string(i), 1, true, "code", "refused", "{}"}));
  }
  EXPECT_OK(store->GetLog("good"));
  EXPECT_STATUS(store->GetLog("bad2"), kNotFound, "bad2");
  EXPECT_OK(store->GetLog("bad3"));
  EXPECT_EQ(store->LastLog()->id, "bad4");
  EXPECT_EQ(store->LastLog()->code, "code");
}

}  // namespace
}  // namespace nacre::attestation
