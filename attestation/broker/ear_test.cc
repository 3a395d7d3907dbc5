#include "attestation/broker/ear.h"

#include "attestation/broker/policy_catalogue.h"
#include "attestation/broker/release_floor.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

Json Ear(bool emulated, EvidenceKind kind = EvidenceKind::kSnp, size_t parts = 1) {
  AppraisalOutcome outcome;
  outcome.kind = kind;
  outcome.genuine = true;
  outcome.appraisal.emulated = emulated;
  outcome.appraisal.reference = "pearl";
  outcome.appraisal.Add("launch measurement", true, "x", "x");
  Attestation attestation;
  attestation.nonce = "nonce";
  attestation.tee_pubkey = {{"kty", "EC"}};
  const auto policies = *PolicySet::Defaults();
  const auto judgements =
      *JudgeAll(std::vector<AppraisalOutcome>(parts, outcome), attestation, policies->Attestation(),
                [](std::string_view) { return Json(nullptr); });
  return *ParseJson(*BuildEar({.id = "00ff",
                               .issuer = "nacre-kbs",
                               .issued_at = 1,
                               .expires_at = 301,
                               .judgements = judgements}));
}

FloorDecision DecideRelease(const EarSummary& guest, bool allow_emulated) {
  return CheckFloor(guest, {.allow_emulated = allow_emulated, .require_affirming = true});
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

TEST(Ear, EveryKindHasItsName) {
  for (EvidenceKind kind : AllEvidenceKinds()) {
    ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(Ear(false, kind)));
    EXPECT_EQ(guest.tee, EvidenceKindName(kind));
    EXPECT_TRUE(DecideRelease(guest, false).allowed);
  }
}

TEST(Ear, OfSeveralPartsTheWorstCounts) {
  Json ear = Ear(false, EvidenceKind::kTdx, 2);
  EXPECT_TRUE(DecideRelease(*ReadEar(ear), false).allowed);
  const std::string vector = "/submods/cpu1/ear.trustworthiness-vector";
  for (const Json& spoilt :
       {Json({{"hardware", 33}}), Json({{"executables", 96}}), Json::object()}) {
    Json bad = ear;
    bad[Json::json_pointer(vector)] = spoilt;
    EXPECT_FALSE(DecideRelease(*ReadEar(bad), true).allowed) << spoilt;
  }
  Json emulated = ear;
  emulated["submods"]["cpu1"]["ear.veraison.annotated-evidence"]["tdx"]["emulated"] = true;
  EXPECT_EQ(DecideRelease(*ReadEar(emulated), false).code, "emulated-not-allowed");
  ear["submods"]["gpu0"] = ear["submods"]["cpu1"];
  EXPECT_STATUS(ReadEar(ear), kInvalidArgument, "cpu2");
}

TEST(Ear, AnEmptyVectorAffirmsNothing) {
  Json ear = Ear(false);
  ear["submods"]["cpu0"]["ear.trustworthiness-vector"] = Json::object();
  ASSERT_OK_AND_ASSIGN(EarSummary guest, ReadEar(ear));
  EXPECT_FALSE(DecideRelease(guest, true).allowed);
}

}  // namespace
}  // namespace nacre::attestation
