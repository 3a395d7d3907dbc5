// What the report data covers: nonce, key and additional evidence. Evidence is genuine here; it is
// for something else.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/protocol/binding.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation::harness {
namespace {

// Evidence of the guest over report data that is not the session's.
using MakeReportData = std::function<absl::StatusOr<tee::ReportData>(Lab&, const GuestSession&)>;
Case BoundTo(std::string name, std::string what, MakeReportData make) {
  auto steps = [make = std::move(make)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(const tee::ReportData report_data, make(lab, session));
    ASSIGN_OR_RETURN(Json evidence, lab.guest().Evidence(report_data));
    ASSIGN_OR_RETURN(Json attestation,
                     lab.With(session, std::move(evidence), lab.guest().init_data()));
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = NotAttested()};
}

absl::StatusOr<tee::ReportData> Right(Lab& lab, const GuestSession& session) {
  return BindReportData(session.nonce, lab.key().jwk, "");
}

// The right report data with one byte changed.
MakeReportData Changed(size_t index) {
  return [index](Lab& lab, const GuestSession& session) -> absl::StatusOr<tee::ReportData> {
    ASSIGN_OR_RETURN(tee::ReportData report_data, Right(lab, session));
    report_data.bytes[index] ^= 1;
    return report_data;
  };
}

// A digest of the right text with another algorithm.
MakeReportData Hashed(crypto::HashAlgorithm algorithm) {
  return [algorithm](Lab& lab, const GuestSession& session) -> absl::StatusOr<tee::ReportData> {
    ASSIGN_OR_RETURN(std::string text, CanonicalJson({{"additional-evidence", ""},
                                                      {"nonce", session.nonce},
                                                      {"tee-pubkey", lab.key().jwk}}));
    return tee::ReportData::FromBytes(crypto::Digest(algorithm, AsBytes(text)));
  };
}

// The right digest `offset` bytes further on.
absl::StatusOr<tee::ReportData> Shifted(Lab& lab, const GuestSession& session) {
  ASSIGN_OR_RETURN(tee::ReportData report_data, Right(lab, session));
  std::rotate(report_data.bytes.begin(), report_data.bytes.begin() + 48, report_data.bytes.end());
  return report_data;
}

absl::StatusOr<tee::ReportData> NonceAlone(Lab&, const GuestSession& session) {
  ASSIGN_OR_RETURN(std::string text, CanonicalJson({{"nonce", session.nonce}}));
  return tee::ReportData::FromBytes(crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes(text)));
}

absl::StatusOr<tee::ReportData> RawNonce(Lab&, const GuestSession& session) {
  return tee::ReportData::FromBytes(
      AsBytes(session.nonce).first(std::min<size_t>(session.nonce.size(), tee::kReportDataSize)));
}

// The device form has no additional-evidence: it is for what comes beside the primary.
absl::StatusOr<tee::ReportData> AsDevice(Lab& lab, const GuestSession& session) {
  ASSIGN_OR_RETURN(const Bytes binding, DeviceBinding(session.nonce, lab.key().jwk));
  return tee::ReportData::FromBytes(binding);
}

absl::StatusOr<Reply> SwappedKey(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
  ASSIGN_OR_RETURN(TeeKey mine, MakeTeeKey("P-256"));
  attestation["runtime-data"]["tee-pubkey"] = mine.jwk;
  return lab.Attest(session, attestation);
}

// Two guests at once: the evidence of one with the nonce and the key of the other.
absl::StatusOr<Reply> AnotherGuests(Lab& lab) {
  ASSIGN_OR_RETURN(TeeKey theirs, MakeTeeKey("P-256"));
  ASSIGN_OR_RETURN(GuestSession their_session, lab.Begin());
  ASSIGN_OR_RETURN(Json their_attestation, lab.Honest(their_session, theirs));
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
  attestation["tee-evidence"] = their_attestation["tee-evidence"];
  return lab.Attest(session, attestation);
}

Case Additional(std::string name, std::string what, std::string text) {
  return AttestCase(
      std::move(name), std::move(what),
      [text = std::move(text)](Json& json) { json["tee-evidence"]["additional_evidence"] = text; },
      NotBelieved());
}

// Bound as it should be, so that what it holds has to be judged.
Case BoundAdditional(std::string name, std::string what, std::string text) {
  auto steps = [text = std::move(text)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(const tee::ReportData report_data,
                     BindReportData(session.nonce, lab.key().jwk, text));
    ASSIGN_OR_RETURN(Json evidence, lab.guest().Evidence(report_data));
    ASSIGN_OR_RETURN(Json attestation,
                     lab.With(session, std::move(evidence), lab.guest().init_data()));
    attestation["tee-evidence"]["additional_evidence"] = text;
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

constexpr char kOtherInitdata[] =
    "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"a\" = \"b\"\n";

std::vector<Case> AdditionalEvidence() {
  return {
      Additional("additional-inserted", "additional evidence put in after the quote",
                 R"({"tpm":{}})"),
      Additional("additional-space", "a space as additional evidence, put in after the quote", " "),
      BoundAdditional("additional-unknown", "additional evidence of a kind that does not exist",
                      R"({"pearl":{}})"),
      BoundAdditional("additional-empty-part", "additional evidence without anything in it",
                      R"({"tdx":{}})"),
      BoundAdditional("additional-not-json", "additional evidence that is no JSON", "{"),
      BoundAdditional("additional-array", "additional evidence as an array", "[]"),
      BoundAdditional("additional-many", "more kinds of additional evidence than there are",
                      R"({"a":{},"b":{},"c":{},"d":{},"e":{},"f":{},"g":{},"h":{}})")};
}

}  // namespace

Family BindingAttacks() {
  std::vector<Case> cases = {
      {"swapped-key",
       "a key of the attacker's in place of the guest's",
       {Need::kGuest},
       SwappedKey,
       NotAttested()},
      {"another-guests-evidence",
       "the evidence of another guest that attests at the same time",
       {Need::kGuest},
       AnotherGuests,
       NotAttested()},
      AttestCase(
          "key-member-added", "another member in the key, after the quote",
          [](Json& json) { json["runtime-data"]["tee-pubkey"]["use"] = "enc"; }, NotBelieved()),
      AttestCase(
          "key-algorithm-changed", "another algorithm in the key, after the quote",
          [](Json& json) { json["runtime-data"]["tee-pubkey"]["alg"] = "ECDH-ES"; }, NotBelieved()),
      AttestCase(
          "initdata-inserted", "initdata that the hardware does not vouch for",
          [](Json& json) {
            json["init-data"] = {{"format", "toml"}, {"body", kOtherInitdata}};
          },
          NotAttested()),
      BoundTo("report-data-zero", "evidence over 64 zero bytes",
              [](Lab&, const GuestSession&) -> absl::StatusOr<tee::ReportData> {
                return tee::ReportData{};
              }),
      BoundTo("report-data-first-byte", "report data whose first byte is changed", Changed(0)),
      BoundTo("report-data-last-of-digest", "report data whose 48th byte is changed", Changed(47)),
      BoundTo("report-data-padding", "report data whose padding is not zero", Changed(63)),
      BoundTo("report-data-shifted", "the right digest at the end instead of the beginning",
              Shifted),
      BoundTo("report-data-sha256", "report data of SHA-256",
              Hashed(crypto::HashAlgorithm::kSha256)),
      BoundTo("report-data-sha512", "report data of SHA-512",
              Hashed(crypto::HashAlgorithm::kSha512)),
      BoundTo("report-data-nonce-alone", "report data that covers the nonce and no key",
              NonceAlone),
      BoundTo("report-data-raw-nonce", "the nonce itself as report data", RawNonce),
      BoundTo("report-data-of-a-device", "report data in the form for additional evidence",
              AsDevice)};
  std::vector<Case> more = AdditionalEvidence();
  cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "attack", .name = "binding", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
