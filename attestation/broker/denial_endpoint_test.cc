// Reports of denied requests: whose are taken, how many are kept, and who reads them.
#include "attestation/broker/denial_endpoint.h"

#include <gmock/gmock.h>

#include "attestation/broker/testing.h"
#include "attestation/protocol/denials.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;

std::string Report(const crypto::PrivateKey& key, uint64_t first, size_t count = 1) {
  std::vector<GuestDenial> denials;
  for (uint64_t id = first; id < first + count; ++id) {
    denials.push_back({id, "ExecProcessRequest", StrCat("rule ", id, " says no")});
  }
  size_t taken = 0;
  return *SignDenials(denials, key, &taken);
}

Answer Post(TestBroker& broker, const std::string& token, std::string body) {
  return broker.Handle("POST", "/kbs/v0/denials", {{"Authorization", "Bearer " + token}},
                       std::move(body));
}

Json List(TestBroker& broker, const std::string& suffix = "") {
  const Answer answer = broker.Admin("GET", "/kbs/v0/admin/denials" + suffix);
  EXPECT_EQ(answer.response.status, 200) << answer.response.body;
  return *ParseJson(answer.response.body);
}

class DenialTest : public ::testing::Test {
 protected:
  explicit DenialTest(const std::function<void(BrokerConfig&)>& change = {}) : broker(change) {
    broker.Provision();
    EXPECT_EQ(guest.Run().response.status, 200);
  }
  std::string Name(const TestGuest& of) { return *crypto::JwkThumbprint(of.key.public_key()); }
  Answer Post(std::string body) { return testing::Post(broker, guest.token, std::move(body)); }

  TestBroker broker;
  TestGuest guest{broker};
};

TEST_F(DenialTest, TheOwnerReadsWhatAGuestReported) {
  const Answer answer = Post(Report(guest.key, 1, 2));
  ASSERT_EQ(answer.response.status, 200) << answer.response.body;
  EXPECT_EQ(answer.response.body, "{\"stored\":2}");
  const Json list = List(broker);
  ASSERT_EQ(list["denials"].size(), 2u);
  const Json& first = list["denials"][0];
  EXPECT_EQ(first["guest"], Name(guest));
  EXPECT_EQ(first["id"], 1);
  EXPECT_EQ(first["time"], broker.now);
  EXPECT_EQ(first["request"], "ExecProcessRequest");
  EXPECT_EQ(first["explanation"], "rule 1 says no");
  EXPECT_EQ(first["tee"], "snp");
  EXPECT_EQ(first["reference"], "pearl");
  // The attestation it came under can be explained.
  EXPECT_EQ(
      broker.Admin("GET", "/kbs/v0/admin/attestations/" + first["attestation"].get<std::string>())
          .response.status,
      200);
  EXPECT_FALSE(list.contains("next"));
}

TEST_F(DenialTest, TheSessionsCookieDoesToo) {
  const Answer answer =
      broker.Handle("POST", "/kbs/v0/denials", {{"Cookie", guest.cookie}}, Report(guest.key, 1));
  EXPECT_EQ(answer.response.status, 200) << answer.response.body;
}

TEST_F(DenialTest, SentAgainNothingChanges) {
  ASSERT_EQ(Post(Report(guest.key, 1, 2)).response.status, 200);
  EXPECT_EQ(Post(Report(guest.key, 1, 3)).response.body, "{\"stored\":1}");
  EXPECT_EQ(Post(Report(guest.key, 1, 3)).response.body, "{\"stored\":0}");
  EXPECT_EQ(List(broker)["denials"].size(), 3u);
}

TEST_F(DenialTest, NobodyReportsWithoutHavingAttested) {
  for (const std::string& token : {std::string(), std::string("x"), broker.AdminToken()}) {
    const Answer answer = testing::Post(broker, token, Report(guest.key, 1));
    EXPECT_EQ(answer.response.status, 401);
    EXPECT_EQ(CodeOf(answer), "not-attested");
  }
  broker.now += 10'000;  // the token has expired
  EXPECT_EQ(CodeOf(Post(Report(guest.key, 1))), "not-attested");
}

TEST_F(DenialTest, AStolenTokenReportsNothing) {
  const auto thief = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  const Answer answer = Post(Report(thief, 1));
  EXPECT_EQ(answer.response.status, 401);
  EXPECT_EQ(CodeOf(answer), "denials-signature");
  std::string changed = Report(guest.key, 1);
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_GE(Post(changed).response.status, 400);
  EXPECT_EQ(List(broker)["denials"].size(), 0u);
}

TEST_F(DenialTest, WhatIsNoReportIsRefused) {
  for (const char* body : {"", "{}", "a.b.c", "a.b"}) {
    EXPECT_EQ(Post(body).response.status, 400) << body;
  }
  const Answer answer = Post(std::string(kMaxDenialsMessage + 1, 'x'));
  EXPECT_EQ(answer.response.status, 413);
  EXPECT_EQ(CodeOf(answer), "too-large");
  EXPECT_EQ(Post(std::string(kMaxDenialsMessage, 'x')).response.status, 400);
  EXPECT_EQ(broker.Handle("GET", "/kbs/v0/denials").response.status, 405);
  EXPECT_EQ(broker.Handle("PUT", "/kbs/v0/denials").response.status, 405);
}

TEST_F(DenialTest, OnlyTheOwnerReadsAndDeletes) {
  ASSERT_EQ(Post(Report(guest.key, 1)).response.status, 200);
  const std::string one = "/kbs/v0/admin/denials/" + Name(guest);
  for (const std::string& path : {std::string("/kbs/v0/admin/denials"), one}) {
    EXPECT_EQ(broker.Handle("GET", path).response.status, 401);
    EXPECT_EQ(
        broker.Handle("GET", path, {{"Authorization", "Bearer " + guest.token}}).response.status,
        401);
  }
  EXPECT_EQ(broker.Handle("DELETE", one).response.status, 401);
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/admin/denials").response.status, 405);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/admin/denials/").response.status, 404);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/admin/denialsx").response.status, 404);
  EXPECT_EQ(broker.Admin("DELETE", one).response.status, 200);
  EXPECT_EQ(broker.Admin("DELETE", one).response.status, 404);
  EXPECT_EQ(List(broker)["denials"].size(), 0u);
}

TEST_F(DenialTest, ReadingAndDeletingAreAudited) {
  ASSERT_EQ(Post(Report(guest.key, 1)).response.status, 200);
  List(broker);
  List(broker, "/" + Name(guest));
  ASSERT_EQ(broker.Admin("DELETE", "/kbs/v0/admin/denials/" + Name(guest)).response.status, 200);
  std::vector<std::string> entries;
  ASSERT_OK_AND_ASSIGN(const auto log, broker.context().store->AuditEntries(0, 100));
  for (const AuditEntry& entry : log) {
    if (entry.action.starts_with("denials")) entries.push_back(entry.action + " " + entry.object);
  }
  EXPECT_THAT(entries, ::testing::ElementsAre("denials-read all", "denials-read " + Name(guest),
                                              "denials-deleted " + Name(guest)));
  EXPECT_OK(broker.context().store->VerifyAudit());
}

TEST_F(DenialTest, PagesGoThroughAllOfThemOnce) {
  for (uint64_t id = 1; id <= 101; id += 50) {
    ASSERT_EQ(Post(Report(guest.key, id, 50)).response.status, 200);
  }
  std::vector<int> ids;
  std::string suffix;
  for (int pages = 1;; ++pages) {
    ASSERT_LE(pages, 4);
    const Json page = List(broker, suffix);
    for (const Json& denial : page["denials"]) ids.push_back(denial["id"]);
    if (!page.contains("next")) break;
    EXPECT_EQ(page["denials"].size(), 100u);
    suffix = StrCat("?after=", page["next"].get<int>());
  }
  ASSERT_EQ(ids.size(), 150u);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<int>(i) + 1);
  EXPECT_EQ(List(broker, "?limit=7")["denials"].size(), 7u);
  for (const char* query : {"?limit=0", "?limit=101", "?limit", "?limit=", "?after=-1", "?x=1",
                            "?after=99999999999999999999", "?after=1&"}) {
    EXPECT_EQ(broker.Admin("GET", std::string("/kbs/v0/admin/denials") + query).response.status,
              400)
        << query;
  }
}

class NarrowDenialTest : public DenialTest {
 protected:
  NarrowDenialTest()
      : DenialTest([](BrokerConfig& config) {
          config.denials_of_guest = 5;
          config.denial_rows = 8;
          config.denial_days = 1;
        }) {}
  std::vector<int> IdsOf(const TestGuest& of) {
    std::vector<int> ids;
    const Json list = List(broker, "/" + Name(of));
    for (const Json& denial : list["denials"]) ids.push_back(denial["id"]);
    return ids;
  }
};

TEST_F(NarrowDenialTest, TheOldestGoFirst) {
  ASSERT_EQ(Post(Report(guest.key, 1, 5)).response.status, 200);
  EXPECT_THAT(IdsOf(guest), ::testing::ElementsAre(1, 2, 3, 4, 5));
  ASSERT_EQ(Post(Report(guest.key, 6)).response.status, 200);
  EXPECT_THAT(IdsOf(guest), ::testing::ElementsAre(2, 3, 4, 5, 6));
  // One guest's flood costs it its own; several fill what is for all.
  TestGuest other(broker);
  ASSERT_EQ(other.Run().response.status, 200);
  ASSERT_EQ(testing::Post(broker, other.token, Report(other.key, 1, 50)).response.status, 200);
  EXPECT_THAT(IdsOf(other), ::testing::ElementsAre(46, 47, 48, 49, 50));
  EXPECT_THAT(IdsOf(guest), ::testing::ElementsAre(4, 5, 6));
}

TEST_F(NarrowDenialTest, TheyAreKeptForTheirDays) {
  ASSERT_EQ(Post(Report(guest.key, 1)).response.status, 200);
  const int64_t start = broker.now;
  broker.now = start + 24 * 3600 - 1;
  EXPECT_THAT(IdsOf(guest), ::testing::ElementsAre(1));
  broker.now = start + 24 * 3600;
  EXPECT_THAT(IdsOf(guest), ::testing::IsEmpty());
}

TEST(DenialRate, EachGuestHasItsOwn) {
  TestBroker broker([](BrokerConfig& config) { config.denial_posts_per_minute = 2; });
  broker.Provision();
  TestGuest one(broker), two(broker);
  ASSERT_EQ(one.Run().response.status, 200);
  ASSERT_EQ(two.Run().response.status, 200);
  EXPECT_EQ(Post(broker, one.token, Report(one.key, 1)).response.status, 200);
  EXPECT_EQ(Post(broker, one.token, Report(one.key, 2)).response.status, 200);
  const Answer answer = Post(broker, one.token, Report(one.key, 3));
  EXPECT_EQ(answer.response.status, 429);
  EXPECT_EQ(CodeOf(answer), "rate-limited");
  EXPECT_NE(answer.response.Header("Retry-After"), "");
  EXPECT_EQ(Post(broker, two.token, Report(two.key, 1)).response.status, 200);
}

TEST(DenialFloor, GuestsThatGetNoResourcesReportNothing) {
  TestBroker broker([](BrokerConfig& config) { config.allow_emulated = false; });
  broker.Provision();
  TestGuest guest(broker);
  ASSERT_EQ(guest.Run().response.status, 200);
  const Answer answer = Post(broker, guest.token, Report(guest.key, 1));
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_EQ(CodeOf(answer), "emulated-not-allowed");
}

// By its own pattern, a role reads denials and nothing else.
TEST(DenialRole, ReadsDenialsOnly) {
  const auto idp = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  auto folder = *TemporaryDirectory::Create("idp");
  ASSERT_OK(WriteFile(folder.path() + "/idp.pem", AsBytes(*idp.public_key().ToPem()), 0600));
  TestBroker broker([&](BrokerConfig& config) {
    config.admin_issuers = {{"idp", "https://id", "nacre-kbs", folder.path() + "/idp.pem"}};
    config.admin_roles = {
        {"watcher", {"GET"}, {"^/kbs/v0/admin/denials(/[A-Za-z0-9_-]+)?([?].*)?$"}}};
  });
  const Json claims = {{"iss", "https://id"},
                       {"aud", "nacre-kbs"},
                       {"role", "watcher"},
                       {"sub", "eve"},
                       {"exp", broker.now + 60}};
  const std::string token =
      *crypto::JwsSign(idp, crypto::JwsAlgorithm::kEs256, Json::object(), AsBytes(claims.dump()));
  const auto status = [&](const std::string& method, const std::string& path) {
    return broker.Handle(method, path, {{"Authorization", "Bearer " + token}}).response.status;
  };
  EXPECT_EQ(status("GET", "/kbs/v0/admin/denials"), 200);
  EXPECT_EQ(status("GET", "/kbs/v0/admin/denials/abc"), 200);
  EXPECT_EQ(status("DELETE", "/kbs/v0/admin/denials/abc"), 403);
  EXPECT_EQ(status("GET", "/kbs/v0/admin/resources"), 403);
  EXPECT_EQ(status("GET", "/kbs/v0/admin/attestations/last"), 403);
}

}  // namespace
}  // namespace nacre::attestation::testing
