#include "attestation/broker/session_cookie.h"

#include "base/status_testing.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

const Session kSession{.nonce = "bm9uY2U=", .tee = "snp", .expires_at = 1000, .token = "a.b.c"};

TEST(SessionCookie, ComesBackUntilItExpires) {
  ASSERT_OK_AND_ASSIGN(SessionSealer sealer, SessionSealer::Create(crypto::RandomSecret(32)));
  ASSERT_OK_AND_ASSIGN(std::string value, sealer.Seal(kSession));
  ASSERT_OK_AND_ASSIGN(Session session, sealer.Open(value, 999));
  EXPECT_EQ(session.nonce, kSession.nonce);
  EXPECT_EQ(session.tee, "snp");
  EXPECT_EQ(session.token, "a.b.c");
  EXPECT_STATUS(sealer.Open(value, 1000), kUnauthenticated, "expired");
}

TEST(SessionCookie, HidesWhatItHolds) {
  ASSERT_OK_AND_ASSIGN(SessionSealer sealer, SessionSealer::Create(crypto::RandomSecret(32)));
  EXPECT_NE(*sealer.Seal(kSession), *sealer.Seal(kSession));
}

TEST(SessionCookie, OfAnotherBrokerIsNotOurs) {
  ASSERT_OK_AND_ASSIGN(SessionSealer ours, SessionSealer::Create(crypto::RandomSecret(32)));
  ASSERT_OK_AND_ASSIGN(SessionSealer other, SessionSealer::Create(crypto::RandomSecret(32)));
  EXPECT_STATUS(ours.Open(*other.Seal(kSession), 1), kUnauthenticated, "not ours");
  EXPECT_STATUS(ours.Open("", 1), kUnauthenticated, "not ours");
  EXPECT_STATUS(ours.Open("!", 1), kUnauthenticated, "not ours");
  EXPECT_STATUS(ours.Open(std::string(100'000, 'A'), 1), kUnauthenticated, "not ours");
}

TEST(SessionCookie, KeyHas32Bytes) {
  EXPECT_STATUS(SessionSealer::Create(crypto::RandomSecret(31)), kInvalidArgument, "31 bytes");
  EXPECT_STATUS(SessionSealer::Create(crypto::RandomSecret(33)), kInvalidArgument, "33 bytes");
}

TEST(FindSessionCookie, IsFoundAmongOthers) {
  EXPECT_EQ(FindSessionCookie("kbs-session-id=x"), "x");
  EXPECT_EQ(FindSessionCookie("a=1; kbs-session-id=x; b=2"), "x");
  EXPECT_EQ(FindSessionCookie("a=1;kbs-session-id=x"), "x");
  EXPECT_EQ(FindSessionCookie("kbs-session-id2=x"), "");
  EXPECT_EQ(FindSessionCookie("xkbs-session-id=x"), "");
  EXPECT_EQ(FindSessionCookie("kbs-session-id"), "");
  EXPECT_EQ(FindSessionCookie(""), "");
}

}  // namespace
}  // namespace nacre::attestation
