#include "guest-agent/storage/node_cache_source.h"

#include <sys/socket.h>

#include <functional>
#include <latch>
#include <thread>

#include "api/node_cache.pb.h"
#include "base/status_testing.h"
#include "net/ttrpc/server.h"

namespace nacre::guest_agent {
namespace {

const std::string kContent = std::string((1 << 20) + 7, 'c');

// The host's end, answering as the test says.
class NodeCacheSourceTest : public ::testing::Test {
 protected:
  using Answer = std::function<absl::StatusOr<std::string>(const nodecache::ReadRequest&)>;
  void Serve(Answer answer) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    host_.RegisterMethod(
        "nacre.nodecache.NodeCache", "Read",
        [this, answer = std::move(answer)](
            const ttrpc::CallContext&, std::string_view payload) -> absl::StatusOr<std::string> {
          ++calls_;
          nodecache::ReadRequest request;
          EXPECT_TRUE(request.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
          nodecache::ReadResponse response;
          ASSIGN_OR_RETURN(*response.mutable_data(), answer(request));
          return response.SerializeAsString();
        });
    thread_ = std::jthread([this, fd = ends[0]] { (void)host_.ServeConnection(UniqueFd(fd)); });
    ASSERT_OK_AND_ASSIGN(source_, NodeCacheSource::Create(UniqueFd(ends[1])));
    ASSERT_OK_AND_ASSIGN(image_, image::ParseImageReference("r.example/app:1"));
  }
  void TearDown() override {
    source_.reset();
    host_.Stop();
  }
  absl::Status Read(uint64_t offset = 0) {
    const image::Descriptor blob{.media_type = "",
                                 .digest = image::BlobDigest::OfSha256(AsBytes(kContent)),
                                 .size = kContent.size(),
                                 .annotations = {}};
    return source_->Read(image_, blob, offset, [this](ByteView bytes) {
      got_ += AsText(bytes);
      return absl::OkStatus();
    });
  }
  static std::string Part(const nodecache::ReadRequest& request) {
    return kContent.substr(request.offset(), request.length());
  }

  ttrpc::Server host_;
  std::jthread thread_;
  std::unique_ptr<NodeCacheSource> source_;
  image::ImageReference image_;
  std::string got_;
  std::atomic<int> calls_ = 0;
};

TEST_F(NodeCacheSourceTest, ABlobInPieces) {
  Serve([](const nodecache::ReadRequest& request) {
    EXPECT_EQ(request.registry(), "r.example");
    EXPECT_EQ(request.repository(), "app");
    EXPECT_EQ(request.size(), kContent.size());
    return Part(request);
  });
  EXPECT_OK(Read());
  EXPECT_EQ(got_, kContent);
  EXPECT_EQ(calls_, 5);
}

TEST_F(NodeCacheSourceTest, FromTheMiddle) {
  Serve([](const nodecache::ReadRequest& request) { return Part(request); });
  EXPECT_OK(Read(kContent.size() - 3));
  EXPECT_EQ(got_, "ccc");
}

TEST_F(NodeCacheSourceTest, ABlobItLacksIsAskedForAgainNextTime) {
  Serve([](const nodecache::ReadRequest&) { return absl::NotFoundError("no"); });
  EXPECT_TRUE(absl::IsNotFound(Read()));
  EXPECT_TRUE(absl::IsNotFound(Read()));
  EXPECT_EQ(calls_, 2);
}

TEST_F(NodeCacheSourceTest, ABrokenCacheIsLeftAlone) {
  Serve([](const nodecache::ReadRequest& request) -> absl::StatusOr<std::string> {
    if (request.offset() == 0) return Part(request);
    return absl::UnavailableError("broke off");
  });
  EXPECT_TRUE(absl::IsUnavailable(Read()));
  EXPECT_EQ(got_.size(), size_t{256} << 10);  // whoever asked goes on from here
  EXPECT_TRUE(absl::IsNotFound(Read()));
  EXPECT_LE(calls_, 5);  // its pieces, each at most once
}

TEST_F(NodeCacheSourceTest, WhatCameBeforeTheBreakIsGiven) {
  Serve([](const nodecache::ReadRequest& request) -> absl::StatusOr<std::string> {
    if (request.offset() < 3 * (256 << 10)) return Part(request);
    return absl::UnavailableError("broke off");
  });
  EXPECT_TRUE(absl::IsUnavailable(Read()));
  EXPECT_EQ(got_.size(), size_t{3} * (256 << 10));
}

TEST_F(NodeCacheSourceTest, NothingAndTooMuchAreNoAnswers) {
  Serve([](const nodecache::ReadRequest&) { return std::string(); });
  EXPECT_TRUE(absl::IsUnavailable(Read()));
  EXPECT_EQ(got_, "");
}

TEST_F(NodeCacheSourceTest, MoreThanAskedIsNoAnswer) {
  Serve([](const nodecache::ReadRequest& request) { return Part(request) + "x"; });
  EXPECT_TRUE(absl::IsUnavailable(Read()));
  EXPECT_EQ(got_, "");
}

TEST_F(NodeCacheSourceTest, ACacheThatHangsUp) {
  Serve([](const nodecache::ReadRequest& request) { return Part(request); });
  host_.Stop();
  thread_ = std::jthread();
  EXPECT_TRUE(absl::IsUnavailable(Read()));
}

TEST_F(NodeCacheSourceTest, PiecesOfAnySizeInOrder) {
  std::string content(3 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 / 1000);
  Serve([&](const nodecache::ReadRequest& request) {
    const size_t some = 1 + (request.offset() * 31) % request.length();
    return content.substr(request.offset(), some);
  });
  const image::Descriptor blob{.media_type = "",
                               .digest = image::BlobDigest::OfSha256(AsBytes(content)),
                               .size = content.size(),
                               .annotations = {}};
  std::string got;
  EXPECT_OK(source_->Read(image_, blob, 0, [&](ByteView bytes) {
    got += AsText(bytes);
    return absl::OkStatus();
  }));
  EXPECT_TRUE(got == content);
}

TEST_F(NodeCacheSourceTest, AReaderThatStopsWaitsForNoAnswer) {
  const auto ended = std::make_shared<std::latch>(1);  // the host's thread may outlive the test
  Serve([ended](const nodecache::ReadRequest& request) -> absl::StatusOr<std::string> {
    if (request.offset() > 256 << 10) ended->wait();  // until the reader has gone
    return Part(request);
  });
  const image::Descriptor blob{.media_type = "",
                               .digest = image::BlobDigest::OfSha256(AsBytes(kContent)),
                               .size = kContent.size(),
                               .annotations = {}};
  EXPECT_TRUE(absl::IsCancelled(source_->Read(image_, blob, 0, [&](ByteView bytes) {
    got_ += AsText(bytes);
    return got_.size() > 256 << 10 ? absl::CancelledError("enough") : absl::OkStatus();
  })));
  ended->count_down();
}

TEST_F(NodeCacheSourceTest, TheReadersErrorIsItsOwn) {
  Serve([](const nodecache::ReadRequest& request) { return Part(request); });
  const image::Descriptor blob{.media_type = "",
                               .digest = image::BlobDigest::OfSha256(AsBytes(kContent)),
                               .size = kContent.size(),
                               .annotations = {}};
  EXPECT_TRUE(absl::IsCancelled(
      source_->Read(image_, blob, 0, [](ByteView) { return absl::CancelledError("enough"); })));
  EXPECT_OK(Read());
}

}  // namespace
}  // namespace nacre::guest_agent
