// Every way into a real registry: plain and TLS; nobody, passwords and tokens; by tag, by digest
// and by both; a token that ends in the middle; and each of them refused when a part is missing.
#include <gmock/gmock.h>

#include <chrono>

#include "image-rs-cpp/testing/conformance.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "net/http_client.h"
#include "net/stand_in_proxy.h"

namespace nacre::image {
namespace {

using testing::Auth;
using testing::ConformanceTest;
using testing::Door;
using testing::EncryptionKey;
using testing::TarBuilder;
using testing::TestImage;

TestImage Hello() {
  TestImage image;
  image.AddLayer(TarBuilder().File("hello", "hello").Finish());
  return image.Seal();
}

class DoorTest : public ConformanceTest, public ::testing::WithParamInterface<Door> {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    if (!IsSkipped()) Open(GetParam());
  }
};

TEST_P(DoorTest, SkopeosImageIsPulledByTagByDigestAndByBoth) {
  ASSERT_OK(PushImage(Hello(), "ours"));
  // skopeo takes it from the registry and puts it back under another name: both directions work
  // for it as for us.
  std::vector<std::string> options = Words("src");
  ASSERT_OK(SkopeoPush("docker://" + Name("ours"), Name("1"), options));
  const auto by_tag = Pull(Name());
  EXPECT_EQ(FileOf(by_tag, "hello"), "hello");
  ASSERT_TRUE(by_tag.ok());
  const std::string digest = by_tag->reference_digest;
  const std::string repository = registry_->host() + "/team/app";
  EXPECT_EQ(FileOf(Pull(repository + "@" + digest), "hello"), "hello");
  EXPECT_EQ(FileOf(Pull(repository + ":1@" + digest), "hello"), "hello");
  // With a digest the tag decides nothing: as other engines, one that is not there is no error.
  EXPECT_EQ(FileOf(Pull(repository + ":gone@" + digest), "hello"), "hello");
  const std::string other = "sha256:" + std::string(64, '1');
  EXPECT_STATUS(Pull(repository + ":1@" + other), kNotFound, other);
  EXPECT_STATUS(Pull(Name("gone")), kNotFound, "team/app:gone");
}

TEST_P(DoorTest, WithoutTheKeyItStaysClosed) {
  ASSERT_OK(PushImage(Hello(), "1"));
  const RegistryOptions good = options_;
  if (GetParam().auth != Auth::kNone) {
    options_.credentials = Credentials();
    EXPECT_STATUS(Pull(Name()), kUnauthenticated, Name());
    options_.credentials = Login("user:wrong");
    EXPECT_STATUS(Pull(Name()), kUnauthenticated, "answers 401");
    options_ = good;
  }
  if (GetParam().auth == Auth::kToken) {
    options_.insecure_registries.pop_back();
    EXPECT_STATUS(Pull(Name()), kPermissionDenied, "plain http to " + tokens_->host());
    options_ = good;
  }
  if (GetParam().tls) {
    options_.extra_ca_pem = testing::TlsIdentity().root_pem();
    EXPECT_STATUS(Pull(Name()), kUnauthenticated, "TLS with " + registry_->host());
    options_ = good;
    options_.insecure_registries.push_back(registry_->host());
    EXPECT_FALSE(Pull(Name()).ok()) << "plain http at a TLS port";
  } else {
    options_.insecure_registries.erase(options_.insecure_registries.begin());
    EXPECT_FALSE(Pull(Name()).ok()) << "https at a plain port, and never http unasked";
  }
}

// Everything goes by way of a proxy but the hosts the owner excepts; the proxy of a TLS registry
// sees its name and no more.
TEST_P(DoorTest, ByWayOfAProxy) {
  ASSERT_OK(PushImage(Hello(), "1"));
  net::StandInProxy proxy;
  ProxyOptions& use = options_.proxy;
  (GetParam().tls ? use.https_proxy : use.http_proxy) = proxy.url();
  if (tokens_) use.no_proxy = tokens_->host();
  EXPECT_EQ(FileOf(Pull(Name()), "hello"), "hello");
  EXPECT_EQ(proxy.asked_for(), registry_->host());
  const int connections = proxy.connections();
  EXPECT_GE(connections, 1);
  use.no_proxy = "127.0.0.0/8";
  EXPECT_EQ(FileOf(Pull(Name()), "hello"), "hello");
  EXPECT_EQ(proxy.connections(), connections);
  use.no_proxy.clear();
  net::StandInProxy closed(403);
  use.http_proxy = use.https_proxy = closed.url();
  EXPECT_STATUS(Pull(Name()), kUnavailable, "it answers 403");
}

INSTANTIATE_TEST_SUITE_P(All, DoorTest,
                         ::testing::Values(Door{"PlainOpen"}, Door{"TlsOpen", true},
                                           Door{"PlainPassword", false, Auth::kPassword},
                                           Door{"TlsPassword", true, Auth::kPassword},
                                           Door{"PlainToken", false, Auth::kToken},
                                           Door{"TlsToken", true, Auth::kToken}),
                         [](const auto& door) { return std::string(door.param.name); });

// Gives a key when the registry no longer takes the token it took for the manifest.
class SlowKeys : public KeyResolver {
 public:
  SlowKeys(std::string url, std::function<std::string()> token)
      : url_(std::move(url)), token_(std::move(token)) {}
  absl::StatusOr<SecretBytes> GetKey(std::string_view) override {
    ASSIGN_OR_RETURN(auto client, net::HttpClient::Create({}));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    net::HttpRequest request;
    request.url = url_;
    request.headers = {{"Authorization", "Bearer " + token_()}};
    while (true) {
      ASSIGN_OR_RETURN(const net::HttpResponse answer, client->Send(request));
      if (answer.status == 401) break;
      if (std::chrono::steady_clock::now() > end) return absl::InternalError("does not expire");
    }
    return SecretBytes::CopyOf(EncryptionKey().kek);
  }

 private:
  const std::string url_;
  const std::function<std::string()> token_;
};

// docker-registry takes a token for a minute after its end, so the first one has ended almost so
// long ago when it is given.
TEST_F(ConformanceTest, ATokenThatEndsDuringThePullIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(Open({"token", false, Auth::kToken}));
  TestImage image;
  image.AddEncryptedLayer(TarBuilder().File("hello", "hello").Finish(), {}).Seal();
  ASSERT_OK(PushImage(image, "1"));
  const int before = tokens_->tokens();
  tokens_->life = [before](int number) { return number == before + 1 ? -58 : 60; };
  keys_ =
      std::make_unique<SlowKeys>(StrCat("http://", registry_->host(), "/v2/team/app/manifests/1"),
                                 [this] { return tokens_->last_token(); });
  EXPECT_EQ(FileOf(Pull(Name()), "hello"), "hello");
  EXPECT_EQ(tokens_->tokens(), before + 2);
}

}  // namespace
}  // namespace nacre::image
