#include "runtime/node_cache/fetches.h"

#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "runtime/node_cache/limits.h"
#include "runtime/node_cache/testing.h"

namespace nacre::runtime {
namespace {

using testing::ScriptedSource;

const std::string kContent = "0123456789";

class FetchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TemporaryDirectory::Create("fetches"));
    ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(folder_->path(), 1 << 20));
    ASSERT_OK_AND_ASSIGN(reference_, image::ParseImageReference("r.example/app:1"));
  }
  static BlobName NameOf(const std::string& content) {
    return {"r.example/app", image::BlobDigest::OfSha256(AsBytes(content)), content.size()};
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<BlobStore> store_;
  image::ImageReference reference_;
};

TEST_F(FetchesTest, WhatIsReadIsKept) {
  ScriptedSource source([](const image::Descriptor& blob, const auto& on_bytes) {
    EXPECT_EQ(blob.size, kContent.size());
    return on_bytes(AsBytes(kContent));
  });
  {
    Fetches fetches(store_.get(), &source);
    ASSERT_OK_AND_ASSIGN(const std::string data, fetches.Read(reference_, NameOf(kContent), 4, 3));
    EXPECT_EQ(data, "456");
  }
  ASSERT_OK_AND_ASSIGN(const std::string kept, store_->Read(NameOf(kContent), 0, 100));
  EXPECT_EQ(kept, kContent);
}

TEST_F(FetchesTest, ReadersFollowOneFetchAsItGrows) {
  std::latch first_half_read(2);
  ScriptedSource source([&](const image::Descriptor&, const auto& on_bytes) {
    RETURN_IF_ERROR(on_bytes(AsBytes(kContent).first(5)));
    first_half_read.wait();  // nobody may need the second half for the first
    return on_bytes(AsBytes(kContent).subspan(5));
  });
  Fetches fetches(store_.get(), &source);
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      const auto early = fetches.Read(reference_, NameOf(kContent), 0, 100);
      EXPECT_EQ(early.value_or("?"), "01234");
      first_half_read.count_down();
      const auto late = fetches.Read(reference_, NameOf(kContent), 5, 100);
      EXPECT_EQ(late.value_or("?"), "56789");
    });
  }
  readers.clear();
  EXPECT_EQ(source.calls, 1);
}

TEST_F(FetchesTest, ARegistryThatRefusesTheNodeIsANodeWithoutTheBlob) {
  ScriptedSource source([](const image::Descriptor&, const auto&) {
    return absl::UnauthenticatedError("wants a password");
  });
  Fetches fetches(store_.get(), &source);
  EXPECT_TRUE(absl::IsNotFound(fetches.Read(reference_, NameOf(kContent), 0, 1).status()));
  // Not asked again for a while.
  EXPECT_TRUE(absl::IsNotFound(fetches.Read(reference_, NameOf(kContent), 0, 1).status()));
  EXPECT_EQ(source.calls, 1);
}

TEST_F(FetchesTest, OtherBytesThanTheDigestsAreNotKept) {
  ScriptedSource source(
      [](const image::Descriptor&, const auto& on_bytes) { return on_bytes(Bytes(10, 'x')); });
  {
    Fetches fetches(store_.get(), &source);
    (void)fetches.Read(reference_, NameOf(kContent), 0, 1);
  }
  EXPECT_TRUE(absl::IsNotFound(store_->Read(NameOf(kContent), 0, 1).status()));
}

TEST_F(FetchesTest, ACutEndsItsReaders) {
  ScriptedSource source([](const image::Descriptor&, const auto& on_bytes) {
    RETURN_IF_ERROR(on_bytes(AsBytes("01")));
    return absl::UnavailableError("reset");
  });
  Fetches fetches(store_.get(), &source);
  EXPECT_TRUE(absl::IsUnavailable(fetches.Read(reference_, NameOf(kContent), 5, 1).status()));
}

TEST_F(FetchesTest, ABlobLargerThanTheStoreIsOneTheNodeDoesNotHave) {
  ScriptedSource source([](const image::Descriptor&, const auto&) { return absl::OkStatus(); });
  Fetches fetches(store_.get(), &source);
  BlobName name = NameOf(kContent);
  name.size = (1 << 20) + 1;
  EXPECT_TRUE(absl::IsNotFound(fetches.Read(reference_, name, 0, 1).status()));
  EXPECT_EQ(source.calls, 0);
}

TEST_F(FetchesTest, TooManyAtOnce) {
  std::latch end(1);
  ScriptedSource source([&](const image::Descriptor&, const auto& on_bytes) {
    RETURN_IF_ERROR(on_bytes(AsBytes("0")));
    end.wait();
    return absl::UnavailableError("ended");
  });
  Fetches fetches(store_.get(), &source);
  for (size_t i = 0; i < kMaxNodeCacheFetches; ++i) {
    EXPECT_OK(fetches.Read(reference_, NameOf(StrCat("blob ", i)), 0, 1).status());
  }
  EXPECT_TRUE(absl::IsUnavailable(fetches.Read(reference_, NameOf("one more"), 0, 1).status()));
  EXPECT_EQ(source.calls, static_cast<int>(kMaxNodeCacheFetches));
  end.count_down();
}

TEST_F(FetchesTest, StopSendsReadersAway) {
  std::latch end(1);
  std::latch begun(1);
  ScriptedSource source([&](const image::Descriptor&, const auto&) {
    begun.count_down();
    end.wait();
    return absl::UnavailableError("ended");
  });
  Fetches fetches(store_.get(), &source);
  std::jthread reader([&] {
    EXPECT_TRUE(absl::IsUnavailable(fetches.Read(reference_, NameOf(kContent), 0, 1).status()));
    end.count_down();
  });
  begun.wait();
  fetches.Stop();
}

}  // namespace
}  // namespace nacre::runtime
