// The handshake and what is refused in it, and the explanation the owner gets each time.
#include "attestation/broker/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/broker/testing.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/error_body.h"
#include "attestation/protocol/sample_evidence.h"
#include "base/encoding.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "tee/common/initdata.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HandshakeTest : public ::testing::Test {
 protected:
  HandshakeTest() { broker.Provision(); }

  // Refused with this status and code; the wire tells nothing else, the owner's log does.
  void ExpectRefused(const Answer& answer, int status, const std::string& code) {
    EXPECT_EQ(answer.response.status, status) << answer.response.body;
    EXPECT_EQ(CodeOf(answer), code) << answer.summary;
    EXPECT_EQ(guest.token, "");
  }
  void ExpectEvidenceRefused(const Answer& answer, const std::string& code,
                             const std::string& summary) {
    ExpectRefused(answer, 401, code);
    Json explanation = broker.LastExplanation();
    EXPECT_EQ(explanation["id"], ParseErrorBody(answer.response.body)->correlation_id);
    EXPECT_EQ(explanation["verdict"], "refused");
    EXPECT_EQ(explanation["code"], code);
    EXPECT_THAT(explanation["summary"].get<std::string>(), HasSubstr(summary));
    EXPECT_THAT(answer.response.body, Not(HasSubstr(summary)));
  }

  TestBroker broker;
  TestGuest guest{broker};
};

TEST_F(HandshakeTest, GoodEvidenceEarnsAToken) {
  Answer auth = guest.Auth();
  EXPECT_EQ(auth.response.status, 200);
  EXPECT_EQ(guest.nonce.size(), 44u);  // base64 of 32 bytes
  EXPECT_THAT(std::string(auth.response.Header("Set-Cookie")),
              HasSubstr("; Path=/kbs/v0; Max-Age=300; HttpOnly; Secure; SameSite=Strict"));
  Answer attest = guest.Attest(guest.GoodAttestation());
  EXPECT_EQ(attest.response.status, 200) << attest.response.body << attest.summary;
  EXPECT_NE(guest.token, "");
  Json explanation = broker.LastExplanation();
  EXPECT_EQ(explanation["verdict"], "emulated");
  EXPECT_EQ(explanation["reference"], "pearl");
  EXPECT_EQ(explanation["peer"], "10.0.2.15:40000");
  EXPECT_EQ(explanation["code"], "");
}

TEST_F(HandshakeTest, TokenIsAnEarOfThisGuest) {
  ASSERT_EQ(guest.Run().response.status, 200);
  Json claims = *ParseJson(AsText(crypto::ParseUnverifiedJws(guest.token)->payload));
  const Json& cpu = claims["submods"]["cpu0"];
  EXPECT_EQ(claims["iss"], "nacre-kbs");
  EXPECT_EQ(claims["exp"].get<int64_t>(), broker.now + 300);
  EXPECT_EQ(cpu["ear.status"], "contraindicated");  // emulated hardware is never affirmed
  EXPECT_EQ(cpu["ear.trustworthiness-vector"]["hardware"], 97);
  EXPECT_EQ(cpu["ear.trustworthiness-vector"]["executables"], 3);
  const Json& evidence = cpu["ear.veraison.annotated-evidence"];
  EXPECT_EQ(evidence["snp"]["emulated"], true);
  EXPECT_EQ(evidence["snp"]["policy_debug_allowed"], false);
  EXPECT_EQ(evidence["snp"]["reported_tcb_snp"], 24);
  EXPECT_EQ(evidence["snp"]["measurement"].get<std::string>().size(), 96u);
  EXPECT_EQ(evidence["runtime_data_claims"]["nonce"], guest.nonce);
}

TEST_F(HandshakeTest, AnAttestedSessionGetsTheSameTokenAgain) {
  ASSERT_EQ(guest.Run().response.status, 200);
  std::string first = guest.token;
  EXPECT_EQ(guest.Attest(guest.GoodAttestation()).response.status, 200);
  EXPECT_EQ(guest.token, first);
}

TEST_F(HandshakeTest, OtherVersionsAndTeesAreRefused) {
  auto auth = [&](const std::string& version, const std::string& tee) {
    return broker.Handle(
        "POST", "/kbs/v0/auth", {},
        R"({"version":")" + version + R"(","tee":")" + tee + R"(","extra-params":""})");
  };
  for (const char* tee : {"snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm", "tpm"}) {
    EXPECT_EQ(auth("0.4.0", tee).response.status, 200) << tee;
  }
  ExpectRefused(auth("0.4.1", "snp"), 401, "protocol-version");
  ExpectRefused(auth("0.1.1", "snp"), 401, "protocol-version");
  ExpectRefused(auth("0.4.0", "sample"), 401, "tee-unsupported");
  ExpectRefused(broker.Handle("POST", "/kbs/v0/auth", {}, "{"), 400, "malformed");
}

// Evidence of no hardware: an emulator's where the owner says so, and nothing anywhere else.
class SampleTest : public ::testing::Test {
 protected:
  static Answer Attest(TestGuest& guest, const Bytes& add = {}) {
    guest.tee = "sample";
    Answer challenge = guest.Auth();
    if (challenge.response.status != 200) return challenge;
    Attestation attestation = guest.GoodAttestation();
    Bytes binding = *PrimaryBinding(guest.nonce, attestation.tee_pubkey, "");
    binding.insert(binding.end(), add.begin(), add.end());
    attestation.primary_evidence = *SampleEvidenceToJson({"1", binding});
    return guest.Attest(attestation);
  }
  static void RegisterSvn(TestBroker& broker) {
    const Json message = {{"version", "0.1.0"},
                          {"type", "sample"},
                          {"payload", Base64Encode(AsBytes(std::string_view(R"({"svn":["1"]})")))}};
    EXPECT_EQ(broker.Admin("POST", "/kbs/v0/reference-value", message.dump()).response.status, 200);
  }
  static void Allow(BrokerConfig& config) { config.allow_sample = true; }
};

TEST_F(SampleTest, IsRefusedUnlessConfigured) {
  TestBroker broker;
  RegisterSvn(broker);
  TestGuest guest(broker);
  EXPECT_EQ(CodeOf(Attest(guest)), "tee-unsupported");
  // Nor beside other evidence.
  guest.tee = "snp";
  ASSERT_EQ(guest.Auth().response.status, 200);
  Attestation attestation = guest.GoodAttestation();
  attestation.additional_evidence = R"({"sample":{"svn":"1","report_data":"AAEC"}})";
  EXPECT_EQ(guest.Attest(attestation).response.status, 401);
}

TEST_F(SampleTest, CountsAsEmulatedAndOnlyWithItsSvnRegistered) {
  TestBroker broker(Allow);
  broker.Provision();
  TestGuest guest(broker);
  Answer unknown = Attest(guest);
  EXPECT_EQ(unknown.response.status, 401);
  EXPECT_EQ(CodeOf(unknown), "launch-measurement");
  RegisterSvn(broker);
  ASSERT_EQ(Attest(guest).response.status, 200);
  EXPECT_TRUE(broker.LastExplanation()["emulated"]);
  EXPECT_EQ(guest.Get("default/key/1").response.status, 200);  // this broker allows emulated guests
  EXPECT_EQ(CodeOf(Attest(guest, {0})), "report-data");
  TestBroker strict([](BrokerConfig& config) {
    Allow(config);
    config.allow_emulated = false;
  });
  strict.Provision();
  RegisterSvn(strict);
  TestGuest other(strict);
  ASSERT_EQ(Attest(other).response.status, 200);
  const Answer denied = other.Get("default/key/1");
  EXPECT_EQ(denied.response.status, 403);
  EXPECT_EQ(CodeOf(denied), "emulated-not-allowed");
}

TEST_F(HandshakeTest, ANonceCountsOnce) {
  guest.Auth();
  std::string cookie = guest.cookie;
  Attestation bad = guest.GoodAttestation([](auto& report) { report.report_data[0] ^= 1; });
  ExpectRefused(guest.Attest(bad), 401, "report-data");
  // The good evidence for the same nonce comes too late.
  ExpectEvidenceRefused(guest.Attest(guest.GoodAttestation()), "nonce-replayed", "used before");
  ASSERT_EQ(guest.Run().response.status, 200);
  guest.cookie = cookie;  // the cookie from before it was attested
  guest.token.clear();
  ExpectEvidenceRefused(guest.Attest(guest.GoodAttestation()), "nonce-mismatch", "nonce refused");
}

TEST_F(HandshakeTest, EvidenceOfAnotherSessionIsRefused) {
  guest.Auth();
  Attestation old = guest.GoodAttestation();
  guest.Auth();
  ExpectEvidenceRefused(guest.Attest(old), "nonce-mismatch", "not the one of this session");
}

TEST_F(HandshakeTest, AnotherKeyThanTheQuotedOneIsRefused) {
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  auto thief = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  attestation.tee_pubkey = *crypto::PublicKeyToJwk(thief.public_key());
  attestation.tee_pubkey["alg"] = "ECDH-ES+A256KW";
  ExpectEvidenceRefused(guest.Attest(attestation), "report-data", "not made for this session");
}

TEST_F(HandshakeTest, KeysWeCannotEncryptToAreRefused) {
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  attestation.tee_pubkey["x"] = "AAAA";
  ExpectEvidenceRefused(guest.Attest(attestation), "malformed-evidence", "tee-pubkey");
  guest.Auth();
  attestation = guest.GoodAttestation();
  attestation.tee_pubkey["extra"] = "member";
  ExpectEvidenceRefused(guest.Attest(attestation), "malformed-evidence", "extra");
}

TEST_F(HandshakeTest, OtherDevicesAreNotIgnored) {
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  attestation.additional_evidence = R"({"nvidia":{}})";
  ExpectEvidenceRefused(guest.Attest(attestation), "malformed-evidence", "additional_evidence");
  // None, but said otherwise than in the report.
  guest.Auth();
  attestation = guest.GoodAttestation();
  attestation.additional_evidence = "{}";
  ExpectEvidenceRefused(guest.Attest(attestation), "report-data", "report data");
}

TEST_F(HandshakeTest, WithoutOurCookieThereIsNoSession) {
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  std::string good = guest.cookie;
  for (std::string cookie :
       {std::string(), std::string("kbs-session-id="), std::string("kbs-session-id=AAAA"),
        "other" + good, good.substr(0, good.size() - 4), good + "AAAA"}) {
    guest.cookie = cookie;
    ExpectRefused(guest.Attest(attestation), 401, "no-session");
  }
  guest.cookie = good;
  EXPECT_EQ(guest.Attest(attestation).response.status, 200);
}

TEST_F(HandshakeTest, ATamperedCookieIsNoSession) {
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  std::string good = guest.cookie;
  for (size_t i = good.find('=') + 1; i < good.size(); i += 11) {
    guest.cookie = good;
    guest.cookie[i] = good[i] == 'A' ? 'B' : 'A';
    ExpectRefused(guest.Attest(attestation), 401, "no-session");
  }
}

TEST_F(HandshakeTest, AStaleCookieIsNoSession) {
  guest.Auth();
  broker.now += 300;
  ExpectRefused(guest.Attest(guest.GoodAttestation()), 401, "no-session");
  guest.Auth();
  broker.now += 299;
  EXPECT_EQ(guest.Attest(guest.GoodAttestation()).response.status, 200);
}

TEST_F(HandshakeTest, ADebugGuestIsRefused) {
  ExpectEvidenceRefused(guest.Run([](auto& report) { report.policy.value |= 1 << 19; }),
                        "debugging", "debugging refused");
}

TEST_F(HandshakeTest, OnlyVmplZeroIsAccepted) {
  ExpectEvidenceRefused(guest.Run([](auto& report) { report.vmpl = 1; }), "vmpl", "VMPL refused");
}

TEST_F(HandshakeTest, AChangedReportIsForged) {
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  attestation.primary_evidence["attestation_report"]["guest_svn"] = 9u;
  Answer answer = guest.Attest(attestation);
  EXPECT_EQ(answer.response.status, 401);
  EXPECT_EQ(broker.LastExplanation()["verdict"], "refused");
}

TEST_F(HandshakeTest, AnotherCommandLineIsNamed) {
  guest.launch = Chip::Get().Launch("console=ttyS0 quiet demo.changed=1");
  ExpectEvidenceRefused(
      guest.Run(), "launch-measurement",
      "command line differs at argument 3: expected nothing, got 'demo.changed=1'");
}

TEST_F(HandshakeTest, AHintProvesNothingByItself) {
  guest.launch.vcpus = 2;
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  // The guest claims to be launched as registered; the measurement says otherwise.
  attestation.primary_evidence["launch_hint"]["vcpus"] = 1u;
  ExpectEvidenceRefused(guest.Attest(attestation), "launch-measurement", "launch measurement");
}

TEST_F(HandshakeTest, WithoutAReferenceNobodyIsAffirmed) {
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/reference-value/pearl").response.status, 200);
  ExpectEvidenceRefused(guest.Run(), "launch-measurement", "no reference value is registered");
}

TEST_F(HandshakeTest, AnUnknownRootIsRefused) {
  TestBroker strict([](BrokerConfig& config) { config.emulated_root.clear(); });
  strict.Provision();
  TestGuest stranger(strict);
  Answer answer = stranger.Run();
  EXPECT_EQ(answer.response.status, 401);
  EXPECT_EQ(stranger.token, "");
  EXPECT_EQ(strict.LastExplanation()["verdict"], "refused");
}

TEST_F(HandshakeTest, InitdataMustBeTheOneInTheReport) {
  const std::string document = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n";
  auto digest = tee::InitdataDigest(document);
  ASSERT_TRUE(digest.ok()) << digest.status();
  guest.launch.host_data = tee::InitdataHostData(*digest);
  guest.init_data = InitData{"toml", document};
  EXPECT_EQ(guest.Run().response.status, 200);
  guest.token.clear();
  guest.init_data->body += "# another byte\n";
  ExpectEvidenceRefused(guest.Run(), "initdata", "initdata refused");
  guest.init_data->body = "no toml";
  ExpectEvidenceRefused(guest.Run(), "malformed-evidence", "init-data");
}

TEST_F(HandshakeTest, AttestationsOfOnePeerAreLimited) {
  TestBroker narrow([](BrokerConfig& config) { config.attestations_per_minute = 2; });
  narrow.Provision();
  TestGuest busy(narrow);
  EXPECT_EQ(busy.Run().response.status, 200);
  EXPECT_EQ(busy.Run().response.status, 200);
  Answer third = busy.Run();
  EXPECT_EQ(third.response.status, 429);
  EXPECT_EQ(CodeOf(third), "rate-limited");
  EXPECT_NE(third.response.Header("Retry-After"), "");
}

}  // namespace
}  // namespace nacre::attestation::testing
