#include "runtime/node_cache/service.h"

#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "api/node_cache.pb.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/testing/compress.h"
#include "image-rs-cpp/testing/test_registry.h"
#include "net/stream.h"
#include "net/ttrpc/client.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {
namespace {

const std::string kContent(300'000, 'c');

nodecache::ReadRequest RequestFor(const std::string& registry, const std::string& content) {
  nodecache::ReadRequest request;
  request.set_registry(registry);
  request.set_repository("demo/app");
  request.set_digest(image::BlobDigest::OfSha256(AsBytes(content)).text());
  request.set_size(content.size());
  request.set_length(kMaxNodeCachePiece);
  return request;
}

// The whole of it on sockets: a registry, the cache, and a guest's client.
class NodeCacheServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(registry_, image::testing::TestRegistry::Start());
    registry_->PutBlob(image::BlobDigest::OfSha256(AsBytes(kContent)).text(), kContent);
    ASSERT_OK_AND_ASSIGN(folder_, TemporaryDirectory::Create("node-cache"));
    ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(folder_->path() + "/blobs", 1 << 20));
    image::RegistryOptions options;
    options.insecure_registries = {registry_->host()};
    ASSERT_OK_AND_ASSIGN(client_, image::RegistryClient::Create(options, image::Limits()));
    unpacker_.emplace(store_.get());
    fetches_.emplace(store_.get(), client_.get(), &*unpacker_);
    service_.emplace(NodeCacheParts{store_.get(), &*fetches_, &*unpacker_});
    ASSERT_OK_AND_ASSIGN(UniqueFd listener, net::ListenUnix(socket()));
    server_ = std::jthread(
        [this, fd = std::move(listener)]() mutable { EXPECT_OK(service_->Serve(std::move(fd))); });
  }
  void TearDown() override {
    if (service_) service_->Stop();
    server_ = std::jthread();
  }
  std::string socket() const { return folder_->path() + "/cache.sock"; }
  absl::StatusOr<std::unique_ptr<ttrpc::Client>> Guest(const std::string& image) {
    ASSIGN_OR_RETURN(UniqueFd connection, ConnectNodeCache(socket(), {"pod", image}));
    return ttrpc::Client::Create(std::move(connection));
  }
  static absl::StatusOr<std::string> Ask(ttrpc::Client& guest,
                                         const nodecache::ReadRequest& request) {
    ASSIGN_OR_RETURN(const std::string answer,
                     guest.Call("nacre.nodecache.NodeCache", "Read", request.SerializeAsString()));
    nodecache::ReadResponse response;
    if (!response.ParseFromString(answer)) return absl::InternalError("not a ReadResponse");
    return response.data();
  }

  static absl::StatusOr<nodecache::ReadUnpackedResponse> AskUnpacked(
      ttrpc::Client& guest, const nodecache::ReadRequest& request) {
    ASSIGN_OR_RETURN(
        const std::string answer,
        guest.Call("nacre.nodecache.NodeCache", "ReadUnpacked", request.SerializeAsString()));
    nodecache::ReadUnpackedResponse response;
    if (response.ParseFromString(answer)) return response;
    return absl::InternalError("not a ReadUnpackedResponse");
  }

  std::unique_ptr<image::testing::TestRegistry> registry_;
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<BlobStore> store_;
  std::unique_ptr<image::RegistryClient> client_;
  std::optional<Unpacker> unpacker_;
  std::optional<Fetches> fetches_;
  std::optional<NodeCacheService> service_;
  std::jthread server_;
};

TEST_F(NodeCacheServiceTest, TheSecondGuestCostsTheRegistryNothing) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->Reference("1")));
    std::string whole;
    while (whole.size() < kContent.size()) {
      auto request = RequestFor(registry_->host(), kContent);
      request.set_offset(whole.size());
      ASSERT_OK_AND_ASSIGN(const std::string piece, Ask(*guest, request));
      ASSERT_FALSE(piece.empty());
      whole += piece;
    }
    EXPECT_EQ(whole, kContent);
  }
  EXPECT_EQ(registry_->CountRequests("/blobs/"), 1u);
}

TEST_F(NodeCacheServiceTest, AnotherRepositoryThanTheAdmittedOne) {
  ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->host() + "/other/app:1"));
  EXPECT_TRUE(
      absl::IsPermissionDenied(Ask(*guest, RequestFor(registry_->host(), kContent)).status()));
  EXPECT_EQ(registry_->CountRequests("/blobs/"), 0u);
}

TEST_F(NodeCacheServiceTest, WhatTheRegistryLacksTheNodeLacks) {
  ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->Reference("1")));
  EXPECT_TRUE(absl::IsNotFound(Ask(*guest, RequestFor(registry_->host(), "absent")).status()));
}

TEST_F(NodeCacheServiceTest, RequestsOutOfBounds) {
  ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->Reference("1")));
  const auto refused = [&](auto change) {
    auto request = RequestFor(registry_->host(), kContent);
    change(request);
    return absl::IsInvalidArgument(Ask(*guest, request).status());
  };
  EXPECT_TRUE(refused([](auto& request) { request.set_length(0); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_length(kMaxNodeCachePiece + 1); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_offset(request.size()); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_size(0); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_size(kMaxNodeCacheBlob + 1); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_digest("sha256:../../etc/passwd"); }));
  EXPECT_TRUE(absl::IsInvalidArgument(
      guest->Call("nacre.nodecache.NodeCache", "Read", "\xff\xff").status()));
  EXPECT_OK(Ask(*guest, RequestFor(registry_->host(), kContent)).status());
}

// A guest that would have it unpacked gets it so the next time, and so do all others then.
TEST_F(NodeCacheServiceTest, AsksForUnpackedBlobs) {
  const std::string blob(AsText(image::testing::GzipOf(AsBytes(kContent))));
  registry_->PutBlob(image::BlobDigest::OfSha256(AsBytes(blob)).text(), blob);
  ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->Reference("1")));
  const auto request = RequestFor(registry_->host(), blob);
  EXPECT_TRUE(absl::IsNotFound(AskUnpacked(*guest, request).status()));
  EXPECT_OK(Ask(*guest, request).status());
  std::vector<std::jthread> pods;
  for (int i = 0; i < 4; ++i) {
    pods.emplace_back([&] {
      ASSERT_OK_AND_ASSIGN(const auto other, Guest(registry_->Reference("1")));
      auto answer = AskUnpacked(*other, request);
      while (absl::IsNotFound(answer.status())) answer = AskUnpacked(*other, request);
      ASSERT_OK(answer);
      EXPECT_EQ(answer->size(), kContent.size());
      EXPECT_EQ(answer->data(), kContent);
    });
  }
  pods.clear();
  EXPECT_EQ(registry_->CountRequests("/blobs/"), 1u);
  auto last = request;
  last.set_offset(kContent.size() - 1);
  ASSERT_OK_AND_ASSIGN(const auto tail, AskUnpacked(*guest, last));
  EXPECT_EQ(tail.data(), "c");
  last.set_offset(kContent.size());
  EXPECT_TRUE(absl::IsInvalidArgument(AskUnpacked(*guest, last).status()));
  last.set_offset(kMaxNodeCacheBlob);
  EXPECT_TRUE(absl::IsInvalidArgument(AskUnpacked(*guest, last).status()));
  last.set_repository("other/app");
  EXPECT_FALSE(AskUnpacked(*guest, last).ok());
}

TEST_F(NodeCacheServiceTest, UnpackedBlobsAreThoseOfTheAdmittedRepository) {
  const std::string blob(AsText(image::testing::GzipOf(AsBytes(kContent))));
  const BlobName name{registry_->host() + "/demo/app", image::BlobDigest::OfSha256(AsBytes(blob)),
                      blob.size()};
  ASSERT_OK_AND_ASSIGN(const auto incoming, store_->Begin(name));
  ASSERT_OK(incoming->Write(AsBytes(blob)));
  ASSERT_OK(incoming->Commit());
  ASSERT_OK(unpacker_->Unpack(name, {}));
  ASSERT_OK_AND_ASSIGN(const auto other, Guest(registry_->host() + "/other/app:1"));
  auto request = RequestFor(registry_->host(), blob);
  EXPECT_TRUE(absl::IsPermissionDenied(AskUnpacked(*other, request).status()));
  request.set_repository("other/app");
  EXPECT_TRUE(absl::IsNotFound(AskUnpacked(*other, request).status()));
}

TEST_F(NodeCacheServiceTest, ANodeThatKeepsNothingUnpackedSaysSo) {
  ASSERT_OK_AND_ASSIGN(const auto session,
                       GuestSession::Create({"pod", registry_->Reference("1")}, {store_.get()}));
  EXPECT_TRUE(absl::IsUnimplemented(
      session->ReadUnpacked(RequestFor(registry_->host(), kContent).SerializeAsString()).status()));
}

TEST_F(NodeCacheServiceTest, AConnectionWithoutAdmissionEnds) {
  ASSERT_OK_AND_ASSIGN(const UniqueFd raw, net::ConnectUnix(socket()));
  ASSERT_OK(WriteAll(raw.get(), AsBytes("GET / HTTP/1.1\n")));
  char byte;
  EXPECT_LE(::read(raw.get(), &byte, 1), 0);
  ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->Reference("1")));
  EXPECT_OK(Ask(*guest, RequestFor(registry_->host(), kContent)).status());
}

TEST_F(NodeCacheServiceTest, StopEndsTheGuests) {
  ASSERT_OK_AND_ASSIGN(const auto guest, Guest(registry_->Reference("1")));
  EXPECT_OK(Ask(*guest, RequestFor(registry_->host(), kContent)).status());
  service_->Stop();
  server_ = std::jthread();
  EXPECT_TRUE(absl::IsUnavailable(Ask(*guest, RequestFor(registry_->host(), kContent)).status()));
  service_.reset();
}

}  // namespace
}  // namespace nacre::runtime
