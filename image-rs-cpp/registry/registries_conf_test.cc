#include "image-rs-cpp/registry/registries_conf.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr const char* kConf = R"(
unqualified-search-registries = ["q.io", "docker.io"]
[[registry]]
prefix = "q.io/team"
location = "mirror.local:5000/t"
[[registry.mirror]]
location = "cache.local:5001/a/b"
insecure = true
[[registry.mirror]]
location = "q.io/copy"
[[registry]]
location = "q.io"
[[registry]]
prefix = "*.corp.example"
location = "gate.example"
[[registry]]
prefix = "*.dev.corp.example"
blocked = true
[[registry]]
location = "plain.local"
insecure = true
)";

RegistriesConf Conf() {
  auto conf = RegistriesConf::Parse(kConf);
  EXPECT_TRUE(conf.ok()) << conf.status();
  return *std::move(conf);
}

std::string Places(const RegistriesConf& conf, const std::string& reference) {
  auto places = conf.Endpoints(*ParseImageReference(reference));
  if (!places.ok()) return std::string(Message(places.status()));
  std::string out;
  for (const Endpoint& place : *places) {
    StrAppend(&out, out.empty() ? "" : " ", place.insecure ? "http:" : "", place.registry, "/",
              place.repository);
  }
  return out;
}

TEST(RegistriesConf, MirrorsThenTheLocation) {
  const RegistriesConf conf = Conf();
  EXPECT_EQ(Places(conf, "q.io/team/x/y:1"),
            "http:cache.local:5001/a/b/x/y q.io/copy/x/y mirror.local:5000/t/x/y");
  EXPECT_EQ(Places(conf, "q.io/teams/x"), "q.io/teams/x");
  EXPECT_EQ(Places(conf, "r.io/team/x"), "r.io/team/x");
  EXPECT_EQ(Places(conf, "busybox"), "registry-1.docker.io/library/busybox");
  EXPECT_EQ(Places(conf, "plain.local/x"), "http:plain.local/x");
}

TEST(RegistriesConf, WholeDomains) {
  const RegistriesConf conf = Conf();
  EXPECT_EQ(Places(conf, "eu.corp.example/x"), "gate.example/x");
  EXPECT_EQ(Places(conf, "eu.corp.example:5000/x"), "gate.example/x");
  EXPECT_EQ(Places(conf, "corp.example/x"), "corp.example/x");
  EXPECT_EQ(Places(conf, "a.dev.corp.example/x"),
            "registries.conf: '*.dev.corp.example' is blocked by the owner");
}

TEST(RegistriesConf, ShortNamesAreSearched) {
  auto found = Conf().Resolve("team/x:2");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].ToString(), "q.io/team/x:2");
  EXPECT_EQ((*found)[1].ToString(), "docker.io/team/x:2");
  found = Conf().Resolve("r.io/team/x");
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].ToString(), "r.io/team/x:latest");
  found = RegistriesConf().Resolve("x");
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].ToString(), "docker.io/library/x:latest");
  EXPECT_FALSE(Conf().Resolve("X").ok());
}

TEST(RegistriesConf, RemembersPlainHosts) {
  EXPECT_EQ(Conf().insecure_hosts(), (std::vector<std::string>{"cache.local:5001", "plain.local"}));
}

TEST(RegistriesConf, RefusesWhatItDoesNotKnow) {
  for (const char* bad :
       {"x = 1", "registry = 1", "[registry]\nlocation = \"q.io\"", "[[registry]]",
        "[[registry]]\nlocation = \"team\"", "[[registry]]\nlocation = \"Q.io/A\"",
        "[[registry]]\nlocation = \"q.io/a:1\"", "[[registry]]\nlocatoin = \"q.io\"",
        "[[registry]]\nlocation = \"q.io\"\ninsecure = 1",
        "[[registry]]\nlocation = \"q.io\"\nmirror = 1",
        "[[registry]]\nlocation = \"q.io\"\n[[registry.mirror]]",
        "[[registry]]\nlocation = \"q.io\"\n[[registry.mirror]]\nlocation = \"q.io\"\nx = 1",
        "[[registry]]\nlocation = \"q.io\"\n[[registry]]\nprefix = \"q.io\"",
        "[[registry]]\nprefix = \"*.q.io/x\"\nlocation = \"r.io\"",
        "[[registry]]\nprefix = \"*.q.io\"\ninsecure = true",
        "unqualified-search-registries = [\"team\"]", "unqualified-search-registries = \"q.io\"",
        "short-name-mode = \"permissive\"", "credential-helpers = []"}) {
    EXPECT_STATUS(RegistriesConf::Parse(bad), kInvalidArgument, "registries.conf") << bad;
  }
}

}  // namespace
}  // namespace nacre::image
