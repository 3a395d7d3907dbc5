// What an owner configures, as the guest reads it: policy.json, registries.conf, auths, lookaside
// stores, proxies, key rings.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/backoff.h"
#include "image-rs-cpp/registry/credentials.h"
#include "image-rs-cpp/registry/proxy.h"
#include "image-rs-cpp/registry/registries_conf.h"
#include "image-rs-cpp/signature/keyring.h"
#include "image-rs-cpp/signature/lookaside.h"
#include "image-rs-cpp/signature/policy.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Key material by path is not read here.
class NoBroker : public KeyResolver {
  absl::StatusOr<SecretBytes> GetKey(std::string_view) override {
    return absl::NotFoundError("none");
  }
};

bool NamesAFile(std::string_view text) {
  return text.find("Path") != std::string_view::npos || text.find("\\u") != std::string_view::npos;
}

void Try(ByteView data) {
  const std::string_view text = AsText(data);
  const ImageReference image = *ParseImageReference("eu.q.io:5000/team/app:1");
  NoBroker broker;
  if (!NamesAFile(text)) {
    if (auto policy = ParseImagePolicy(text, Documents(&broker)); policy.ok()) {
      Require(policy->Find(image).requirements != nullptr);
    }
  }
  if (auto conf = RegistriesConf::Parse(text); conf.ok()) {
    if (auto places = conf->Endpoints(image); places.ok()) Require(!places->empty());
    (void)conf->Resolve("app");
  }
  if (auto auths = Credentials::Parse(SecretBytes::CopyOf(data)); auths.ok()) {
    (void)auths->Find("q.io", "team/app");
  }
  if (auto stores = Lookaside::Parse(text); stores.ok()) {
    const std::string url = stores->UrlFor(image, "sha256:abc");
    Require(url.empty() || net::ParseUrl(url + "1").ok());
  }
  const ProxyOptions proxy{"http://p:1", "http://p:1", std::string(text)};
  if (CheckProxyOptions(proxy).ok()) (void)ProxyFor(proxy, *net::ParseUrl("https://10.1.2.3/"));
  (void)ReadKeyring(data);
  (void)ParseRetryAfter(text, 0);
}

std::vector<std::string> Seeds() {
  return {R"({"default":[{"type":"reject"}],"transports":{"docker":{"q.io/team":[
            {"type":"sigstoreSigned","keyData":"AAAA","signedIdentity":{"type":"matchExact"}},
            {"type":"signedBy","keyType":"GPGKeys","keyData":"mDMEAA=="}]}}})",
          "unqualified-search-registries = ['q.io']\n[[registry]]\nprefix = '*.q.io'\n"
          "location = 'm:5000/x'\n[[registry.mirror]]\nlocation = 'n.io'\ninsecure = true\n",
          R"({"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}})",
          "[default-docker]\nlookaside = 'https://s'\n[docker.'q.io']\nsigstore = 'https://t'\n",
          "10.0.0.0/8,.q.io,[fd00::1]:5000,*",
          "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: 1\n\nmDMEAA==\n=AAAA\n"
          "-----END PGP PUBLIC KEY BLOCK-----\n",
          "Sun, 06 Nov 1994 08:49:37 GMT"};
}

NACRE_FUZZ_TARGET(ImagePolicy, Try, Seeds)

}  // namespace
}  // namespace nacre::image
