// Uploads to a registry that does what a registry may do, and what one must not.
#include "image-rs-cpp/registry/blob_upload.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/testing/test_registry.h"
#include "net/url.h"

namespace nacre::image {
namespace {

using testing::TestRegistry;
using Answer = std::optional<net::HttpResponse>;

constexpr size_t kPiece = BlobUpload::kPiece;

// Keeps one upload; its URL changes with every answer.
class UploadTest : public ::testing::Test {
 protected:
  UploadTest() {
    net::HttpServerOptions options;
    options.max_body = 64 << 20;
    registry_ = *TestRegistry::Start(std::move(options));
    registry_->SetHook([this](const net::HttpServerRequest& request) { return Serve(request); });
    reference_ = *ParseImageReference(registry_->Reference("1"));
    client_options_.insecure_registries = {registry_->host()};
    client_options_.sleep = [](uint32_t) {};
    client_ = *RegistryClient::Create(client_options_, {});
  }

  net::HttpResponse Reply(int status) {
    net::HttpResponse response = net::MakeResponse(status, "text/plain", "");
    response.headers = {{"Location", StrCat("/upload/", ++turn_)},
                        {"Range", StrCat("0-", stored_.empty() ? 0 : stored_.size() - 1)}};
    if (!least_.empty()) response.headers.emplace_back("OCI-Chunk-Min-Length", least_);
    return response;
  }

  Answer Serve(const net::HttpServerRequest& request) {
    const bool at_home = request.path == StrCat("/upload/", turn_);
    ++asked_[request.method];
    if (request.method == "POST") return Reply(202);
    if (request.method == "DELETE") return net::MakeResponse(204, "text/plain", "");
    if (!at_home) return net::MakeResponse(404, "text/plain", "unknown upload");
    if (request.method == "GET") return lost_ ? net::MakeResponse(404, "x", "") : Reply(204);
    if (request.method == "PATCH") {
      if (!request.Header("Content-Range").starts_with(StrCat(stored_.size(), "-"))) {
        return net::MakeResponse(416, "text/plain", "another place");
      }
      if (fault_) {
        if (Answer answer = fault_(request, asked_["PATCH"])) return answer;
      }
      stored_ += request.body;
      return Reply(202);
    }
    stored_ += request.body;
    const std::string digest = crypto::OciDigest(AsBytes(stored_));
    return net::MakeResponse(request.query == "digest=" + net::PercentEncode(digest) ? 201 : 400,
                             "text/plain", "");
  }

  // In writes of an odd size.
  absl::StatusOr<Descriptor> Upload(const std::string& blob) {
    return client_->AddBlob(reference_, [&](RegistryClient::Sink write) {
      for (size_t at = 0; at < blob.size(); at += 777'777) {
        RETURN_IF_ERROR(
            write(AsBytes(blob).subspan(at, std::min<size_t>(777'777, blob.size() - at))));
      }
      return absl::OkStatus();
    });
  }
  static std::string Blob(size_t size) {
    std::string out(size, '\0');
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 4096);
    return out;
  }
  void ExpectStored(const std::string& blob) {
    auto added = Upload(blob);
    ASSERT_OK(added);
    EXPECT_EQ(added->digest.text(), crypto::OciDigest(AsBytes(blob)));
    EXPECT_EQ(added->size, blob.size());
    EXPECT_TRUE(stored_ == blob);
  }

  std::unique_ptr<TestRegistry> registry_;
  RegistryOptions client_options_;
  std::unique_ptr<RegistryClient> client_;
  ImageReference reference_;
  std::string stored_, least_;
  int turn_ = 0;
  bool lost_ = false;
  std::map<std::string, int> asked_;
  std::function<Answer(const net::HttpServerRequest&, int)> fault_;  // of the n-th PATCH
};

TEST_F(UploadTest, OnePieceGoesInOneRequest) {
  for (size_t size : {size_t{0}, size_t{1}, kPiece - 1, kPiece}) {
    stored_.clear();
    ExpectStored(Blob(size));
    EXPECT_EQ(asked_["PATCH"], 0) << size;
  }
  EXPECT_EQ(asked_["PUT"], 4);
}

TEST_F(UploadTest, MoreGoesInPieces) {
  int patches = 0;
  for (size_t size : {kPiece + 1, 2 * kPiece, 2 * kPiece + 5}) {
    stored_.clear();
    asked_.clear();
    ExpectStored(Blob(size));
    patches += asked_["PATCH"];
  }
  EXPECT_EQ(patches, 2 + 2 + 3);
  EXPECT_EQ(asked_["DELETE"], 0);
}

TEST_F(UploadTest, GoesOnWhereItBroke) {
  fault_ = [this](const net::HttpServerRequest& request, int number) -> Answer {
    if (number == 2) stored_ += request.body.substr(0, 100'000);
    if (number == 4) stored_ += request.body;  // all of it, and no answer
    if (number % 2 == 0) return net::MakeResponse(503, "text/plain", "busy");
    return std::nullopt;
  };
  ExpectStored(Blob(2 * kPiece + 5));
  EXPECT_GE(asked_["GET"], 2);
}

TEST_F(UploadTest, TakesLessThanAWholePieceForAnAnswer) {
  fault_ = [this](const net::HttpServerRequest& request, int number) -> Answer {
    if (number > 1) return std::nullopt;
    stored_ += request.body.substr(0, 100'000);
    return Reply(202);
  };
  ExpectStored(Blob(2 * kPiece));
}

TEST_F(UploadTest, GivesUpWithoutProgress) {
  fault_ = [](const auto&, int) { return net::MakeResponse(503, "text/plain", "busy"); };
  EXPECT_STATUS(Upload(Blob(2 * kPiece)), kUnavailable, "answers 503: busy");
  EXPECT_EQ(asked_["PATCH"], 3 * 3);
  EXPECT_EQ(asked_["DELETE"], 3);
  EXPECT_EQ(asked_["PUT"], 0);
}

TEST_F(UploadTest, BeginsAgainWhenTheRegistryHasLostIt) {
  fault_ = [this](const auto&, int number) -> Answer {
    lost_ = number == 2;
    if (number == 2) stored_.clear();
    if (number == 2) return net::MakeResponse(503, "text/plain", "busy");
    return std::nullopt;
  };
  ExpectStored(Blob(2 * kPiece + 1));
  EXPECT_EQ(asked_["POST"], 2);
  stored_.clear();
  fault_ = [this](const auto&, int) {
    lost_ = true;
    return net::MakeResponse(503, "text/plain", "busy");
  };
  EXPECT_STATUS(Upload(Blob(2 * kPiece)), kDataLoss, "has lost the upload");
  EXPECT_EQ(asked_["POST"], 2 + 3);
}

TEST_F(UploadTest, AnAnswerThatWasLostIsNoLoss) {
  int puts = 0;
  registry_->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (request.method == "HEAD") return net::MakeResponse(puts > 0 ? 200 : 404, "x", "");
    if (request.method != "PUT") return Serve(request);
    if (puts++ > 0) return net::MakeResponse(404, "text/plain", "unknown upload");
    (void)Serve(request);
    return net::MakeResponse(503, "text/plain", "busy");
  });
  ExpectStored(Blob(5));
  EXPECT_EQ(puts, 2);
}

TEST_F(UploadTest, BelievesNoRegistryThatHasMoreThanItGot) {
  for (const char* range : {"0-99999999", "0-", "5-9", "0--1", "0-18446744073709551615"}) {
    fault_ = [&](const auto&, int) {
      net::HttpResponse response = Reply(202);
      response.headers[1].second = range;
      return response;
    };
    EXPECT_STATUS(Upload(Blob(2 * kPiece)), kInternal, "the registry says it has") << range;
  }
}

TEST_F(UploadTest, GivesUpWhenTheRegistryThanksAndTakesNothing) {
  fault_ = [this](const auto&, int) { return Reply(202); };
  EXPECT_STATUS(Upload(Blob(2 * kPiece)), kUnavailable, "takes no bytes of the upload");
  EXPECT_EQ(asked_["PATCH"], 3 * 3);
}

TEST_F(UploadTest, PiecesAreAsLongAsTheRegistryWants) {
  least_ = std::to_string(kPiece + 4096);
  ExpectStored(Blob(2 * kPiece + 4096));
  EXPECT_EQ(asked_["PATCH"], 2);
  least_ = "100000000000";
  EXPECT_STATUS(Upload("x"), kUnimplemented, "pieces of '100000000000' bytes");
}

TEST_F(UploadTest, WhatTheProducerSaysIsPassedOn) {
  const auto status = client_->AddBlob(reference_, [](RegistryClient::Sink write) {
    RETURN_IF_ERROR(write(AsBytes("some")));
    return absl::DataLossError("the source broke");
  });
  EXPECT_EQ(status.status(), absl::DataLossError("the source broke"));
  EXPECT_EQ(asked_["DELETE"], 1);
  EXPECT_EQ(asked_["PUT"], 0);
}

TEST_F(UploadTest, AWrongAnswerNamesTheRepository) {
  registry_->SetHook([](const auto&) { return net::MakeResponse(202, "text/plain", ""); });
  EXPECT_STATUS(Upload("x"), kDataLoss, "pushing a blob of " + registry_->host() + "/demo/app");
}

TEST_F(UploadTest, BlobsThatAreThereAreFound) {
  const BlobDigest here = BlobDigest::OfSha256(AsBytes("here"));
  const BlobDigest there = BlobDigest::OfSha256(AsBytes("there"));
  std::vector<std::string> mounts;
  registry_->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (request.method == "HEAD") {
      return net::MakeResponse(request.path.ends_with(here.text()) ? 200 : 404, "text/plain", "");
    }
    mounts.push_back(request.query);
    return net::MakeResponse(request.query.ends_with("from=team%2Fother") ? 201 : 202, "x", "");
  });
  EXPECT_TRUE(client_->HasBlob(reference_, here));
  EXPECT_FALSE(client_->HasBlob(reference_, there));
  EXPECT_FALSE(client_->HasBlob(reference_, there, "elsewhere.example/team/other"));
  EXPECT_FALSE(client_->HasBlob(reference_, there, registry_->host() + "/demo/app"));
  EXPECT_TRUE(mounts.empty());
  EXPECT_TRUE(client_->HasBlob(reference_, there, registry_->host() + "/team/other"));
  EXPECT_FALSE(client_->HasBlob(reference_, there, registry_->host() + "/team/third"));
  EXPECT_EQ(mounts.at(0), StrCat("mount=", net::PercentEncode(there.text()), "&from=team%2Fother"));
}

}  // namespace
}  // namespace nacre::image
