#include "attestation/collateral/document_cache.h"

#include <filesystem>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

class DocumentCacheTest : public ::testing::Test {
 protected:
  // The only file in the folder.
  std::string OnlyFile() const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      EXPECT_EQ(found, "");
      found = entry.path().string();
    }
    return found;
  }
  TemporaryDirectory folder_ = TemporaryDirectory::Create("cache").value();
  DocumentCache cache_{folder_.path()};
};

TEST_F(DocumentCacheTest, KeepsUntilTheSecondOfExpiry) {
  EXPECT_EQ(cache_.Get("a", 10), std::nullopt);
  ASSERT_OK(cache_.Put("a", Bytes{1, '\n', 2}, 100));
  EXPECT_EQ(cache_.Get("a", 99), (Bytes{1, '\n', 2}));
  EXPECT_EQ(cache_.Get("a", 100), std::nullopt);
  EXPECT_EQ(cache_.Get("b", 10), std::nullopt);
  ASSERT_OK(cache_.Put("a", {}, 200));
  EXPECT_EQ(cache_.Get("a", 150), Bytes{});
  EXPECT_EQ(DocumentCache(folder_.path()).Get("a", 150), Bytes{});
}

TEST_F(DocumentCacheTest, DamagedFilesAreMisses) {
  ASSERT_OK(cache_.Put("a", Bytes{1}, 100));
  const std::string path = OnlyFile();
  for (std::string_view text : {"", "nacre-cache/1 100 a", "nacre-cache/1 x a\n1",
                                "nacre-cache/2 100 a\n1", "nacre-cache/1 100 b\n1", "\n\n"}) {
    ASSERT_OK(WriteFile(path, AsBytes(text)));
    EXPECT_EQ(cache_.Get("a", 1), std::nullopt) << text;
  }
}

TEST_F(DocumentCacheTest, Limits) {
  EXPECT_OK(cache_.Put("a", Bytes(kMaxCachedDocument), 1));
  EXPECT_STATUS(cache_.Put("a", Bytes(kMaxCachedDocument + 1), 1), kResourceExhausted, "cannot");
  EXPECT_STATUS(cache_.Put(std::string(4097, 'k'), {}, 1), kResourceExhausted, "cannot");
  EXPECT_STATUS(cache_.Put("a\nb", {}, 1), kResourceExhausted, "cannot");
}

TEST_F(DocumentCacheTest, MakesRoomByExpiry) {
  for (size_t i = 0; i < kMaxCachedDocuments; ++i) {
    ASSERT_OK(WriteFile(StrCat(folder_.path(), "/", i, ".cached"),
                        AsBytes(StrCat("nacre-cache/1 ", 1000 + i, " ", i, "\n"))));
  }
  ASSERT_OK(cache_.Put("new", Bytes{1}, 5000));
  EXPECT_EQ(cache_.Get("new", 1), Bytes{1});
  EXPECT_FALSE(PathExists(folder_.path() + "/0.cached"));
  EXPECT_TRUE(PathExists(StrCat(folder_.path(), "/", kMaxCachedDocuments - 1, ".cached")));
}

}  // namespace
}  // namespace nacre::attestation
