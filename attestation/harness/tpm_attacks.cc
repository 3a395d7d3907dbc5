// TPM evidence with a key that came along with it: anybody can make such a key and sign what he
// likes. Peers' brokers leave it to a policy to notice.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/tpm_evidence.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/tpm/attest.h"
#include "tee/tpm/signature.h"

namespace nacre::attestation::harness {
namespace {

using tee::tpm::Attest;
using tee::tpm::Bank;

constexpr uint32_t kPcrs = 24;

// A quote of 24 PCRs of zeros over the session's nonce, signed by a key without a TPM.
absl::StatusOr<Json> SelfMadeQuote(const GuestSession& session, const Json& jwk,
                                   const std::function<void(Attest&)>& change) {
  ASSIGN_OR_RETURN(const Bytes binding, PrimaryBinding(session.nonce, jwk, ""));
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::GenerateRsa(2048));
  TpmEvidenceMessage message;
  Attest attest;
  attest.extra_data = TpmNonceFor(binding, 32);
  std::vector<uint32_t> all(kPcrs);
  Bytes values;
  for (uint32_t i = 0; i < kPcrs; ++i) {
    all[i] = i;
    message.evidence.pcrs[Bank::kSha256][i] = Bytes(32, 0);
    values.insert(values.end(), 32, 0);
  }
  attest.selections = {tee::tpm::PcrSelection::Of(Bank::kSha256, all)};
  attest.pcr_digest = crypto::Digest(crypto::HashAlgorithm::kSha256, values);
  if (change) change(attest);
  message.evidence.attest = tee::tpm::SerializeAttest(attest);
  tee::tpm::Signature signature;
  ASSIGN_OR_RETURN(signature.rsa,
                   key.SignRsaPkcs1(crypto::HashAlgorithm::kSha256, message.evidence.attest));
  message.evidence.signature = tee::tpm::SerializeSignature(signature);
  ASSIGN_OR_RETURN(message.ak_public, key.public_key().ToSpkiDer());
  return TpmEvidenceToJson(message);
}

using ChangeEvidence = std::function<void(Json&)>;
Case Quote(std::string name, std::string what, std::function<void(Attest&)> change,
           ChangeEvidence change_json = {}) {
  auto steps = [change = std::move(change),
                change_json = std::move(change_json)](Lab& lab) -> absl::StatusOr<Reply> {
    // A broker without TPMs refuses at once, which is as good.
    Reply auth = lab.Auth(RequestText(lab, [](Json& request) { request["tee"] = "tpm"; }));
    if (auth.status != 200) return auth;
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("tpm"));
    ASSIGN_OR_RETURN(Json evidence, SelfMadeQuote(session, lab.key().jwk, change));
    if (change_json) change_json(evidence);
    ASSIGN_OR_RETURN(Json attestation, lab.With(session, std::move(evidence)));
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

// Evidence of the peers' test TEE: nothing stands behind it, so nobody should be given a token that
// affirms it.
absl::StatusOr<Reply> Sample(Lab& lab) {
  Reply auth = lab.Auth(RequestText(lab, [](Json& request) { request["tee"] = "sample"; }));
  if (auth.status != 200) return auth;
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin("sample"));
  ASSIGN_OR_RETURN(const Bytes binding, PrimaryBinding(session.nonce, lab.key().jwk, ""));
  ASSIGN_OR_RETURN(Json attestation,
                   lab.With(session, {{"svn", "1"}, {"report_data", Base64Encode(binding)}}));
  return lab.Attest(session, attestation);
}

}  // namespace

Family TpmAttacks() {
  return {.suite = "attack",
          .name = "tpm",
          .cases = {
              Quote("self-made-ak", "a quote by an attestation key that only came along", {}),
              Quote("self-made-ak-generated-by-nobody", "a quote that says an earlier boot made it",
                    [](Attest& attest) { attest.reset_count = 7; }),
              Quote("other-nonce", "a quote over another nonce",
                    [](Attest& attest) { attest.extra_data = Bytes(32, 1); }),
              Quote("no-nonce", "a quote over no nonce",
                    [](Attest& attest) { attest.extra_data.clear(); }),
              Quote("no-pcrs", "a quote of no PCR",
                    [](Attest& attest) {
                      attest.selections.clear();
                      attest.pcr_digest = crypto::Digest(crypto::HashAlgorithm::kSha256, {});
                    }),
              Quote("other-pcrs", "PCR values that the quote does not cover",
                    [](Attest& attest) { attest.pcr_digest[0] ^= 1; }),
              Quote("ak-not-a-key", "an attestation key that is no key", {},
                    [](Json& evidence) { evidence["ak_public"] = Base64Encode(Bytes(200, 0x30)); }),
              Quote("quote-cut", "half a quote", {},
                    [](Json& evidence) {
                      Json& message = evidence["tpm_quote"]["message"];
                      message = message.get<std::string>().substr(0, 40);
                    }),
              Quote("pcr-missing", "23 PCRs", {},
                    [](Json& evidence) { evidence["tpm_quote"]["pcrs"].erase(0); }),
              {"sample", "sample evidence, which anybody can write", {}, Sample, NotBelieved()}}};
}

}  // namespace nacre::attestation::harness
