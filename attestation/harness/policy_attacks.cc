// Genuine evidence of guests that an owner would not trust with a secret.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/token_tools.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

// What the token of an emulated guest says about its hardware.
absl::StatusOr<Reply> EmulatedStatus(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
  ASSIGN_OR_RETURN(Json attestation, lab.HonestOf(lab.snp(), session, lab.key()));
  Reply reply = lab.Attest(session, attestation);
  if (reply.status != 200) return reply;
  ASSIGN_OR_RETURN(std::string token, ParseTokenAnswer(reply.body));
  ASSIGN_OR_RETURN(TokenParts parts, TakeApart(token));
  bool affirmed = TextOf(parts.claims).find(R"("ear.status":"affirming")") != std::string::npos;
  if (affirmed) return absl::FailedPreconditionError("an emulated guest affirmed");
  return reply;
}

// An emulated guest asks for a resource of a broker whose owner allows none of them.
absl::StatusOr<Reply> EmulatedRelease(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
  ASSIGN_OR_RETURN(Json attestation, lab.HonestOf(lab.snp(), session, lab.key()));
  Reply reply = lab.Attest(session, attestation);
  if (reply.status != 200) return reply;
  ASSIGN_OR_RETURN(std::string token, ParseTokenAnswer(reply.body));
  std::string path = lab.resource().empty() ? "default/key/1" : lab.resource();
  return lab.GetBearer(token, path);
}

// Reference values are what the owner registers, not what a guest sends along.
absl::StatusOr<Reply> OwnReference(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
  ASSIGN_OR_RETURN(Json attestation, lab.HonestOf(lab.snp(), session, lab.key()));
  Json& evidence = attestation["tee-evidence"]["primary_evidence"];
  evidence["attestation_report"]["measurement"][0] =
      (evidence["attestation_report"]["measurement"][0].get<int>() + 1) % 256;
  evidence["reference_values"] = {
      {"snp_launch_measurement", evidence["attestation_report"]["measurement"]}};
  evidence["launch_hint"] = {{"command_line", "nacre-harness"}, {"vcpus", 1}};
  return lab.Attest(session, attestation);
}

}  // namespace

Family PolicyAttacks() {
  return {.suite = "attack",
          .name = "policy",
          .cases = {{"emulated-affirmed",
                     "an emulated machine's token",
                     {Need::kSnp},
                     EmulatedStatus,
                     Accepted("a status other than affirming")},
                    {"emulated-release",
                     "an emulated guest where the owner allows none",
                     {Need::kEmulatedRefused},
                     EmulatedRelease,
                     Refused({401, 403})},
                    {"own-reference",
                     "a guest that brings its own reference value",
                     {Need::kSnp},
                     OwnReference,
                     NotBelieved()}}};
}

}  // namespace nacre::attestation::harness
