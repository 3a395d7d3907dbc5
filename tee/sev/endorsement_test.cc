#include "tee/sev/endorsement.h"

#include <gtest/gtest.h>

#include <thread>

#include "tee/sev/test_chip.h"

namespace nacre::tee::sev {
namespace {

struct Outcome {
  bool genuine;
  Appraisal appraisal;
};

Outcome Verify(const SnpEvidence& evidence, const SnpTrust& trust, EndorsementCache* cache,
               int64_t now = kTestNow) {
  Outcome out{};
  out.genuine = VerifySnp(evidence, trust, {}, now, &out.appraisal, cache).has_value();
  return out;
}

TEST(EndorsementCache, SecondReportOfAChipIsAHitWithTheSameAppraisal) {
  const TestChip chip;
  EndorsementCache cache;
  const Outcome first = Verify(chip.Evidence(), chip.Trust(), &cache);
  EXPECT_TRUE(first.genuine);
  EXPECT_EQ(cache.hits(), 0u);
  const Outcome second = Verify(chip.Evidence(), chip.Trust(), &cache);
  EXPECT_TRUE(second.genuine);
  EXPECT_EQ(cache.hits(), 1u);
  EXPECT_EQ(cache.size(), 1u);
  ASSERT_EQ(first.appraisal.checks.size(), second.appraisal.checks.size());
  for (size_t i = 0; i < first.appraisal.checks.size(); ++i) {
    EXPECT_EQ(first.appraisal.checks[i].name, second.appraisal.checks[i].name);
    EXPECT_EQ(first.appraisal.checks[i].got, second.appraisal.checks[i].got);
  }
  EXPECT_EQ(first.appraisal.claims, second.appraisal.claims);
  EXPECT_EQ(first.appraisal.root, second.appraisal.root);
}

TEST(EndorsementCache, ForgedReportIsRefusedOnAHit) {
  const TestChip chip;
  EndorsementCache cache;
  EXPECT_TRUE(Verify(chip.Evidence(), chip.Trust(), &cache).genuine);
  SnpEvidence forged = chip.Evidence();
  forged.report[0x90] ^= 1;
  const Outcome outcome = Verify(forged, chip.Trust(), &cache);
  EXPECT_FALSE(outcome.genuine);
  EXPECT_EQ(outcome.appraisal.refusal_class, RefusalClass::kSignature);
  EXPECT_EQ(cache.hits(), 1u);
}

TEST(EndorsementCache, AnythingElseIsAMiss) {
  const TestChip chip;
  EndorsementCache cache;
  EXPECT_TRUE(Verify(chip.Evidence(), chip.Trust(), &cache).genuine);

  SnpTrust other = chip.Trust();
  other.roots[0].spki_sha384[0] ^= 1;
  EXPECT_FALSE(Verify(chip.Evidence(), other, &cache).genuine);
  SnpTrust strict = chip.Trust();
  strict.require_crl = true;
  EXPECT_FALSE(Verify(chip.Evidence(), strict, &cache).genuine);
  SnpTrust revoking = chip.Trust();
  revoking.known_certificates = {chip.Crl({{12}})};
  EXPECT_FALSE(Verify(chip.Evidence(), revoking, &cache).genuine);
  SnpEvidence spoiled = chip.Evidence();
  spoiled.certificates[0].data.back() ^= 1;
  EXPECT_FALSE(Verify(spoiled, chip.Trust(), &cache).genuine);
  SnpEvidence vlek = chip.Evidence([](Report& r) { r.key_info = 1 << 2; });
  EXPECT_FALSE(Verify(vlek, chip.Trust(), &cache).genuine);
  EXPECT_EQ(cache.hits(), 0u);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(EndorsementCache, DatesEndAnEntryAtTheirEdges) {
  const TestChip chip;
  const TestChipOptions dates;
  SnpTrust trust = chip.Trust();
  trust.known_certificates = {chip.Crl({}, true, kTestNow + 100)};
  EndorsementCache cache;
  EXPECT_TRUE(Verify(chip.Evidence(), trust, &cache).genuine);
  EXPECT_TRUE(Verify(chip.Evidence(), trust, &cache, kTestNow + 99).genuine);
  EXPECT_EQ(cache.hits(), 1u);
  const Outcome late = Verify(chip.Evidence(), trust, &cache, kTestNow + 100);
  EXPECT_EQ(late.appraisal.refusal_class, RefusalClass::kCrlExpired);
  const Outcome later = Verify(chip.Evidence(), trust, &cache, dates.leaf_not_after);
  EXPECT_EQ(later.appraisal.refusal_class, RefusalClass::kExpired);
  const Outcome early = Verify(chip.Evidence(), trust, &cache, dates.leaf_not_before - 1);
  EXPECT_EQ(early.appraisal.refusal_class, RefusalClass::kNotYetValid);
  EXPECT_EQ(cache.hits(), 1u);
}

TEST(EndorsementCache, DropsTheLeastRecentlyUsed) {
  const TestChip chip;
  Appraisal appraisal;
  const auto good = VerifyEndorsement(chip.Evidence().certificates, CertificateKind::kVcek,
                                      chip.Trust(), kTestNow, nullptr, &appraisal);
  ASSERT_NE(good, nullptr);
  EndorsementCache cache(2);
  cache.Store("a", good);
  cache.Store("b", good);
  EXPECT_NE(cache.Find("a", kTestNow), nullptr);
  cache.Store("c", good);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Find("b", kTestNow), nullptr);
  EXPECT_NE(cache.Find("a", kTestNow), nullptr);
  cache.Store("a", good);
  EXPECT_EQ(cache.size(), 2u);
  EndorsementCache none(0);
  none.Store("a", good);
  EXPECT_EQ(none.size(), 0u);
}

TEST(EndorsementCache, ThreadsShareIt) {
  const TestChip chip;
  EndorsementCache cache;
  const SnpEvidence evidence = chip.Evidence();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) EXPECT_TRUE(Verify(evidence, chip.Trust(), &cache).genuine);
    });
  }
  threads.clear();
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_GE(cache.hits(), 16u);
}

}  // namespace
}  // namespace nacre::tee::sev
