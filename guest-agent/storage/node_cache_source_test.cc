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
  // What blobs unpack to; before Serve().
  using Unpacked =
      std::function<absl::StatusOr<nodecache::ReadUnpackedResponse>(const nodecache::ReadRequest&)>;
  void Unpack(Unpacked unpacked) {
    host_.RegisterMethod(
        "nacre.nodecache.NodeCache", "ReadUnpacked",
        [this, unpacked = std::move(unpacked)](
            const ttrpc::CallContext&, std::string_view payload) -> absl::StatusOr<std::string> {
          ++unpacked_calls_;
          nodecache::ReadRequest request;
          EXPECT_TRUE(request.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
          ASSIGN_OR_RETURN(const auto response, unpacked(request));
          return response.SerializeAsString();
        });
    Serve([](const nodecache::ReadRequest& request) { return Part(request); });
  }
  static nodecache::ReadUnpackedResponse PartOf(const std::string& tar,
                                                const nodecache::ReadRequest& request) {
    nodecache::ReadUnpackedResponse response;
    response.set_size(tar.size());
    response.set_data(tar.substr(request.offset(), request.length()));
    return response;
  }
  absl::Status ReadUnpacked() {
    got_.clear();
    return source_->ReadUnpacked(image_, Blob(), [this](ByteView bytes) {
      got_ += AsText(bytes);
      return absl::OkStatus();
    });
  }
  void TearDown() override {
    source_.reset();
    host_.Stop();
  }
  static image::Descriptor Blob() {
    return {.media_type = "",
            .digest = image::BlobDigest::OfSha256(AsBytes(kContent)),
            .size = kContent.size(),
            .annotations = {}};
  }
  absl::Status Read(uint64_t offset = 0) {
    return source_->Read(image_, Blob(), offset, [this](ByteView bytes) {
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
  std::atomic<int> calls_ = 0, unpacked_calls_ = 0;
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

std::string Tar(size_t size) {
  std::string tar(size, '\0');
  for (size_t i = 0; i < size; ++i) tar[i] = static_cast<char>(i * 7 / 1000);
  return tar;
}

TEST_F(NodeCacheSourceTest, WhatABlobUnpacksTo) {
  for (const size_t size : {1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 3}) {
    const std::string tar = Tar(size);
    Unpack([&](const nodecache::ReadRequest& request) {
      EXPECT_EQ(request.size(), kContent.size());
      EXPECT_EQ(request.digest(), Blob().digest.text());
      return PartOf(tar, request);
    });
    EXPECT_OK(ReadUnpacked());
    EXPECT_TRUE(got_ == tar) << size;
    EXPECT_EQ(calls_, 0);
    source_.reset();
    thread_ = std::jthread();
  }
}

TEST_F(NodeCacheSourceTest, UnpackedInShortPieces) {
  const std::string tar = Tar(3 << 20);
  Unpack([&](nodecache::ReadRequest request) {
    request.set_length(1 + static_cast<uint32_t>(request.offset() * 31 % request.length()));
    return PartOf(tar, request);
  });
  EXPECT_OK(ReadUnpacked());
  EXPECT_TRUE(got_ == tar);
}

TEST_F(NodeCacheSourceTest, ABlobItHasNotUnpackedIsAskedForAgainNextTime) {
  Unpack([](const nodecache::ReadRequest&) { return absl::NotFoundError("not unpacked"); });
  EXPECT_TRUE(absl::IsNotFound(ReadUnpacked()));
  EXPECT_TRUE(absl::IsNotFound(ReadUnpacked()));
  EXPECT_EQ(unpacked_calls_, 2);
  EXPECT_OK(Read());
}

TEST_F(NodeCacheSourceTest, ACacheOfAnEarlierReleaseIsAskedOnce) {
  Serve([](const nodecache::ReadRequest& request) { return Part(request); });
  EXPECT_TRUE(absl::IsNotFound(ReadUnpacked()));
  EXPECT_OK(Read());
  EXPECT_EQ(got_, kContent);
  EXPECT_TRUE(absl::IsNotFound(ReadUnpacked()));
}

TEST_F(NodeCacheSourceTest, AnUnpackedBlobThatGoesOnTheWay) {
  const std::string tar = Tar(5 << 20);
  Unpack([&](const nodecache::ReadRequest& request)
             -> absl::StatusOr<nodecache::ReadUnpackedResponse> {
    if (request.offset() >= 3 << 20) return absl::NotFoundError("removed");
    return PartOf(tar, request);
  });
  EXPECT_TRUE(absl::IsNotFound(ReadUnpacked()));
  EXPECT_TRUE(got_ == tar.substr(0, 3 << 20));
  EXPECT_OK(Read());  // the cache is not given up for it
}

TEST_F(NodeCacheSourceTest, UnpackedAnswersThatAreNone) {
  const std::string tar = Tar(3 << 20);
  const std::vector<std::function<void(nodecache::ReadUnpackedResponse*)>> lies = {
      [](auto* response) { response->clear_size(); },
      [](auto* response) {
        response->set_size(response->size() + 1 + response->data().size() % 3);
      },
      [](auto* response) { response->set_size(1000); },
      [](auto* response) { response->clear_data(); },
      [](auto* response) { response->mutable_data()->push_back('x'); }};
  for (const auto& lie : lies) {
    bool first = true;
    Unpack([&](const nodecache::ReadRequest& request) {
      nodecache::ReadUnpackedResponse response = PartOf(tar, request);
      // The second lie is another size in each answer.
      if (&lie != &lies[1] || !first) lie(&response);
      first = false;
      return response;
    });
    EXPECT_TRUE(absl::IsUnavailable(ReadUnpacked()));
    EXPECT_TRUE(absl::IsNotFound(Read()));  // given up
    source_.reset();
    thread_ = std::jthread();
  }
}

TEST_F(NodeCacheSourceTest, AnUnpackedAnswerIsReadInPlaceOrRefused) {
  std::string answer;
  host_.RegisterMethod("nacre.nodecache.NodeCache", "ReadUnpacked",
                       [&](const ttrpc::CallContext&, std::string_view) { return answer; });
  const std::string good(
      "\x08\x03\x12\x03"
      "abc",
      7);
  // As the cache writes it: numbers longer than they need to be.
  const std::string padded(
      "\x08\x83\x80\x00\x12\x83\x80\x80\x00"
      "abc",
      12);
  const std::string unknown = good + std::string("\x1a\x01z\x20\x05", 5);
  const std::vector<std::pair<std::string, bool>> cases = {
      {good, true},
      {padded, true},
      {unknown, true},
      {good.substr(0, 6), false},
      {std::string("\x08\x03\x12\xff\xff\xff\xff\x0f"
                   "abc",
                   11),
       false},
      {std::string("\x08\xff", 2), false},
      {std::string("\x12", 1), false},
      {good + "\x04", false},
      {"", false}};
  for (const auto& [bytes, is_good] : cases) {
    answer = bytes;
    Serve([](const nodecache::ReadRequest& request) { return Part(request); });
    const absl::Status status = ReadUnpacked();
    EXPECT_EQ(status.ok(), is_good) << status << " " << bytes.size();
    EXPECT_EQ(got_, is_good ? "abc" : "");
    source_.reset();
    thread_ = std::jthread();
  }
}

TEST(PaceTest, IsJudgedByWaitingAgainstWorking) {
  using std::chrono::milliseconds;
  Pace slow;
  slow.Add(Pace::kJudged - 1, milliseconds(100 * Pace::kPatience + 1), milliseconds(100));
  EXPECT_FALSE(slow.TooSlow()) << "too early to say";
  slow.Add(1, {}, {});
  EXPECT_TRUE(slow.TooSlow());
  Pace fast;
  fast.Add(Pace::kJudged, milliseconds(100 * Pace::kPatience), milliseconds(100));
  EXPECT_FALSE(fast.TooSlow());
  fast.Add(1, milliseconds(1), {});
  EXPECT_TRUE(fast.TooSlow());
}

}  // namespace
}  // namespace nacre::guest_agent
