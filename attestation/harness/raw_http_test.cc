#include "attestation/harness/raw_http.h"

#include <gtest/gtest.h>

#include "attestation/harness/judge.h"
#include "attestation/protocol/error_body.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

TEST(ParseAnswerTest, ALengthSaysWhereItEnds) {
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\n\r\nabcHTTP/1.1 404";
  auto answer = ParseAnswer(text, false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reply.status, 200);
  EXPECT_EQ(answer->reply.body, "abc");
  EXPECT_EQ(answer->reply.Header("a"), "b");
  EXPECT_EQ(text.substr(answer->size), "HTTP/1.1 404");
  EXPECT_FALSE(ParseAnswer(text.substr(0, answer->size - 1), false));
}

TEST(ParseAnswerTest, ChunksAreJoined) {
  std::string text =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
  auto answer = ParseAnswer(text, false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reply.body, "abc");
  EXPECT_EQ(answer->size, text.size());
  EXPECT_FALSE(ParseAnswer(text.substr(0, text.size() - 3), false));
}

TEST(ParseAnswerTest, WithoutALengthTheEndOfTheStreamIsTheEnd) {
  std::string text = "HTTP/1.1 400 Bad\r\n\r\nwhy";
  EXPECT_FALSE(ParseAnswer(text, false));
  EXPECT_EQ(ParseAnswer(text, true)->reply.body, "why");
}

TEST(ParseAnswerTest, InterimAnswersArePassedOver) {
  auto answer = ParseAnswer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reply.status, 204);
}

TEST(ParseAnswerTest, GarbageIsNoAnswer) {
  EXPECT_FALSE(ParseAnswer("HTTP/1.1 2", false));
  EXPECT_EQ(ParseAnswer("pearl\r\n\r\n", false)->reply.status, 0);
}

TEST(JudgeTest, ARefusalMustBeOneAndTellNothing) {
  const Expected expected = Refused({401});
  const std::string good =
      StrCat(R"({"type":")", kErrorTypePrefix, R"(AttestationError","detail":"no"})");
  EXPECT_EQ(Judge(expected, {.status = 401, .body = good}, {}), "");
  EXPECT_NE(Judge(expected, {.status = 200, .body = "{}"}, {}), "");
  EXPECT_NE(Judge(expected, {.status = 500, .body = good}, {}), "");
  EXPECT_NE(Judge(expected, {.status = 401, .body = "no"}, {}), "");
  EXPECT_NE(Judge(expected, {.status = 403, .body = good}, {}), "");
  EXPECT_EQ(Judge(expected, {.status = 403, .body = good}, {.peer_codes = true}), "");
  EXPECT_NE(Judge(expected, {.status = 500, .body = good}, {.peer_codes = true}), "");
  EXPECT_NE(Judge(expected, {.failure = "closed"}, {}), "");
  EXPECT_EQ(Judge(RefusedOrClosed(), {.failure = "closed"}, {}), "");
  EXPECT_NE(Judge(expected, {.status = 401, .body = good}, {.secret = "\"no\""}), "");
}

TEST(JudgeTest, OnlyWhatTheRequestDidNotSayIsALeak) {
  const std::string digest(96, 'a');
  EXPECT_EQ(LeakIn("expected " + digest, ""), digest);
  EXPECT_EQ(LeakIn("expected " + digest, "x" + digest + "y"), "");
  EXPECT_EQ(LeakIn("expected " + digest.substr(0, 63), ""), "");
  EXPECT_EQ(
      LeakIn("see https://github.com/confidential-containers/kbs/errors/AttestationErrorOfAllSorts",
             ""),
      "");
}

}  // namespace
}  // namespace nacre::attestation::harness
