#include "attestation/protocol/denials.h"

#include <gmock/gmock.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

const crypto::PrivateKey& Key() {
  static const auto* const key =
      new crypto::PrivateKey(*crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  return *key;
}

std::string Sign(std::string_view payload, Json header = {{"typ", "nacre-denials"}}) {
  return *crypto::JwsSign(Key(), crypto::JwsAlgorithm::kEs256, std::move(header), AsBytes(payload));
}
absl::StatusOr<std::vector<GuestDenial>> Read(std::string_view message) {
  return ReadDenials(message, Key().public_key());
}
std::string Payload(const Json& denials) { return Json{{"denials", denials}}.dump(); }
Json One() { return {{"id", 1}, {"request", "R"}, {"explanation", "e"}}; }

TEST(Denials, WhatIsSignedIsRead) {
  const std::vector<GuestDenial> denials = {{1, "ExecProcessRequest", "no\nrule \"x\" \u00e9"},
                                            {3, "a.b_C9", ""},
                                            {(uint64_t{1} << 53) - 1, "R", "e"}};
  for (const auto curve : {crypto::Curve::kP256, crypto::Curve::kP384}) {
    const auto key = *crypto::PrivateKey::GenerateEc(curve);
    size_t taken = 0;
    ASSERT_OK_AND_ASSIGN(const std::string message, SignDenials(denials, key, &taken));
    EXPECT_EQ(taken, 3u);
    ASSERT_OK_AND_ASSIGN(const auto read, ReadDenials(message, key.public_key()));
    ASSERT_EQ(read.size(), 3u);
    for (size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i].id, denials[i].id);
      EXPECT_EQ(read[i].request, denials[i].request);
      EXPECT_EQ(read[i].explanation, denials[i].explanation);
    }
  }
}

TEST(Denials, ManyGoInSeveralMessages) {
  std::vector<GuestDenial> denials;
  for (uint64_t id = 1; id <= 200; ++id) {
    // Every byte of half of them takes six when escaped.
    denials.push_back({id, "R", std::string(kMaxDenialExplanation, id % 2 == 0 ? '\1' : 'x')});
  }
  std::span<const GuestDenial> rest = denials;
  size_t read = 0;
  while (!rest.empty()) {
    size_t taken = 0;
    ASSERT_OK_AND_ASSIGN(const std::string message, SignDenials(rest, Key(), &taken));
    EXPECT_LE(message.size(), kMaxDenialsMessage);
    ASSERT_OK_AND_ASSIGN(const auto some, Read(message));
    ASSERT_EQ(some.size(), taken);
    EXPECT_EQ(some[0].id, read + 1);
    read += taken;
    rest = rest.subspan(taken);
  }
  EXPECT_EQ(read, denials.size());
  size_t taken = 0;
  const std::vector<GuestDenial> none;
  EXPECT_STATUS(SignDenials(none, Key(), &taken), kInvalidArgument, "none");
}

TEST(Denials, WhatIsNotUtf8StaysReadable) {
  const std::vector<GuestDenial> denials = {{1, "R", "a\xff\xc3z"}};
  size_t taken = 0;
  ASSERT_OK_AND_ASSIGN(const auto read, Read(*SignDenials(denials, Key(), &taken)));
  EXPECT_EQ(read[0].explanation, "a??z");
}

TEST(Denials, TheFirstOneMustFit) {
  size_t taken = 0;
  for (const GuestDenial& bad :
       {GuestDenial{0, "R", ""}, GuestDenial{uint64_t{1} << 53, "R", ""}, GuestDenial{1, "", ""},
        GuestDenial{1, "a b", ""}, GuestDenial{1, std::string(kMaxDenialRequest + 1, 'a'), ""},
        GuestDenial{1, "R", std::string(kMaxDenialExplanation + 1, 'a')}}) {
    EXPECT_STATUS(SignDenials(std::span(&bad, 1), Key(), &taken), kInvalidArgument, "denials");
  }
  const std::vector<GuestDenial> second_is_bad = {{2, "R", ""}, {2, "R", ""}};
  ASSERT_OK(SignDenials(second_is_bad, Key(), &taken));
  EXPECT_EQ(taken, 1u);
}

TEST(Denials, OtherKeysAndSignaturesAreRefused) {
  const auto stranger = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  const auto p521 = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP521);
  const std::string good = Sign(Payload(Json::array({One()})));
  EXPECT_OK(Read(good));
  EXPECT_STATUS(ReadDenials(good, stranger.public_key()), kUnauthenticated, "");
  EXPECT_STATUS(ReadDenials(good, p521.public_key()), kInvalidArgument, "P-256 or P-384");
  size_t taken = 0;
  const std::vector<GuestDenial> one = {{1, "R", ""}};
  EXPECT_STATUS(SignDenials(one, p521, &taken), kInvalidArgument, "P-256 or P-384");
  const std::string none =
      StrCat(Base64UrlEncode(AsBytes(R"({"alg":"none","typ":"nacre-denials"})")),
             good.substr(good.find('.')));
  EXPECT_FALSE(Read(none).ok());
  for (const Json& header :
       {Json{{"typ", "JWT"}}, Json::object(), Json{{"typ", "nacre-denials"}, {"kid", "x"}}}) {
    EXPECT_STATUS(Read(Sign(Payload(Json::array({One()})), header)), kInvalidArgument, "");
  }
}

TEST(Denials, LimitsHoldAtAndAbove) {
  Json most = Json::array();
  for (size_t id = 1; id <= kMaxDenials; ++id) {
    most.push_back(One());
    most.back()["id"] = id;
  }
  EXPECT_OK(Read(Sign(Payload(most))));
  most.push_back(One());
  most.back()["id"] = kMaxDenials + 1;
  EXPECT_STATUS(Read(Sign(Payload(most))), kInvalidArgument, "1 to 64");
  EXPECT_STATUS(Read(Sign(Payload(Json::array()))), kInvalidArgument, "1 to 64");
  Json longest = One();
  longest["explanation"] = std::string(kMaxDenialExplanation, 'x');
  longest["request"] = std::string(kMaxDenialRequest, 'x');
  EXPECT_OK(Read(Sign(Payload(Json::array({longest})))));
  longest["explanation"] = std::string(kMaxDenialExplanation + 1, 'x');
  EXPECT_STATUS(Read(Sign(Payload(Json::array({longest})))), kInvalidArgument, "too long");
  EXPECT_STATUS(Read(std::string(kMaxDenialsMessage + 1, 'x')), kInvalidArgument, "too long");
}

TEST(Denials, WhatIsNoMessageIsRefused) {
  for (const char* payload : {"", "[]", "{}", R"({"denials":{}})", R"({"denials":[7]})",
                              R"({"denials":[{"id":1,"request":"R","explanation":"e"}],"more":1})",
                              R"({"denials":[{"id":1,"request":"R","explanation":"e","time":1}]})",
                              R"({"denials":[{"id":1,"request":"R"}]})",
                              R"({"denials":[{"id":"1","request":"R","explanation":""}]})",
                              R"({"denials":[{"id":-1,"request":"R","explanation":""}]})",
                              R"({"denials":[{"id":0,"request":"R","explanation":""}]})",
                              R"({"denials":[{"id":1,"request":"R\u001b","explanation":""}]})",
                              R"({"denials":[{"id":2,"request":"R","explanation":""},)"
                              R"({"id":2,"request":"R","explanation":""}]})",
                              R"({"denials":[{"id":2,"id":3,"request":"R","explanation":""}]})"}) {
    EXPECT_STATUS(Read(Sign(payload)), kInvalidArgument, "") << payload;
  }
}

}  // namespace
}  // namespace nacre::attestation
