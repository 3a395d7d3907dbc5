#include "attestation/protocol/binding.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

const Json kKey = {
    {"kty", "EC"}, {"crv", "P-256"}, {"alg", "ECDH-ES+A256KW"}, {"x", "X"}, {"y", "Y"}};

TEST(Binding, CanonicalFormHashesAsPeersHashIt) {
  // The known vector of the peers' attestation service.
  auto canonical = CanonicalJson({{"b", 1}, {"a", "test"}, {"c", {{"d", "e"}}}});
  ASSERT_TRUE(canonical.ok());
  EXPECT_EQ(HexEncode(crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes(*canonical))),
            "e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c"
            "4597480a186427c813ca941da78870c3");
}

TEST(Binding, IsSha384OfTheSortedObjectPaddedWithZeros) {
  auto bound = BindReportData("bm9uY2U=", kKey, "");
  ASSERT_TRUE(bound.ok());
  Bytes digest = crypto::Digest(
      crypto::HashAlgorithm::kSha384,
      AsBytes(R"({"additional-evidence":"","nonce":"bm9uY2U=","tee-pubkey":)"
              R"({"alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC","x":"X","y":"Y"}})"));
  digest.resize(64);
  EXPECT_EQ(HexEncode(bound->bytes), HexEncode(digest));
}

TEST(Binding, DependsOnEachPart) {
  auto bound = BindReportData("nonce", kKey, "");
  Json other = kKey;
  other["x"] = "Z";
  EXPECT_NE(*bound, *BindReportData("nonse", kKey, ""));
  EXPECT_NE(*bound, *BindReportData("nonce", other, ""));
  EXPECT_NE(*bound, *BindReportData("nonce", kKey, "{}"));
}

TEST(Binding, RefusesWhatHasNoCanonicalForm) {
  EXPECT_FALSE(BindReportData("nonce", {{"x", "\xff"}}, "").ok());
}

}  // namespace
}  // namespace nacre::attestation
