#include "attestation/broker/store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "attestation/broker/storage/sqlite.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

using ::testing::ElementsAre;

const Change kChange{.actor = "test", .peer = "local", .request = "r", .time = 1};

absl::Status Execute(sql::Database& database, const std::string& text) {
  return database.Write([&](sql::Connection& connection) { return connection.Execute(text); });
}

class StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> Open(const StoreLimits& limits = {}) {
    auto store = Store::Open(path, key, limits);
    EXPECT_OK(store);
    return *std::move(store);
  }
  TemporaryDirectory folder = *TemporaryDirectory::Create("store");
  std::string path = folder.path() + "/kbs.db";
  SecretBytes key = crypto::RandomSecret(32);
};

TEST_F(StoreTest, SurvivesReopening) {
  ASSERT_OK(Open()->PutResource("a/b/c", AsBytes("secret"), kChange));
  auto store = Open();
  ASSERT_OK_AND_ASSIGN(SecretBytes contents, store->GetResource("a/b/c"));
  EXPECT_EQ(AsText(contents.view()), "secret");
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(StoreTest, ResourcesAreNotReadableAtRest) {
  auto store = Open();
  ASSERT_OK(store->PutResource("a/b/c", AsBytes("a plain secret"), kChange));
  store.reset();
  ASSERT_OK_AND_ASSIGN(std::string file, ReadTextFile(path, 1 << 20));
  EXPECT_EQ(file.find("plain secret"), std::string::npos);
}

TEST_F(StoreTest, AResourceCannotBeMovedToAnotherPath) {
  auto store = Open();
  ASSERT_OK(store->PutResource("a/b/public", AsBytes("1"), kChange));
  ASSERT_OK(store->PutResource("a/b/secret", AsBytes("2"), kChange));
  ASSERT_OK_AND_ASSIGN(auto database, sql::OpenSqlite(path));
  ASSERT_OK(Execute(*database,
                    "UPDATE resources SET sealed = (SELECT sealed FROM resources WHERE "
                    "path = 'a/b/secret') WHERE path = 'a/b/public'"));
  EXPECT_STATUS(store->GetResource("a/b/public"), kUnauthenticated, "a/b/public");
}

TEST_F(StoreTest, AnotherMasterKeyIsToldAtTheStart) {
  Open();
  EXPECT_STATUS(Store::Open(path, crypto::RandomSecret(32)), kFailedPrecondition,
                "another master key");
}

TEST_F(StoreTest, WhatIsNoDatabaseIsNamed) {
  ASSERT_OK(WriteFile(path, AsBytes("this is a text file, and long enough to have a header")));
  EXPECT_STATUS(Store::Open(path, key), kDataLoss, path);
  EXPECT_STATUS(Store::Open(folder.path() + "/no/kbs.db", key), kNotFound, "no/kbs.db");
}

TEST_F(StoreTest, ANewerFileIsLeftAlone) {
  Open();
  ASSERT_OK_AND_ASSIGN(auto database, sql::OpenSqlite(path));
  ASSERT_OK(Execute(*database, "INSERT INTO migrations VALUES (99, 0)"));
  EXPECT_STATUS(Store::Open(path, key), kFailedPrecondition, "newer program");
}

TEST_F(StoreTest, ResourcesAreListedInOrderAndDeletedOnce) {
  auto store = Open();
  ASSERT_OK(store->PutResource("b/b/b", {}, kChange));
  ASSERT_OK(store->PutResource("a/a/a", {}, kChange));
  EXPECT_THAT(*store->ListResources(), ElementsAre("a/a/a", "b/b/b"));
  EXPECT_OK(store->DeleteResource("a/a/a", kChange));
  EXPECT_STATUS(store->DeleteResource("a/a/a", kChange), kNotFound, "a/a/a");
  EXPECT_STATUS(store->GetResource("a/a/a"), kNotFound, "a/a/a");
  EXPECT_TRUE(store->GetResource("b/b/b")->empty());
}

TEST_F(StoreTest, NumbersOfThingsAreBounded) {
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

TEST_F(StoreTest, WhatIsThereIsReplacedEvenWhenFull) {
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

TEST_F(StoreTest, ANonceIsUsedOnceUntilItExpires) {
  auto store = Open({.max_nonces = 2,
                     .max_log_rows = 1,
                     .max_references = 1,
                     .max_resources = 1,
                     .max_policies = 1});
  EXPECT_OK(store->UseNonce("n", 100, 1));
  EXPECT_STATUS(store->UseNonce("n", 100, 99), kAlreadyExists, "");
  EXPECT_OK(store->UseNonce("m", 200, 99));
  EXPECT_STATUS(store->UseNonce("o", 200, 99), kResourceExhausted, "nonces");
  EXPECT_OK(store->UseNonce("o", 200, 100));  // "n" has expired and made room
}

TEST_F(StoreTest, AFloodOfRefusalsKeepsTheRecordOfReleases) {
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
