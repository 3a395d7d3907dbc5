// What happens between asking a registry and getting an answer: passwords, ranges, busy servers,
// mirrors, proxies, uploads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using testing::TestImage;
using testing::TestRegistry;
using Answer = std::optional<net::HttpResponse>;

class RegistryFlowsTest : public ::testing::Test {
 protected:
  RegistryFlowsTest() : registry_(*TestRegistry::Start()) {
    image_.AddLayer(AsBytes("0123456789"), Compression::kNone).Seal();
    registry_->Push(image_, "1");
    reference_ = *ParseImageReference(registry_->Reference("1"));
    options_.insecure_registries = {registry_->host()};
    options_.sleep = [this](uint32_t ms) { delays_.push_back(ms); };
  }

  RegistryClient& Client() {
    auto client = RegistryClient::Create(options_, limits_);
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    return *client_;
  }
  Descriptor Layer() { return ParseManifest(image_.manifest.dump(), limits_)->layers[0]; }
  absl::Status Manifest() { return Client().GetManifest(reference_, "1").status(); }
  absl::StatusOr<std::string> ReadFrom(uint64_t offset) {
    std::string text;
    RETURN_IF_ERROR(Client().Read(reference_, Layer(), offset, [&](ByteView data) {
      text += AsText(data);
      return absl::OkStatus();
    }));
    return text;
  }
  void SetLogin(const std::string& login) {
    const std::string json = StrCat("{\"auths\": {\"", registry_->host(), "/demo\": {\"auth\": \"",
                                    Base64Encode(AsBytes(login)), "\"}}}");
    options_.credentials = *Credentials::Parse(SecretBytes::CopyOf(AsBytes(json)));
  }
  void SetConf(const std::string& toml) {
    auto conf = RegistriesConf::Parse(toml);
    ASSERT_TRUE(conf.ok()) << conf.status();
    options_.registries = *std::move(conf);
  }
  static net::HttpResponse Challenge(const std::string& text) {
    net::HttpResponse response = net::MakeResponse(401, "text/plain", "");
    response.headers.emplace_back("WWW-Authenticate", text);
    return response;
  }

  std::unique_ptr<TestRegistry> registry_;
  TestImage image_;
  Limits limits_;
  RegistryOptions options_;
  ImageReference reference_;
  std::vector<uint32_t> delays_;
  std::unique_ptr<RegistryClient> client_;
};

TEST_F(RegistryFlowsTest, BasicPasswords) {
  const std::string wanted = "Basic " + Base64Encode(AsBytes("user:pass"));
  registry_->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (request.Header("Authorization") == wanted) return std::nullopt;
    return Challenge("Basic realm=\"r\"");
  });
  EXPECT_STATUS(Manifest(), kUnauthenticated, "'Basic' credentials");
  SetLogin("user:wrong");
  EXPECT_STATUS(Manifest(), kUnauthenticated, "answers 401");
  SetLogin("user:pass");
  ASSERT_OK(Manifest());
  const size_t before = registry_->requests().size();
  ASSERT_OK(client_->GetManifest(reference_, "1").status());
  EXPECT_EQ(registry_->requests().size(), before + 1) << "the password is offered at once";
}

TEST_F(RegistryFlowsTest, TokensForAPassword) {
  std::string offered;
  registry_->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    if (request.path == "/token") {
      offered = request.Header("Authorization");
      return net::MakeResponse(200, "application/json", R"({"token":"T","expires_in":0})");
    }
    if (request.Header("Authorization") == "Bearer T") return std::nullopt;
    return Challenge(StrCat("Bearer realm=\"http://", registry_->host(), "/token\""));
  });
  SetLogin("user:pass");
  ASSERT_OK(Manifest());
  EXPECT_EQ(offered, "Basic " + Base64Encode(AsBytes("user:pass")));
  // A token without a life is asked for each time.
  ASSERT_OK(client_->GetManifest(reference_, "1").status());
  EXPECT_EQ(registry_->CountRequests("/token"), 2u);
}

TEST_F(RegistryFlowsTest, ABlobStoresChallengeIsNotAnswered) {
  auto store = *TestRegistry::Start();
  std::vector<std::string> seen;
  store->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    seen.emplace_back(request.Header("Authorization"));
    return Challenge("Basic realm=\"give me\"");
  });
  registry_->SetHook([&](const net::HttpServerRequest&) -> Answer {
    net::HttpResponse response = net::MakeResponse(307, "text/plain", "");
    response.headers.emplace_back("Location", StrCat("http://", store->host(), "/x"));
    return response;
  });
  options_.insecure_registries.push_back(store->host());
  SetLogin("user:pass");
  EXPECT_STATUS(ReadFrom(0), kUnauthenticated, "answers 401");
  EXPECT_EQ(seen, std::vector<std::string>{""});
}

TEST_F(RegistryFlowsTest, RangesAndServersWithoutThem) {
  EXPECT_EQ(*ReadFrom(0), "0123456789");
  for (bool ranges : {true, false}) {
    registry_->SetRanges(ranges);
    EXPECT_EQ(*ReadFrom(1), "123456789");
    EXPECT_EQ(*ReadFrom(9), "9");
    const size_t before = registry_->requests().size();
    EXPECT_EQ(*ReadFrom(10), "");
    EXPECT_EQ(registry_->requests().size(), before);
  }
}

TEST_F(RegistryFlowsTest, AnotherRangeIsRefused) {
  registry_->SetHook([&](const net::HttpServerRequest&) -> Answer {
    net::HttpResponse response = net::MakeResponse(206, "x", "56789");
    response.headers.emplace_back("Content-Range", "bytes 5-9/10");
    return response;
  });
  EXPECT_EQ(*ReadFrom(5), "56789");
  EXPECT_STATUS(ReadFrom(4), kDataLoss, "another range");
  EXPECT_FALSE(ReadFrom(0).ok()) << "a part where the whole was asked for";
}

TEST_F(RegistryFlowsTest, BusyServersAreAskedAgain) {
  int left = 2;
  registry_->SetHook([&](const net::HttpServerRequest&) -> Answer {
    if (left-- <= 0) return std::nullopt;
    return net::MakeResponse(left == 0 ? 429 : 503, "text/plain", "busy");
  });
  EXPECT_OK(Manifest());
  ASSERT_EQ(delays_.size(), 2u);
  EXPECT_GE(delays_[0], 100u);
  EXPECT_LE(delays_[0], 200u);
  EXPECT_GE(delays_[1], 200u);
  EXPECT_LE(delays_[1], 400u);
  left = 3;
  EXPECT_STATUS(Manifest(), kUnavailable, "answers 429: busy");
}

TEST_F(RegistryFlowsTest, RetryAfterIsObeyedWithinBounds) {
  std::string wait = "7";
  bool busy = true;
  registry_->SetHook([&](const net::HttpServerRequest&) -> Answer {
    if (!std::exchange(busy, false)) return std::nullopt;
    net::HttpResponse response = net::MakeResponse(429, "text/plain", "busy");
    response.headers.emplace_back("Retry-After", wait);
    return response;
  });
  EXPECT_OK(Manifest());
  EXPECT_EQ(delays_, std::vector<uint32_t>{7000});
  busy = true;
  wait = "31";
  EXPECT_STATUS(Manifest(), kUnavailable, "(asks to wait: 31)");
  EXPECT_EQ(delays_.size(), 1u);
}

TEST_F(RegistryFlowsTest, ATakersErrorIsFinal) {
  int calls = 0;
  const absl::Status status = Client().Read(reference_, Layer(), 0, [&](ByteView) {
    ++calls;
    return absl::UnavailableError("mine");
  });
  EXPECT_STATUS(status, kUnavailable, "mine");
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(delays_.empty());
}

TEST_F(RegistryFlowsTest, AManifestThatChangesWhileItIsReadIsRefused) {
  std::string stated = "sha256:" + std::string(64, '0');
  registry_->SetHook([&](const net::HttpServerRequest&) -> Answer {
    net::HttpResponse response =
        net::MakeResponse(200, std::string(kOciManifest), image_.manifest.dump());
    response.headers.emplace_back("Docker-Content-Digest", stated);
    return response;
  });
  EXPECT_STATUS(Manifest(), kDataLoss, "not what the registry says it sends");
  stated = image_.manifest_digest;
  EXPECT_OK(Manifest());
  stated = "md5:0";
  EXPECT_STATUS(Manifest(), kInvalidArgument, "Docker-Content-Digest");
}

TEST_F(RegistryFlowsTest, MirrorsAreAskedFirstAndMayFail) {
  auto mirror = *TestRegistry::Start();
  SetConf(StrCat("[[registry]]\nlocation = \"", registry_->host(),
                 "\"\n[[registry.mirror]]\nlocation = \"", mirror->host(),
                 "/copies\"\ninsecure = true\n"));
  ASSERT_OK(Manifest());
  EXPECT_EQ(mirror->requests(), std::vector<std::string>{"/v2/copies/demo/app/manifests/1"});
  mirror->Push(image_, "1");
  const size_t before = registry_->requests().size();
  EXPECT_OK(Manifest());
  EXPECT_EQ(*ReadFrom(3), "3456789");
  EXPECT_EQ(registry_->requests().size(), before);
  registry_->SetHook([](const auto&) { return net::MakeResponse(403, "text/plain", "no"); });
  mirror->SetHook([](const auto&) { return net::MakeResponse(404, "text/plain", "none"); });
  EXPECT_STATUS(Manifest(), kPermissionDenied, StrCat("mirror ", mirror->host(), ": "));
}

TEST_F(RegistryFlowsTest, ReferrersAreUnderATagWhereThereAreNone) {
  for (int status : {404, 400, 405}) {
    registry_->SetHook([=](const net::HttpServerRequest& request) -> Answer {
      if (request.path.find("/referrers/") == std::string::npos) return std::nullopt;
      return net::MakeResponse(status, "text/plain", "");
    });
    EXPECT_STATUS(Client().GetReferrers(reference_, "sha256:aa"), kNotFound, "sha256-aa");
  }
  registry_->PutManifest("sha256-aa", "{}", "x");
  EXPECT_EQ(*client_->GetReferrers(reference_, "sha256:aa"), "{}");
  registry_->SetHook([](const auto&) { return net::MakeResponse(403, "text/plain", ""); });
  EXPECT_STATUS(Client().GetReferrers(reference_, "sha256:aa"), kPermissionDenied, "referrers");
}

TEST_F(RegistryFlowsTest, BlockedRegistriesAreNotAsked) {
  SetConf(StrCat("[[registry]]\nlocation = \"", registry_->host(), "\"\nblocked = true\n"));
  EXPECT_STATUS(Manifest(), kPermissionDenied, "is blocked by the owner");
  EXPECT_TRUE(registry_->requests().empty());
}

TEST_F(RegistryFlowsTest, ProxiesAreUsedUnlessTheHostIsExcepted) {
  options_.proxy.http_proxy = "http://127.0.0.1:1";
  EXPECT_STATUS(Manifest(), kUnavailable, "127.0.0.1:1");
  EXPECT_TRUE(registry_->requests().empty());
  options_.proxy.no_proxy = "127.0.0.0/8";
  EXPECT_OK(Manifest());
}

TEST_F(RegistryFlowsTest, RootsThatAreNoneAreRefused) {
  options_.extra_ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_FALSE(RegistryClient::Create(options_, limits_).ok());
}

TEST_F(RegistryFlowsTest, UploadsGoWhereTheRegistrySays) {
  std::vector<std::string> done;
  registry_->SetHook([&](const net::HttpServerRequest& request) -> Answer {
    done.push_back(StrCat(request.method, " ", request.path, " ", request.query));
    if (request.method == "POST") {
      net::HttpResponse response = net::MakeResponse(202, "text/plain", "");
      response.headers.emplace_back("Location", "/upload/7?state=x");
      return response;
    }
    return net::MakeResponse(201, "text/plain", "");
  });
  ASSERT_OK(Client().Push(reference_, {"b"}, "{}", "tag"));
  const std::string digest = crypto::OciDigest(AsBytes("b"));
  EXPECT_EQ(done, (std::vector<std::string>{
                      "POST /v2/demo/app/blobs/uploads/ ",
                      StrCat("PUT /upload/7 state=x&digest=", net::PercentEncode(digest)),
                      "PUT /v2/demo/app/manifests/tag "}));
  registry_->SetHook([](const auto&) { return net::MakeResponse(403, "text/plain", "no"); });
  EXPECT_STATUS(Client().Push(reference_, {"b"}, "{}", "tag"), kPermissionDenied, "pushing");
}

}  // namespace
}  // namespace nacre::image
