#include "image-rs-cpp/signature/policy.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/test_sigstore.h"

namespace nacre::image {
namespace {

using testing::KeyTable;
using testing::NewKey;
using testing::PemOf;

absl::StatusOr<ImagePolicy> Parse(const Json& document, KeyResolver* broker = nullptr) {
  return ParseImagePolicy(document.dump(), Documents(broker));
}

Json WithRequirement(const Json& requirement) { return {{"default", Json::array({requirement})}}; }

Json Scoped(const std::vector<std::string>& scopes) {
  Json document = {{"default", Json::array({{{"type", "reject"}}})}};
  for (const std::string& scope : scopes) {
    document["transports"]["docker"][scope] = Json::array({{{"type", "insecureAcceptAnything"}}});
  }
  return document;
}

std::string Found(const std::vector<std::string>& scopes, const std::string& reference) {
  const auto policy = Parse(Scoped(scopes));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy->Find(*ParseImageReference(reference)).scope;
}

TEST(ImagePolicy, TheMostSpecificScopeDecides) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::vector<std::string> scopes = {"quay.io/team/app:1",
                                           "quay.io/team/app@" + digest,
                                           "quay.io/team/app",
                                           "quay.io/team",
                                           "quay.io",
                                           "*.quay.io",
                                           "*.io",
                                           ""};
  EXPECT_EQ(Found(scopes, "quay.io/team/app:1"), "quay.io/team/app:1");
  EXPECT_EQ(Found(scopes, "quay.io/team/app@" + digest), "quay.io/team/app@" + digest);
  EXPECT_EQ(Found(scopes, "quay.io/team/app:1@" + digest), "quay.io/team/app@" + digest);
  EXPECT_EQ(Found(scopes, "quay.io/team/app:2"), "quay.io/team/app");
  EXPECT_EQ(Found(scopes, "quay.io/team/apple"), "quay.io/team");
  EXPECT_EQ(Found(scopes, "quay.io/teams/app"), "quay.io");
  EXPECT_EQ(Found(scopes, "eu.quay.io/team/app"), "*.quay.io");
  EXPECT_EQ(Found(scopes, "eu.quay.io:5000/team/app"), "*.quay.io");
  EXPECT_EQ(Found(scopes, "xquay.io/team/app"), "*.io");
  EXPECT_EQ(Found(scopes, "gcr.dev/team/app"), "");
  EXPECT_EQ(Found({"quay.io"}, "gcr.dev/team/app"), "default");
  EXPECT_EQ(Found({"docker.io/library"}, "busybox"), "docker.io/library");
}

TEST(ImagePolicy, KeysComeInEveryForm) {
  const std::string pem = PemOf(NewKey());
  KeyTable broker({{"kbs:///default/cosign/key", ToBytes(pem)}});
  for (const Json& keys :
       {Json{{"keyData", pem}}, Json{{"keyData", Base64Encode(AsBytes(pem))}},
        Json{{"keyPath", "kbs:///default/cosign/key"}},
        Json{{"keyPaths", {"kbs:///default/cosign/key"}}}, Json{{"keyDatas", {pem, pem}}}}) {
    Json requirement = keys;
    requirement["type"] = "sigstoreSigned";
    const auto policy = Parse(WithRequirement(requirement), &broker);
    ASSERT_TRUE(policy.ok()) << policy.status();
    const auto& wanted = std::get<SigstoreSigned>(policy->fallback.at(0));
    EXPECT_EQ(*wanted.keys.at(0).ToPem(), pem);
    EXPECT_FALSE(wanted.identity.has_value());
  }
}

TEST(ImagePolicy, CertificatesNeedALogKey) {
  const testing::TestAuthority authority;
  Json requirement = {{"type", "sigstoreSigned"},
                      {"fulcio",
                       {{"caData", authority.root().ToPem() + authority.intermediate().ToPem()},
                        {"oidcIssuer", "https://accounts.example"},
                        {"subjectEmail", "owner@example.com"}}}};
  EXPECT_STATUS(Parse(WithRequirement(requirement)).status(), kInvalidArgument, "rekorPublicKey");
  requirement["rekorPublicKeyData"] = PemOf(NewKey());
  const auto policy = Parse(WithRequirement(requirement));
  ASSERT_TRUE(policy.ok()) << policy.status();
  const auto& wanted = std::get<SigstoreSigned>(policy->fallback.at(0));
  EXPECT_EQ(wanted.fulcio->roots.size(), 1u);
  EXPECT_EQ(wanted.fulcio->intermediates.size(), 1u);
  for (const char* key : {"caData", "oidcIssuer", "subjectEmail"}) {
    Json less = requirement;
    less["fulcio"].erase(key);
    EXPECT_FALSE(Parse(WithRequirement(less)).ok()) << key;
    less["fulcio"][key] = "";
    EXPECT_FALSE(Parse(WithRequirement(less)).ok()) << key;
  }
  requirement["fulcio"]["subjectURI"] = "https://x";
  EXPECT_STATUS(Parse(WithRequirement(requirement)).status(), kInvalidArgument, "want one of");
}

TEST(ImagePolicy, AnEmptyListStandsButSaysNothing) {
  const auto policy = Parse({{"default", Json::array()}});
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_TRUE(policy->fallback.empty());
}

TEST(ImagePolicy, OtherTransportsAreCheckedAndLeft) {
  Json document = Scoped({"quay.io"});
  document["transports"]["oci"][""] = Json::array({{{"type", "reject"}}});
  EXPECT_OK(Parse(document).status());
  document["transports"]["oci"][""] = Json::array({{{"type", "rejcet"}}});
  EXPECT_STATUS(Parse(document).status(), kInvalidArgument, "transports.oci '' requirement 0");
}

TEST(ImagePolicy, RefusesWhatItDoesNotKnow) {
  const std::string pem = PemOf(NewKey());
  for (const Json& requirement : std::vector<Json>{
           1,
           Json::object(),
           {{"type", "accept"}},
           {{"type", "reject"}, {"x", 1}},
           {{"type", "insecureAcceptAnything"}, {"keyData", pem}},
           {{"type", "sigstoreSigned"}},
           {{"type", "sigstoreSigned"}, {"keyData", pem}, {"keyPath", "/k"}},
           {{"type", "sigstoreSigned"}, {"keyData", "no key"}},
           {{"type", "sigstoreSigned"}, {"keyData", Base64Encode(AsBytes("no key"))}},
           {{"type", "sigstoreSigned"}, {"keyDatas", pem}},
           {{"type", "sigstoreSigned"}, {"keyDatas", Json::array()}},
           {{"type", "sigstoreSigned"}, {"keyData", pem}, {"keyType", "GPGKeys"}},
           {{"type", "sigstoreSigned"}, {"keyData", pem}, {"signedIdentity", "matchExact"}},
           {{"type", "signedBy"}, {"keyData", pem}},
           {{"type", "signedBy"}, {"keyType", "X509Certificates"}, {"keyData", pem}},
           {{"type", "signedBy"}, {"keyType", "GPGKeys"}},
           {{"type", "signedBy"}, {"keyType", "GPGKeys"}, {"keyData", pem}}}) {
    EXPECT_FALSE(Parse(WithRequirement(requirement)).ok()) << requirement;
  }
  for (const char* text :
       {"", "[]", "{}", R"({"default": {}})", R"({"default": [], "defualt": []})",
        R"({"default": [], "default": []})", R"({"default": [], "transports": []})",
        R"({"default": [], "transports": {"docker": []}})",
        R"({"default": [], "transports": {"docker": {"busybox": []}}})",
        R"({"default": [], "transports": {"docker": {"quay.io/": []}}})",
        R"({"default": [], "transports": {"docker": {"Quay.io/X": []}}})",
        R"({"default": [], "transports": {"docker": {"*.": []}}})",
        R"({"default": [], "transports": {"docker": {"*": []}}})"}) {
    EXPECT_FALSE(ParseImagePolicy(text, Documents(nullptr)).ok()) << text;
  }
}

TEST(ImagePolicy, AKeyThatCannotBeHadIsAnError) {
  const Json requirement = {{"type", "sigstoreSigned"}, {"keyPath", "kbs:///a/b/c"}};
  EXPECT_STATUS(Parse(WithRequirement(requirement)).status(), kFailedPrecondition,
                "'kbs:///a/b/c': there is no key broker");
  KeyTable broker({});
  EXPECT_STATUS(Parse(WithRequirement(requirement), &broker).status(), kPermissionDenied,
                "attestation refused");
  const Json elsewhere = {{"type", "sigstoreSigned"}, {"keyPath", "http://x/y"}};
  EXPECT_STATUS(Parse(WithRequirement(elsewhere)).status(), kInvalidArgument, "neither a broker");
}

TEST(ImagePolicy, SizesAreBounded) {
  Json list = Json::array();
  for (int i = 0; i < 16; ++i) list.push_back({{"type", "reject"}});
  EXPECT_OK(Parse({{"default", list}}).status());
  list.push_back({{"type", "reject"}});
  EXPECT_STATUS(Parse({{"default", list}}).status(), kResourceExhausted,
                "17 requirements, allowed are 16");
}

}  // namespace
}  // namespace nacre::image
