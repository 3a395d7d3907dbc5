#include "attestation/broker/ear.h"

#include "attestation/broker/release_policy.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

Json Ear(bool emulated) {
  tee::Appraisal appraisal;
  appraisal.emulated = emulated;
  appraisal.reference = "pearl";
  appraisal.Add("launch measurement", true, "x", "x");
  tee::sev::Report report;
  report.version = 3;
  Attestation attestation;
  attestation.nonce = "nonce";
  attestation.tee_pubkey = {{"kty", "EC"}};
  return BuildEar({.id = "00ff",
                   .issuer = "nacre-kbs",
                   .issued_at = 1,
                   .expires_at = 301,
                   .appraisal = appraisal,
                   .report = report,
                   .attestation = attestation});
}

TEST(Ear, TiersAreAr4sis) {
  for (int claim : {2, 31}) EXPECT_EQ(EarTier(claim), EarStatus::kAffirming) << claim;
  for (int claim : {32, 95}) EXPECT_EQ(EarTier(claim), EarStatus::kWarning) << claim;
  for (int claim : {96, 127, 128, 1, -1}) {
    EXPECT_EQ(EarTier(claim), EarStatus::kContraindicated) << claim;
  }
  EXPECT_EQ(EarTier(0), EarStatus::kNone);
}

TEST(Ear, RealHardwareIsAffirmed) {
  Json ear = Ear(false);
  EXPECT_EQ(ear["submods"]["cpu0"]["ear.status"], "affirming");
  ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(ear));
  EXPECT_EQ(guest.status, EarStatus::kAffirming);
  EXPECT_EQ(guest.reference, "pearl");
  EXPECT_EQ(guest.id, "00ff");
  EXPECT_TRUE(DecideRelease(guest, false).allowed);
}

TEST(Ear, EmulatedHardwareIsNotAndNeedsTheOwnersWord) {
  ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(Ear(true)));
  EXPECT_EQ(guest.status, EarStatus::kContraindicated);
  EXPECT_EQ(guest.status_but_hardware, EarStatus::kAffirming);
  EXPECT_FALSE(DecideRelease(guest, false).allowed);
  EXPECT_EQ(DecideRelease(guest, false).code, "emulated-not-allowed");
  EXPECT_TRUE(DecideRelease(guest, true).allowed);
}

TEST(Ear, OtherClaimsMustBeAffirmingToo) {
  for (bool emulated : {false, true}) {
    Json ear = Ear(emulated);
    ear["submods"]["cpu0"]["ear.trustworthiness-vector"]["executables"] = 33;
    ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(ear));
    EXPECT_EQ(DecideRelease(guest, true).code, "not-affirming");
  }
}

TEST(Ear, AFlagAloneDoesNotMakeHardwareReal) {
  Json ear = Ear(true);
  ear["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"]["emulated"] = false;
  ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(ear));
  EXPECT_FALSE(DecideRelease(guest, true).allowed);
  ear = Ear(false);
  ear["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"]["emulated"] = true;
  ASSERT_OK_AND_ASSIGN(guest, ReadEar(ear));
  EXPECT_FALSE(DecideRelease(guest, false).allowed);
}

TEST(Ear, NothingIsAssumedOfOtherShapes) {
  EXPECT_STATUS(ReadEar(Json::object()), kInvalidArgument, "jti");
  for (const char* pointer :
       {"/submods", "/submods/cpu0", "/submods/cpu0/ear.trustworthiness-vector",
        "/submods/cpu0/ear.veraison.annotated-evidence",
        "/submods/cpu0/ear.veraison.annotated-evidence/snp",
        "/submods/cpu0/ear.veraison.annotated-evidence/snp/emulated",
        "/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey"}) {
    Json ear = Ear(false);
    ear[Json::json_pointer(pointer)] = "x";
    EXPECT_FALSE(ReadEar(ear).ok()) << pointer;
  }
  Json ear = Ear(false);
  ear["submods"]["cpu0"]["ear.trustworthiness-vector"]["hardware"] = "2";
  EXPECT_STATUS(ReadEar(ear), kInvalidArgument, "hardware");
}

TEST(Ear, AnEmptyVectorAffirmsNothing) {
  Json ear = Ear(false);
  ear["submods"]["cpu0"]["ear.trustworthiness-vector"] = Json::object();
  ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(ear));
  EXPECT_FALSE(DecideRelease(guest, true).allowed);
}

}  // namespace
}  // namespace nacre::attestation
