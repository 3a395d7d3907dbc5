#include "attestation/broker/key_ring.h"

#include <set>
#include <thread>

#include "attestation/broker/session_cookie.h"
#include "attestation/broker/storage/testing.h"
#include "attestation/broker/token.h"
#include "base/status_testing.h"
#include "crypto/jws.h"
#include "crypto/x509_make.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kDay = 24 * 3600;

class KeyRingTest : public testing::PlaceTest {
 protected:
  void SetUp() override {
    PlaceTest::SetUp();
    if (!place.has_value()) return;
    store = OpenStore();
  }
  std::unique_ptr<Store> OpenStore() {
    auto opened = Store::Open(*place->Open(), *OpenMasterKey(place->config()));
    EXPECT_OK(opened);
    return *std::move(opened);
  }
  KeyRingOptions Options(bool token = false) {
    return {.purpose = token ? "token" : "session",
            .rotate_after_s = kDay,
            .announce_s = token ? 100 : 0,
            .keep_s = 300,
            .make = token ? MakeTokenKey : MakeSessionKey,
            .clock = [this] { return now.load(); }};
  }
  std::unique_ptr<KeyRing> Ring(Store& of, bool token = false) {
    auto ring = KeyRing::Open(&of, Options(token));
    EXPECT_OK(ring);
    return *std::move(ring);
  }
  std::atomic<int64_t> now = 1'000'000;
  std::unique_ptr<Store> store;
};
INSTANTIATE_ON_BOTH_ENGINES(KeyRingTest);

TEST_P(KeyRingTest, IsTheSameForAllReplicas) {
  auto other = OpenStore();
  auto one = Ring(*store), two = Ring(*other);
  EXPECT_EQ((*one->Current())->id, (*two->Current())->id);
  EXPECT_EQ(ToBytes((*one->Current())->material.view()),
            ToBytes((*two->Current())->material.view()));
  EXPECT_NE((*one->Current())->id, (*Ring(*store, true)->Current())->id);
}

TEST_P(KeyRingTest, TurnsWhenOldEnoughAndKeepsTheKeyBefore) {
  auto ring = Ring(*store);
  const std::string first = (*ring->Current())->id;
  now += kDay - 1;
  EXPECT_EQ((*ring->Current())->id, first);
  now += 16;
  const std::string second = (*ring->Current())->id;
  EXPECT_NE(second, first);
  EXPECT_OK(ring->Find(first));
  now += 299;
  EXPECT_OK(ring->Find(first));
  now += 1;
  EXPECT_STATUS(ring->Find(first), kNotFound, "");
  EXPECT_OK(ring->Find(second));
  EXPECT_EQ(ring->All()->size(), 1u);
}

TEST_P(KeyRingTest, ManyReplicasTurnItOnce) {
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::unique_ptr<KeyRing>> rings;
  for (int i = 0; i < 4; ++i) {
    stores.push_back(OpenStore());
    rings.push_back(Ring(*stores.back()));
  }
  now += kDay + 1;
  std::vector<std::jthread> threads;
  for (auto& ring : rings) threads.emplace_back([&] { EXPECT_OK(ring->Current()); });
  threads.clear();
  std::set<std::string> ids;
  now += 16;
  for (auto& ring : rings) ids.insert((*ring->Current())->id);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(rings[0]->All()->size(), 2u);
}

TEST_P(KeyRingTest, ANewTokenKeyIsShownBeforeItIsUsed) {
  auto ring = Ring(*store, true);
  const std::string first = (*ring->Current())->id;
  now += kDay + 1;
  EXPECT_EQ((*ring->Current())->id, first);
  EXPECT_EQ(ring->All()->size(), 2u);
  now += 100;
  EXPECT_NE((*ring->Current())->id, first);
  EXPECT_EQ(ring->All()->size(), 2u);
}

TEST_P(KeyRingTest, AReplicaLooksAgainForAKeyItDoesNotKnow) {
  auto other = OpenStore();
  auto one = Ring(*store), two = Ring(*other);
  ASSERT_OK(RotateKeys(*store, Options(), false, {"operator", "local", "", now}));
  now += 1;
  auto fresh = Ring(*store);
  EXPECT_OK(two->Find((*fresh->Current())->id));
  EXPECT_STATUS(two->Find("0123456789abcdef"), kNotFound, "");
}

TEST_P(KeyRingTest, ARevokedKeyIsGoneAtOnce) {
  auto ring = Ring(*store);
  const std::string first = (*ring->Current())->id;
  ASSERT_OK(RotateKeys(*store, Options(), true, {"operator", "local", "", now}));
  now += 15;
  EXPECT_STATUS(ring->Find(first), kNotFound, "");
  EXPECT_EQ(ring->All()->size(), 1u);
  ASSERT_OK_AND_ASSIGN(const auto entries, store->AuditEntries(0, 10));
  EXPECT_EQ(entries.back().action, "key-rotated");
  EXPECT_EQ(entries.back().detail, R"({"revoked":true})");
}

TEST_P(KeyRingTest, SessionsAndTokensOutliveATurnButNotTheirKey) {
  const SessionSealer sealer(Ring(*store));
  const TokenSigner signer(Ring(*store, true), "us");
  ASSERT_OK_AND_ASSIGN(const std::string cookie, sealer.Seal({"n", "snp", now + kDay * 2, ""}));
  ASSERT_OK_AND_ASSIGN(const std::string token,
                       signer.Sign({{"iss", "us"}, {"exp", now + kDay * 2}}));
  now += kDay + 1;
  EXPECT_OK(sealer.Open(cookie, now));
  EXPECT_OK(signer.Verify(token, now));
  EXPECT_OK(signer.Jwks());
  now += 100 + 300;
  EXPECT_STATUS(sealer.Open(cookie, now), kUnauthenticated, "not ours");
  EXPECT_STATUS(signer.Verify(token, now), kUnauthenticated, "signature");
}

TEST(TokenSigner, NamesKeyAlgorithmAndCertificates) {
  for (const auto& [curve, name] :
       {std::pair(crypto::Curve::kP256, "ES256"), std::pair(crypto::Curve::kP384, "ES384")}) {
    ASSERT_OK_AND_ASSIGN(auto key, crypto::PrivateKey::GenerateEc(curve));
    crypto::CertificateRequest request;
    request.subject = {{"CN", "tokens"}};
    request.not_before = 0;
    request.not_after = 100;
    ASSERT_OK_AND_ASSIGN(auto certificate,
                         crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                                 crypto::SignatureScheme::kEcdsaSha256));
    const Bytes der = ToBytes(certificate.der());
    ASSERT_OK_AND_ASSIGN(auto other, crypto::PrivateKey::GenerateEc(curve));
    EXPECT_STATUS(TokenSigner::Create(std::move(other), "us", {der}), kInvalidArgument,
                  "another key");
    ASSERT_OK_AND_ASSIGN(auto signer, TokenSigner::Create(std::move(key), "us", {der}));
    ASSERT_OK_AND_ASSIGN(const std::string token, signer.Sign({{"iss", "us"}, {"exp", 10}}));
    EXPECT_OK(signer.Verify(token, 9));
    EXPECT_STATUS(signer.Verify(token, 10), kUnauthenticated, "expired");
    ASSERT_OK_AND_ASSIGN(const auto jws, crypto::ParseUnverifiedJws(token));
    EXPECT_EQ(jws.header["alg"], name);
    EXPECT_EQ(jws.header["x5c"].size(), 1u);
    ASSERT_OK_AND_ASSIGN(const Json jwks, ParseJson(*signer.Jwks()));
    EXPECT_EQ(jwks["keys"][0]["alg"], name);
    EXPECT_EQ(jwks["keys"][0]["kid"], jws.header["kid"]);
  }
  ASSERT_OK_AND_ASSIGN(auto wrong, crypto::PrivateKey::GenerateEc(crypto::Curve::kP521));
  EXPECT_STATUS(TokenSigner::Create(std::move(wrong), "us"), kInvalidArgument, "P-384");
}

}  // namespace
}  // namespace nacre::attestation
