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
  void Reopen(uint64_t max_bytes, bool keep_tars = true) {
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(folder_->path(), max_bytes, keep_tars));
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
  absl::Status PutTar(std::string_view content, std::string_view tar) {
    ASSIGN_OR_RETURN(const auto incoming, store_->BeginTar(NameOf(content)));
    RETURN_IF_ERROR(incoming->Write(AsBytes(tar)));
    return incoming->Commit();
  }
  std::string GetTar(std::string_view content, const std::string& repository = "r/a") {
    const auto piece = store_->ReadTar(NameOf(content, repository), 0, 1000);
    return piece.ok() ? piece->data : std::string(absl::StatusCodeToString(piece.status().code()));
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

TEST_F(BlobStoreTest, HeadroomIsBeforeTheBytes) {
  ASSERT_OK(Put("hello"));
  ASSERT_OK(PutTar("hello", "tar of hello"));
  ASSERT_OK_AND_ASSIGN(const std::string data, store_->Read(NameOf("hello"), 3, 10, 4));
  EXPECT_EQ(data, std::string(4, '\0') + "lo");
  ASSERT_OK_AND_ASSIGN(const TarPiece piece, store_->ReadTar(NameOf("hello"), 7, 3, 2));
  EXPECT_EQ(piece.data, std::string(2, '\0') + "hel");
  ASSERT_OK_AND_ASSIGN(const auto blob, store_->Begin(NameOf("world")));
  ASSERT_OK(blob->Write(AsBytes("wor")));
  EXPECT_EQ(blob->Read(1, 10, 1).value_or("?"), std::string(1, '\0') + "or");
  EXPECT_EQ(blob->Read(3, 10, 1).value_or("?"), std::string(1, '\0'));
}

TEST_F(BlobStoreTest, ATarStandsBesideItsBlob) {
  EXPECT_TRUE(absl::IsNotFound(PutTar("hello", "tar")));
  ASSERT_OK(Put("hello"));
  EXPECT_OK(store_->LacksTar(NameOf("hello")));
  EXPECT_EQ(GetTar("hello"), "NOT_FOUND");
  ASSERT_OK(PutTar("hello", "tar of hello"));
  EXPECT_EQ(GetTar("hello"), "tar of hello");
  EXPECT_EQ(Get("hello"), "hello");
  ASSERT_OK_AND_ASSIGN(const TarPiece piece, store_->ReadTar(NameOf("hello"), 11, 100));
  EXPECT_EQ(piece.data, "o");
  EXPECT_EQ(piece.size, 12u);
  EXPECT_TRUE(absl::IsInvalidArgument(store_->ReadTar(NameOf("hello"), 12, 1).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(store_->LacksTar(NameOf("hello"))));
  EXPECT_TRUE(absl::IsAlreadyExists(PutTar("hello", "another")));
  EXPECT_EQ(store_->total_bytes(), 17u);
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(BlobStoreTest, ATarIsGivenToThoseWhoMayHaveTheBlob) {
  ASSERT_OK(Put("private", "tenant/one"));
  ASSERT_OK(Put("private", "r/a"));
  ASSERT_OK(PutTar("private", "tar"));
  EXPECT_EQ(GetTar("private", "tenant/one"), "tar");
  EXPECT_EQ(GetTar("private", "tenant/two"), "NOT_FOUND");
  EXPECT_TRUE(absl::IsNotFound(store_->LacksTar(NameOf("private", "tenant/two"))));
}

TEST_F(BlobStoreTest, ATarThatIsNotCommittedIsNotThere) {
  ASSERT_OK(Put("hello"));
  {
    ASSERT_OK_AND_ASSIGN(const auto tar, store_->BeginTar(NameOf("hello")));
    ASSERT_OK(tar->Write(AsBytes("half of it")));
    EXPECT_EQ(store_->total_bytes(), 15u);
    EXPECT_EQ(GetTar("hello"), "NOT_FOUND");
  }
  EXPECT_EQ(store_->total_bytes(), 5u);
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(BlobStoreTest, TarsGoBeforeBlobsAndTheOneUsedLongestAgoFirst) {
  Reopen(20);
  ASSERT_OK(Put("aaaaa"));
  ASSERT_OK(Put("bbbbb"));
  ASSERT_OK(PutTar("aaaaa", "AAAAA"));
  ASSERT_OK(PutTar("bbbbb", "BBBBB"));
  EXPECT_EQ(GetTar("aaaaa"), "AAAAA");  // now b is older
  ASSERT_OK(Put("c"));
  EXPECT_EQ(GetTar("bbbbb"), "NOT_FOUND");
  EXPECT_EQ(GetTar("aaaaa"), "AAAAA");
  ASSERT_OK(Put("dddddd"));
  EXPECT_EQ(GetTar("aaaaa"), "NOT_FOUND");
  EXPECT_EQ(Get("aaaaa") + Get("bbbbb") + Get("c") + Get("dddddd"), "aaaaabbbbbcdddddd");
  EXPECT_EQ(store_->total_bytes(), 17u);
}

TEST_F(BlobStoreTest, ATarNeverCostsABlob) {
  Reopen(12);
  ASSERT_OK(Put("aaaaa"));
  EXPECT_OK(PutTar("aaaaa", "AAAAAAA"));  // to the last byte
  Reopen(11);
  EXPECT_EQ(GetTar("aaaaa"), "NOT_FOUND");
  EXPECT_EQ(PutTar("aaaaa", "AAAAAAA").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Get("aaaaa"), "aaaaa");
  EXPECT_EQ(store_->total_bytes(), 5u);
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(BlobStoreTest, ATarOnItsWayCostsNoBlobEither) {
  Reopen(12);
  ASSERT_OK(Put("aaaaa"));
  ASSERT_OK_AND_ASSIGN(auto tar, store_->BeginTar(NameOf("aaaaa")));
  ASSERT_OK(tar->Write(AsBytes("AAAAA")));
  ASSERT_OK(Put("bbbbb"));
  EXPECT_EQ(Get("aaaaa"), "aaaaa");
  EXPECT_EQ(tar->Write(AsBytes("A")).code(), absl::StatusCode::kResourceExhausted);
  tar.reset();
  EXPECT_EQ(store_->total_bytes(), 10u);
}

TEST_F(BlobStoreTest, ATarWhoseBlobWentMeanwhile) {
  Reopen(12);
  ASSERT_OK(Put("aaaaa"));
  ASSERT_OK_AND_ASSIGN(auto tar, store_->BeginTar(NameOf("aaaaa")));
  ASSERT_OK(tar->Write(AsBytes("A")));
  ASSERT_OK(Put("bbbbbbbbb"));
  EXPECT_EQ(Get("aaaaa"), "NOT_FOUND");
  EXPECT_TRUE(absl::IsNotFound(tar->Commit()));
  tar.reset();
  EXPECT_EQ(store_->total_bytes(), 9u);
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(BlobStoreTest, ARestartKeepsTarsUnlessToldOtherwise) {
  ASSERT_OK(Put("hello"));
  ASSERT_OK(PutTar("hello", "tar of hello"));
  Reopen(kRoomy);
  EXPECT_EQ(GetTar("hello"), "tar of hello");
  EXPECT_EQ(store_->total_bytes(), 17u);
  Reopen(kRoomy, false);
  EXPECT_EQ(GetTar("hello"), "NOT_FOUND");
  EXPECT_EQ(Get("hello"), "hello");
  EXPECT_EQ(store_->total_bytes(), 5u);
  Reopen(kRoomy);
  EXPECT_EQ(GetTar("hello"), "NOT_FOUND");
}

// A kill in the middle of a removal leaves any part of a blob's folder.
TEST_F(BlobStoreTest, WhatIsLeftOfARemovedBlobGoesAtStart) {
  const std::string left = folder_->path() + "/blobs/sha256-" + std::string(64, 'a');
  ASSERT_OK(MakeDirectories(left));
  ASSERT_OK(WriteFile(left + "/tar", AsBytes("tar")));
  Reopen(kRoomy);
  EXPECT_FALSE(PathExists(left));
  EXPECT_EQ(store_->total_bytes(), 0u);
}

}  // namespace
}  // namespace nacre::runtime
