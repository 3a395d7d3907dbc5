#include "runtime/node_cache/blob_store.h"

#include <filesystem>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr uint64_t kRoomy = 1 << 20;

class BlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TemporaryDirectory::Create("blobs"));
    Reopen(kRoomy);
  }
  void Reopen(uint64_t max_bytes) {
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(folder_->path(), max_bytes));
  }
  static BlobName NameOf(std::string_view content, const std::string& repository = "r/a") {
    return {repository, image::BlobDigest::OfSha256(AsBytes(content)), content.size()};
  }
  absl::Status Put(std::string_view content, const std::string& repository = "r/a") {
    ASSIGN_OR_RETURN(const auto blob, store_->Begin(NameOf(content, repository)));
    RETURN_IF_ERROR(blob->Write(AsBytes(content)));
    return blob->Commit();
  }
  std::string Get(std::string_view content, const std::string& repository = "r/a") {
    const auto data = store_->Read(NameOf(content, repository), 0, 1000);
    return data.ok() ? *data : std::string(absl::StatusCodeToString(data.status().code()));
  }
  size_t Staged() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(folder_->path() + "/staging")) {
      ++count;
    }
    return count;
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, WhatWasCommittedIsRead) {
  ASSERT_OK(Put("hello"));
  EXPECT_EQ(Get("hello"), "hello");
  ASSERT_OK_AND_ASSIGN(const std::string part, store_->Read(NameOf("hello"), 1, 3));
  EXPECT_EQ(part, "ell");
  EXPECT_EQ(store_->total_bytes(), 5u);
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(BlobStoreTest, AnotherRepositoryMustFetchItFirst) {
  ASSERT_OK(Put("private", "tenant/one"));
  EXPECT_EQ(Get("private", "tenant/two"), "NOT_FOUND");
  ASSERT_OK(Put("private", "tenant/two"));
  EXPECT_EQ(Get("private", "tenant/two"), "private");
  EXPECT_EQ(Get("private", "tenant/one"), "private");
  EXPECT_EQ(store_->total_bytes(), 7u);
}

TEST_F(BlobStoreTest, WhatIsNotWholeIsNotThere) {
  {
    ASSERT_OK_AND_ASSIGN(const auto blob, store_->Begin(NameOf("hello")));
    ASSERT_OK(blob->Write(AsBytes("hel")));
    ASSERT_OK_AND_ASSIGN(const std::string early, blob->Read(1, 100));
    EXPECT_EQ(early, "el");
    EXPECT_EQ(blob->Commit().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(Get("hello"), "NOT_FOUND");
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(BlobStoreTest, OtherBytesAreNotKept) {
  {
    ASSERT_OK_AND_ASSIGN(const auto blob, store_->Begin(NameOf("hello")));
    ASSERT_OK(blob->Write(AsBytes("jello")));
    EXPECT_EQ(blob->Commit().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(Get("hello"), "NOT_FOUND");
}

TEST_F(BlobStoreTest, OneByteTooManyIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto blob, store_->Begin(NameOf("hello")));
  ASSERT_OK(blob->Write(AsBytes("hello")));
  EXPECT_EQ(blob->Write(AsBytes("!")).code(), absl::StatusCode::kDataLoss);
}

TEST_F(BlobStoreTest, AnotherSizeIsAnotherBlob) {
  ASSERT_OK(Put("hello"));
  BlobName name = NameOf("hello");
  name.size = 6;
  EXPECT_TRUE(absl::IsNotFound(store_->Read(name, 0, 1).status()));
}

TEST_F(BlobStoreTest, ARestartKeepsBlobsAndEmptiesStaging) {
  ASSERT_OK(Put("hello"));
  ASSERT_OK(MakeDirectories(folder_->path() + "/staging/7"));
  Reopen(kRoomy);
  EXPECT_EQ(Get("hello"), "hello");
  EXPECT_EQ(Get("hello", "r/b"), "NOT_FOUND");
  EXPECT_EQ(Staged(), 0u);
  EXPECT_EQ(store_->total_bytes(), 5u);
}

TEST_F(BlobStoreTest, TheOneUsedLongestAgoGoesFirst) {
  Reopen(10);
  ASSERT_OK(Put("aaaaa"));
  ASSERT_OK(Put("bbbbb"));
  EXPECT_EQ(Get("aaaaa"), "aaaaa");  // now b is older
  EXPECT_EQ(store_->total_bytes(), 10u);
  ASSERT_OK(Put("c"));
  EXPECT_EQ(Get("bbbbb"), "NOT_FOUND");
  EXPECT_EQ(Get("aaaaa"), "aaaaa");
  EXPECT_EQ(Get("c"), "c");
  EXPECT_EQ(store_->total_bytes(), 6u);
}

TEST_F(BlobStoreTest, ASmallerCapAtStartMakesRoom) {
  ASSERT_OK(Put("aaaaa"));
  ASSERT_OK(Put("bbbbb"));
  Reopen(5);
  EXPECT_EQ(store_->total_bytes(), 5u);
}

TEST_F(BlobStoreTest, SizeAtAndPastTheWholeStore) {
  Reopen(5);
  EXPECT_OK(Put("aaaaa"));
  EXPECT_EQ(Put("bbbbbb").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace nacre::runtime
