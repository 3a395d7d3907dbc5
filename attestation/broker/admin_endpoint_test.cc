// The owner's calls, and that they are the owner's only.
#include "attestation/broker/admin_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/broker/testing.h"
#include "attestation/protocol/jwt.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::ElementsAre;

class AdminTest : public ::testing::Test {
 protected:
  std::string Reference(const std::string& name) {
    return Chip::Get().Reference(Chip::Get().Launch(), name);
  }
  TestBroker broker;
};

TEST_F(AdminTest, EveryCallNeedsTheAdminToken) {
  auto stranger = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  std::string forged = *SignAdminToken(stranger, kAdminIssuer, broker.now, 60);
  std::string endless = broker.AdminToken(kMaxAdminLifetimeS * 2);
  const std::pair<const char*, const char*> calls[] = {
      {"POST", "/kbs/v0/resource/a/b/c"},   {"DELETE", "/kbs/v0/resource/a/b/c"},
      {"POST", "/kbs/v0/reference-value"},  {"GET", "/kbs/v0/reference-value"},
      {"GET", "/kbs/v0/reference-value/x"}, {"DELETE", "/kbs/v0/reference-value/x"},
      {"GET", "/kbs/v0/admin/resources"},   {"GET", "/kbs/v0/admin/attestations/last"}};
  for (const auto& [method, path] : calls) {
    EXPECT_EQ(broker.Handle(method, path).response.status, 401) << method << path;
    for (const std::string& token : {forged, std::string("x"), std::string()}) {
      Answer answer = broker.Handle(method, path, {{"Authorization", "Bearer " + token}});
      EXPECT_EQ(answer.response.status, 401) << method << path;
      EXPECT_EQ(CodeOf(answer), "not-admin");
    }
    Answer answer = broker.Handle(method, path, {{"Authorization", "Bearer " + endless}});
    EXPECT_EQ(answer.response.status, 403) << method << path;
  }
}

TEST_F(AdminTest, AGuestsTokenIsNoAdminToken) {
  broker.Provision();
  TestGuest guest(broker);
  ASSERT_EQ(guest.Run().response.status, 200);
  Answer answer =
      broker.Handle("GET", "/kbs/v0/admin/resources", {{"Authorization", "Bearer " + guest.token}});
  EXPECT_EQ(answer.response.status, 401);
}

TEST_F(AdminTest, ResourcesAreSetListedAndDeleted) {
  EXPECT_EQ(broker.Admin("POST", "/kbs/v0/resource/a/b/c", "1").response.status, 200);
  EXPECT_EQ(broker.Admin("POST", "/kbs/v0/resource/a/b/c", "2").response.status, 200);
  EXPECT_EQ(broker.Admin("POST", "/kbs/v0/resource/a/a/a", "").response.status, 200);
  Json list = *ParseJson(broker.Admin("GET", "/kbs/v0/admin/resources").response.body);
  EXPECT_THAT(list["resources"], ElementsAre("a/a/a", "a/b/c"));
  EXPECT_EQ(AsText(broker.context().store->GetResource("a/b/c")->view()), "2");
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/resource/a/b/c").response.status, 200);
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/resource/a/b/c").response.status, 404);
}

TEST_F(AdminTest, ResourcesAreBounded) {
  TestBroker narrow([](BrokerConfig& config) { config.max_resource_size = 10; });
  EXPECT_EQ(narrow.Admin("POST", "/kbs/v0/resource/a/b/c", std::string(10, 'x')).response.status,
            200);
  Answer answer = narrow.Admin("POST", "/kbs/v0/resource/a/b/c", std::string(11, 'x'));
  EXPECT_EQ(answer.response.status, 413);
  EXPECT_EQ(CodeOf(answer), "too-large");
}

TEST_F(AdminTest, ResourcePathsCannotLeaveTheStore) {
  for (const char* path : {"../x/y", "a/b", "a/b/c/d", "a/%2e%2e/c", "a//c"}) {
    Answer answer = broker.Admin("POST", std::string("/kbs/v0/resource/") + path, "x");
    EXPECT_EQ(answer.response.status, 400) << path;
    EXPECT_EQ(CodeOf(answer), "bad-path");
  }
}

TEST_F(AdminTest, ReferencesAreRegisteredReadAndDeleted) {
  Answer registered = broker.Admin("POST", "/kbs/v0/reference-value", Reference("shell/pearl:1"));
  ASSERT_EQ(registered.response.status, 200) << registered.response.body;
  EXPECT_EQ((*ParseJson(registered.response.body))["name"], "shell/pearl:1");
  Json list = *ParseJson(broker.Admin("GET", "/kbs/v0/reference-value").response.body);
  ASSERT_EQ(list["reference-values"].size(), 1u);
  EXPECT_EQ(list["reference-values"][0]["name"], "shell/pearl:1");
  EXPECT_EQ(list["reference-values"][0]["registered_at"].get<int64_t>(), broker.now);
  // Slashes may come as they are or escaped.
  for (const char* path : {"shell/pearl:1", "shell%2Fpearl%3A1"}) {
    Answer one = broker.Admin("GET", std::string("/kbs/v0/reference-value/") + path);
    EXPECT_EQ(one.response.body, Reference("shell/pearl:1"));
  }
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/reference-value/shell/pearl:1").response.status, 200);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/shell/pearl:1").response.status, 404);
}

TEST_F(AdminTest, AReferenceWithoutANameGetsOne) {
  Answer registered = broker.Admin("POST", "/kbs/v0/reference-value", Reference(""));
  EXPECT_THAT((*ParseJson(registered.response.body))["name"].get<std::string>(),
              ::testing::MatchesRegex("snp-[0-9a-f]+"));
}

TEST_F(AdminTest, WhatIsNoReferenceIsRefused) {
  for (const char* body : {"", "{}", R"({"version":"0.1.0","type":"sample","payload":""})"}) {
    Answer answer = broker.Admin("POST", "/kbs/v0/reference-value", body);
    EXPECT_EQ(answer.response.status, 400) << body;
    EXPECT_EQ(CodeOf(answer), "bad-reference");
  }
}

TEST_F(AdminTest, AttestationsAreFoundByIdAndLast) {
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/admin/attestations/last").response.status, 404);
  broker.Provision();
  TestGuest guest(broker);
  ASSERT_EQ(guest.Run().response.status, 200);
  Json last = broker.LastExplanation();
  std::string id = last["id"];
  ASSERT_EQ(guest.Run([](auto& report) { report.vmpl = 3; }).response.status, 401);
  EXPECT_NE(broker.LastExplanation()["id"], id);
  Answer one = broker.Admin("GET", "/kbs/v0/admin/attestations/" + id);
  EXPECT_EQ(*ParseJson(one.response.body), last);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/admin/attestations/0000").response.status, 404);
}

TEST_F(AdminTest, OtherPathsAndMethodsAreNotThere) {
  EXPECT_EQ(broker.Admin("PUT", "/kbs/v0/resource/a/b/c").response.status, 405);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/admin/everything").response.status, 404);
  EXPECT_EQ(broker.Handle("GET", "/").response.status, 404);
  EXPECT_EQ(broker.Handle("GET", "/kbs/v0/auth").response.status, 405);
  EXPECT_EQ(broker.Handle("GET", "/healthz").response.status, 200);
}

}  // namespace
}  // namespace nacre::attestation::testing
