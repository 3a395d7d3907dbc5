// Registries that mean harm or do harm: they stall, cut, refuse, send elsewhere, and say one thing
// now and another later. Each pull ends as testing/refusal_scene.h says, or gives the image.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>

#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "image-rs-cpp/testing/refusal_scene.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "net/test_peers.h"

namespace nacre::image {
namespace {

using net::RawSocket;
using net::ScriptedServer;
using testing::TarBuilder;
using testing::TestImage;
using Answer = std::optional<net::HttpResponse>;
using enum absl::StatusCode;

Bytes Tar(const std::string& name) {
  return TarBuilder().File(name, std::string(50'000, 'x')).Finish();
}

net::HttpResponse Redirect(const std::string& to) {
  net::HttpResponse response = net::MakeResponse(307, "text/plain", "elsewhere");
  response.headers.emplace_back("Location", to);
  return response;
}

class BadRegistryTest : public ::testing::Test, public testing::RefusalScene {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: layers keep their owners";
    BadLayer(Tar("file"), Compression::kNone);
    limits.fetch_attempts = 2;
  }
  // Answers in the registry's stead what is asked for the bad layer.
  void AnswerLayer(std::function<Answer(const net::HttpServerRequest&)> answer) {
    registry->SetHook([=, this](const net::HttpServerRequest& request) -> Answer {
      return request.path.ends_with(layer) ? answer(request) : std::nullopt;
    });
  }
  // The layer is at a server that plays `script`.
  void LayerAt(const ScriptedServer& server) {
    registry_options.insecure_registries.push_back(StrCat("127.0.0.1:", server.port()));
    AnswerLayer([to = server.url("/layer")](const auto&) { return Redirect(to); });
  }
  std::string HalfAnAnswer() const {
    const std::string& blob = image.blobs.at(layer);
    return StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", blob.size(), "\r\n\r\n",
                  blob.substr(0, blob.size() / 2));
  }
  // An index under the tag that is pulled.
  std::string PutIndex(const std::string& under, const Json& entries) {
    const Json index = {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", entries}};
    registry->PutManifest(under, index.dump(), std::string(kOciIndex));
    return index.dump();
  }
  static Json Entry(const std::string& document, std::string_view type) {
    return {{"mediaType", type},
            {"digest", crypto::OciDigest(AsBytes(document))},
            {"size", document.size()},
            {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}};
  }
  size_t AskedForLayer() { return registry->CountRequests(layer); }
};

TEST_F(BadRegistryTest, StallsBeforeItAnswers) {
  const auto over = std::make_shared<std::latch>(1);
  AnswerLayer([over](const auto&) -> Answer {
    over->wait();
    return std::nullopt;
  });
  limits.fetch_attempts = 1;
  registry_options.idle_timeout_ms = 100;
  ExpectRefused({kDeadlineExceeded, {"no answer for 100 ms"}});
  over->count_down();
}

TEST_F(BadRegistryTest, StallsInTheMiddle) {
  ScriptedServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(HalfAnAnswer());
    socket.ReadToEnd();
  });
  LayerAt(server);
  // From the same place, without ranges, again and again: it makes no progress.
  registry_options.idle_timeout_ms = 100;
  ExpectRefused({kDeadlineExceeded, {"no answer for 100 ms"}});
  EXPECT_LE(server.connections(), 8);
}

TEST_F(BadRegistryTest, ResetsEveryConnection) {
  ScriptedServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Reset();
  });
  LayerAt(server);
  ExpectRefused({kUnavailable, {StrCat("127.0.0.1:", server.port())}});
  EXPECT_LE(server.connections(), 16);
}

TEST_F(BadRegistryTest, ResetsInTheMiddleForEver) {
  ScriptedServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(HalfAnAnswer());
    socket.Reset();
  });
  LayerAt(server);
  ExpectRefused({kUnavailable, {StrCat("127.0.0.1:", server.port())}});
}

TEST_F(BadRegistryTest, EndsInTheMiddle) {
  ScriptedServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(HalfAnAnswer());
  });
  LayerAt(server);
  ExpectRefused({kDataLoss, {"the answer ended early"}});
}

TEST_F(BadRegistryTest, AnswersGarbage) {
  ScriptedServer server([](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("\x1b]0;220 smtp ready\r\n\r\n");
  });
  LayerAt(server);
  ExpectRefused({kDataLoss, {"not an HTTP answer"}});
}

TEST_F(BadRegistryTest, HasNoLayer) {
  AnswerLayer([](const auto&) { return net::MakeResponse(404, "text/plain", "gone\r\nfor ever"); });
  ExpectRefused({kNotFound, {"answers 404", "gone"}});
  EXPECT_EQ(AskedForLayer(), 1u);
}

TEST_F(BadRegistryTest, IsBusyForEver) {
  AnswerLayer([](const auto&) {
    net::HttpResponse response = net::MakeResponse(429, "text/plain", "too many requests");
    response.headers.emplace_back("Retry-After", "86400");
    return response;
  });
  ExpectRefused({kUnavailable, {"answers 429: too many requests", "86400"}});
  EXPECT_LE(AskedForLayer(), 4u);
}

TEST_F(BadRegistryTest, FailsForEver) {
  AnswerLayer([](const auto&) { return net::MakeResponse(500, "text/plain", "out of order"); });
  ExpectRefused({kUnavailable, {"answers 500: out of order"}});
  EXPECT_EQ(AskedForLayer(), 4u) << "each of two attempts sends twice";
}

TEST_F(BadRegistryTest, FailsOnceAndRecovers) {
  std::atomic<int> failures = 1;
  AnswerLayer([&](const auto&) -> Answer {
    if (failures-- > 0) return net::MakeResponse(503, "text/plain", "busy");
    return net::MakeResponse(200, "x", "wrong");
  });
  ExpectRefused({kDataLoss, {"got 5 bytes"}});
}

// It hands out tokens and takes none of them.
TEST_F(BadRegistryTest, ExpiresEveryTokenAtOnce) {
  std::atomic<int> tokens = 0;
  registry->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (request.path == "/token") {
      return net::MakeResponse(200, "application/json", StrCat("{\"token\": \"T", ++tokens, "\"}"));
    }
    if (!request.path.ends_with(layer)) return std::nullopt;
    net::HttpResponse response = net::MakeResponse(401, "text/plain", "expired");
    response.headers.emplace_back("WWW-Authenticate",
                                  StrCat("Bearer realm=\"http://", registry->host(), "/token\""));
    return response;
  });
  ExpectRefused({kUnauthenticated, {"answers 401: expired"}});
  EXPECT_EQ(tokens, 1);
}

TEST_F(BadRegistryTest, RedirectsInCircles) {
  AnswerLayer([](const net::HttpServerRequest& request) { return Redirect(request.path); });
  ExpectRefused({kResourceExhausted, {"more than 5 redirects"}});
  EXPECT_EQ(AskedForLayer(), 6u);
}

TEST_F(BadRegistryTest, RedirectsToPlainHttpElsewhere) {
  AnswerLayer([](const auto&) { return Redirect("http://169.254.169.254/latest/meta-data"); });
  ExpectRefused({kPermissionDenied, {"plain http to 169.254.169.254:80 is not allowed"}});
}

TEST_F(BadRegistryTest, RedirectsToAFile) {
  AnswerLayer([](const auto&) { return Redirect("file:///etc/passwd"); });
  ExpectRefused({kInvalidArgument, {"redirect"}});
}

// We never ask with HEAD. What a registry could swap is what it sends after what it has announced.
TEST_F(BadRegistryTest, SwapsTheManifestItAnnounced) {
  registry->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (!request.path.ends_with("/manifests/bad")) return std::nullopt;
    net::HttpResponse response =
        net::MakeResponse(200, kOciManifest, image.blobs.at(image.manifest_digest));
    response.headers.emplace_back("Docker-Content-Digest", "sha256:" + std::string(64, '7'));
    return response;
  });
  layer.clear();
  ExpectRefused(
      {kDataLoss, {"manifest", "not what the registry says it sends", "expected sha256:7777"}});
}

// A tag that leads elsewhere each time it is asked for is asked for once in a pull: what the policy
// has seen is what runs.
TEST_F(BadRegistryTest, SwapsTheManifestBetweenRequests) {
  TestImage other;
  other.AddLayer(Tar("other")).Seal();
  registry->Push(other, "other");
  std::atomic<int> asked = 0;
  std::atomic<int> heads = 0;
  registry->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    heads += request.method == "HEAD";
    if (!request.path.ends_with("/manifests/bad") || asked++ == 0) return std::nullopt;
    return net::MakeResponse(200, kOciManifest, other.blobs.at(other.manifest_digest));
  });
  image.config["os"] = "plan9";
  layer.clear();
  ExpectRefused({kInvalidArgument, {"is for plan9/amd64"}});
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(heads, 0);
}

TEST_F(BadRegistryTest, SwapsTheManifestOfAnIndex) {
  image.Seal();
  const std::string text = image.blobs.at(image.manifest_digest);
  PutIndex("index", Json::array({Entry(text, kOciManifest)}));
  registry->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (!request.path.ends_with(image.manifest_digest)) return std::nullopt;
    std::string other = text;
    other[other.size() / 2] ^= 1;
    return net::MakeResponse(200, kOciManifest, other);
  });
  tag = "index";
  layer.clear();
  ExpectRefused({kDataLoss, {"manifest", image.manifest_digest, "digest is sha256:"}});
}

TEST_F(BadRegistryTest, LeadsAnIndexBackToItself) {
  // What names itself by a digest cannot have that digest.
  const std::string itself = "sha256:" + std::string(64, '8');
  Json entry = Entry("x", kOciIndex);
  entry["digest"] = itself;
  PutIndex("index", Json::array({entry}));
  const std::string text = PutIndex(itself, Json::array({entry}));
  entry["size"] = text.size();
  PutIndex("index", Json::array({entry}));
  tag = "index";
  layer.clear();
  ExpectRefused({kDataLoss, {itself, "digest is sha256:"}});
}

TEST_F(BadRegistryTest, NamesOneIndexTwice) {
  Json other = Entry("x", kOciManifest);
  other["platform"]["architecture"] = "arm64";
  const std::string nested = PutIndex("nested", Json::array({other}));
  PutIndex("index", Json::array({Entry(nested, kOciIndex), Entry(nested, kOciIndex)}));
  tag = "index";
  layer.clear();
  ExpectRefused({kInvalidArgument, {"index: leads back to itself"}});
}

TEST_F(BadRegistryTest, PutsIndexesInOneAnother) {
  image.Seal();
  std::string document = image.blobs.at(image.manifest_digest);
  std::string_view type = kOciManifest;
  for (int depth = 0; depth < 6; ++depth) {
    document = PutIndex("index", Json::array({Entry(document, type)}));
    type = kOciIndex;
  }
  tag = "index";
  layer.clear();
  ExpectRefused({kResourceExhausted, {"more than 4 indexes in one another"}});
}

TEST_F(BadRegistryTest, NamesThousandsOfPlatforms) {
  PutIndex("index", Json(10'000, Entry("x", kOciManifest)));
  tag = "index";
  layer.clear();
  ExpectRefused({kResourceExhausted, {"index: 10000 entries, allowed are 256"}});
}

TEST_F(BadRegistryTest, HasNothingForThisMachine) {
  Json entry = Entry("x", kOciManifest);
  entry["platform"] = {{"os", "linux"}, {"architecture", "arm"}, {"variant", "v7"}};
  PutIndex("index", Json::array({entry}));
  tag = "index";
  layer.clear();
  ExpectRefused({kNotFound, {"no image for linux/amd64", "it offers linux/arm/v7"}});
}

TEST_F(BadRegistryTest, AnswersALoginPage) {
  registry->SetHook([](const net::HttpServerRequest& request) -> Answer {
    if (!request.path.ends_with("/manifests/bad")) return std::nullopt;
    return net::MakeResponse(200, "text/html", "<html>Welcome to the airport</html>");
  });
  layer.clear();
  ExpectRefused({kInvalidArgument, {"manifest"}});
}

}  // namespace
}  // namespace nacre::image
