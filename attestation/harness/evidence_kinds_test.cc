// Guests of every kind against a broker: a trust domain through its client over TLS, TPMs and
// several kinds at once by the protocol itself.
#include <gmock/gmock.h>

#include <ctime>

#include "attestation/broker/testing.h"
#include "attestation/client/kbs_client.h"
#include "attestation/collateral/tdx_bundle.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/evidence.h"
#include "attestation/protocol/limits.h"
#include "attestation/reference/tdx_reference.h"
#include "attestation/reference/tpm_reference.h"
#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "net/http_server.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/eventlog/log_writer.h"

namespace nacre::attestation::testing {
namespace {

using tee::emulator::TdxFault;
using ::testing::HasSubstr;

// A TDX machine and the trust domain on it, started as Reference() says.
class Td : public tee::EvidenceSource {
 public:
  explicit Td(std::set<TdxFault> faults = {}) {
    for (int index = 0; index < 3; ++index) {
      const Bytes digest(48, static_cast<uint8_t>(index + 1));
      reference.events.push_back({index, StrCat("event of RTMR", index), digest});
      reference.rtmr[static_cast<size_t>(index)] = tee::tdx::ReplayRtmr({{index, "", digest}});
    }
    reference.name = "td";
    reference.firmware_sha256 = Bytes(32);
    reference.rtmr_profile = tee::tdx::FormatRtmrProfile({});
    reference.mrtd = Bytes(48, 0xaa);
    reference.created = 1'700'000'000;
    td.mrtd.fill(0xaa);
    for (size_t i = 0; i < 3; ++i) std::ranges::copy(*reference.rtmr[i], td.rtmr[i].begin());
    faults_ = std::move(faults);
  }
  std::string_view name() const override { return "emulated TD"; }
  absl::StatusOr<tee::Evidence> Quote(const tee::ReportData& report_data) override {
    ++quotes;
    tee::Evidence evidence;
    evidence.kind = tee::TeeKind::kTdx;
    evidence.emulated = true;
    ASSIGN_OR_RETURN(evidence.report, Platform().Quote(report_data));
    evidence.auxiliary = event_log;
    return evidence;
  }
  // One set of keys for this test program.
  static const std::string& Folder() {
    static const TemporaryDirectory folder = [] {
      TemporaryDirectory made = *TemporaryDirectory::Create("td");
      EXPECT_OK(SaveTdxIdentity(made.path(),
                                *tee::emulator::MakeTdxIdentity({.now = std::time(nullptr)})));
      return made;
    }();
    return folder.path();
  }
  tee::emulator::TdxPlatform Platform() const {
    return *tee::emulator::TdxPlatform::Create(*tee::emulator::LoadTdxIdentity(Folder()),
                                               {4, td, faults_});
  }

  tee::tdx::TdBody td = tee::emulator::EmulatedTd();
  TdxReferenceValue reference;
  Bytes event_log;
  int quotes = 0;

 private:
  std::set<TdxFault> faults_;
};

class EvidenceKindsTest : public ::testing::Test {
 protected:
  // A broker that trusts the emulated machine and has the collateral of `machine`.
  void Start(const Td& machine, const std::function<void(BrokerConfig&)>& change = {}) {
    const std::string collateral = folder.path() + "/collateral";
    ASSERT_OK(WriteBundle(collateral, *machine.Platform().MakeCollateral(std::time(nullptr)),
                          std::time(nullptr)));
    broker = std::make_unique<TestBroker>([&](BrokerConfig& config) {
      config.emulated_tdx_root = Td::Folder() + "/tdx-root.pem";
      config.tdx_collateral = collateral;
      if (change) change(config);
    });
    broker->Provision();
    ASSERT_EQ(Register(*SerializeTdxReference(machine.reference)), 200);
    net::HttpServerOptions options;
    options.tls_certificate_chain_pem = *ReadTextFile(broker->folder() + "/kbs/tls.pem", 1 << 16);
    options.tls_private_key_pem =
        SecretBytes::TakeFrom(*ReadFile(broker->folder() + "/kbs/tls.key", 1 << 16));
    options.max_body = kMaxMessageSize;
    options.max_head = 128 << 10;
    server = *net::HttpServer::Start(std::move(options), [this](const auto& request) {
      return broker->broker().Handle(request).response;
    });
  }
  int Register(const std::string& document) {
    return broker->Admin("POST", "/kbs/v0/reference-value", document).response.status;
  }
  std::unique_ptr<KbsClient> Client(tee::EvidenceSource& source) {
    KbsClientOptions options;
    options.url = server->url();
    options.pinned_server_cert_pem = *ReadTextFile(broker->folder() + "/kbs/tls.pem", 1 << 16);
    options.evidence_source = &source;
    return *KbsClient::Create(std::move(options));
  }
  // What the owner reads once `machine` was refused.
  Json RefusalOf(Td& machine) {
    EXPECT_STATUS(Client(machine)->GetResource("kbs:///default/key/1"), kUnauthenticated,
                  "attestation refused");
    return broker->LastExplanation();
  }
  std::string ClassWith(TdxFault fault) {
    Td machine({fault});
    Start(machine);
    const std::string found = RefusalOf(machine)["class"];
    server->Stop();
    return found;
  }

  TemporaryDirectory folder = *TemporaryDirectory::Create("kinds");
  std::unique_ptr<TestBroker> broker;
  std::unique_ptr<net::HttpServer> server;
};

TEST_F(EvidenceKindsTest, ATrustDomainGetsItsSecret) {
  Td machine;
  Start(machine);
  auto client = Client(machine);
  ASSERT_OK_AND_ASSIGN(SecretBytes contents, client->GetResource("kbs:///default/key/1"));
  EXPECT_EQ(AsText(contents.view()), "secret");
  EXPECT_EQ(machine.quotes, 2);  // the client took it for SNP at first
  EXPECT_EQ(client->timings().handshakes, 1u);
  const Json explanation = broker->LastExplanation();
  EXPECT_EQ(explanation["tee"], "tdx");
  EXPECT_EQ(explanation["class"], "NONE");
  EXPECT_EQ(explanation["reference"], "td");
  ASSERT_OK_AND_ASSIGN(const std::string token, client->GetToken());
  const Json claims = *ParseJson(AsText(crypto::ParseUnverifiedJws(token)->payload));
  const Json& evidence = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
  EXPECT_EQ(evidence["tdx"]["quote"]["body"]["mr_td"], HexEncode(Bytes(48, 0xaa)));
  EXPECT_EQ(evidence["tdx"]["tcb_status"], "UpToDate");
  EXPECT_EQ(evidence["tdx"]["td_attributes"]["debug"], false);
}

TEST_F(EvidenceKindsTest, EachFaultHasItsClass) {
  EXPECT_EQ(ClassWith(TdxFault::kWrongNonce), "REPORT_DATA");
  EXPECT_EQ(ClassWith(TdxFault::kDebug), "TD_DEBUG");
  EXPECT_EQ(ClassWith(TdxFault::kRevokedPck), "REVOKED");
  EXPECT_EQ(ClassWith(TdxFault::kRevokedSigner), "REVOKED");
  EXPECT_EQ(ClassWith(TdxFault::kStaleTcb), "TCB_STATUS");
  EXPECT_EQ(ClassWith(TdxFault::kRevokedTcb), "REVOKED");
  EXPECT_EQ(ClassWith(TdxFault::kExpiredCrl), "CRL_EXPIRED");
  EXPECT_EQ(ClassWith(TdxFault::kExpiredCollateral), "COLLATERAL_EXPIRED");
}

TEST_F(EvidenceKindsTest, OnlyTheOwnerCanAcceptAnOlderTcb) {
  Td machine({TdxFault::kStaleTcb});
  Start(machine, [](BrokerConfig& config) {
    config.tdx.accepted_statuses.insert(tee::tdx::TcbStatus::kOutOfDate);
  });
  EXPECT_OK(Client(machine)->GetResource("kbs:///default/key/1"));
}

TEST_F(EvidenceKindsTest, ARegisterThatDiffersIsNamed) {
  Td machine;
  Start(machine);
  machine.td.rtmr[2][0] ^= 1;
  Json refused = RefusalOf(machine);
  EXPECT_EQ(refused["code"], "launch-measurement");
  EXPECT_EQ(refused["class"], "MEASUREMENT");
  EXPECT_THAT(refused["summary"].get<std::string>(),
              HasSubstr("RTMR2 is not that of 'td': the command line and the initrd differ"));
  machine.td.mrtd[0] ^= 1;
  EXPECT_THAT(RefusalOf(machine)["summary"].get<std::string>(),
              HasSubstr("MRTD is not that of 'td': the firmware differs"));
  // A log that does not lead to the quote's registers.
  const std::vector<tee::eventlog::Bank> banks = {tee::eventlog::Bank::kSha384};
  machine.event_log = tee::eventlog::LogHeader(banks);
  EXPECT_EQ(RefusalOf(machine)["class"], "RTMR_MISMATCH");
}

TEST_F(EvidenceKindsTest, AReferenceMustSayEveryRegister) {
  Td machine;
  machine.reference.rtmr[0].reset();
  std::erase_if(machine.reference.events, [](const auto& event) { return event.index == 0; });
  Start(machine);
  EXPECT_THAT(RefusalOf(machine)["summary"].get<std::string>(),
              HasSubstr("'td' does not say RTMR0"));
  server->Stop();
  Start(machine, [](BrokerConfig& config) { config.require_rtmr0 = false; });
  EXPECT_OK(Client(machine)->GetResource("kbs:///default/key/1"));
  EXPECT_EQ(broker->Admin("DELETE", "/kbs/v0/reference-value/td").response.status, 200);
  EXPECT_THAT(RefusalOf(machine)["summary"].get<std::string>(), HasSubstr("no reference value"));
}

TEST_F(EvidenceKindsTest, WithoutCollateralOrRootNothingIsBelieved) {
  Td machine;
  Start(machine, [](BrokerConfig& config) { config.tdx_collateral.clear(); });
  EXPECT_EQ(RefusalOf(machine)["class"], "COLLATERAL_MISSING");
  server->Stop();
  Start(machine, [](BrokerConfig& config) { config.emulated_tdx_root.clear(); });
  EXPECT_EQ(RefusalOf(machine)["class"], "CHAIN");
}

// A TPM whose key is `key`, in a session of `guest`.
EvidenceMessage TpmQuote(const crypto::PrivateKey& key, const Bytes& nonce, uint8_t pcr4) {
  using tee::tpm::Bank;
  TpmEvidenceMessage message;
  std::vector<uint32_t> all;
  ByteWriter values;
  for (uint32_t pcr = 0; pcr < 24; ++pcr) {
    all.push_back(pcr);
    Bytes value(32);
    if (pcr == 4) value = tee::eventlog::Extended(Bank::kSha256, value, Bytes(32, pcr4));
    values.Put(value);
    message.evidence.pcrs[Bank::kSha256][pcr] = value;
  }
  tee::tpm::Attest attest;
  attest.selections = {tee::tpm::PcrSelection::Of(Bank::kSha256, all)};
  attest.extra_data = nonce;
  attest.pcr_digest = tee::eventlog::BankDigest(Bank::kSha256, values.bytes());
  message.evidence.attest = SerializeAttest(attest);
  const Bytes raw = *key.SignEcdsa(crypto::HashAlgorithm::kSha256, message.evidence.attest);
  message.evidence.signature = tee::tpm::SerializeSignature({tee::tpm::SignatureKind::kEcdsa,
                                                             Bank::kSha256,
                                                             {},
                                                             Bytes(raw.begin(), raw.begin() + 32),
                                                             Bytes(raw.begin() + 32, raw.end())});
  message.ak_public = *key.public_key().ToSpkiDer();
  return {EvidenceKind::kTpm, std::move(message)};
}

std::string TpmReference(uint8_t pcr4) {
  TpmReferenceValue reference;
  reference.name = "measured boot";
  const Bytes digest(32, pcr4);
  reference.prediction.events = {{4, "kernel image", digest}};
  reference.prediction.pcrs[4] =
      tee::eventlog::Extended(tee::eventlog::Bank::kSha256, Bytes(32), digest);
  reference.created = 1'700'000'000;
  return *SerializeTpmReference(reference);
}

class TpmKindTest : public EvidenceKindsTest {
 protected:
  void StartWithKey(bool trusted) {
    const std::string path = folder.path() + "/ak.pem";
    ASSERT_OK(WriteFile(path, AsBytes(*key.public_key().ToPem())));
    Start(Td(), [&](BrokerConfig& config) {
      if (trusted) config.tpm_keys = {path};
    });
    ASSERT_EQ(Register(TpmReference(1)), 200);
  }
  // The nonce of `size` bytes that the session wants, quoted.
  Answer Run(size_t size, uint8_t pcr4 = 1) {
    TestGuest guest(*broker);
    guest.tee = "tpm";
    EXPECT_EQ(guest.Auth().response.status, 200);
    Attestation attestation = guest.GoodAttestation();
    const Bytes binding = *PrimaryBinding(guest.nonce, attestation.tee_pubkey, "");
    Bytes nonce = binding;
    nonce.resize(size);
    attestation.primary_evidence = *EvidenceToJson(TpmQuote(key, nonce, pcr4));
    return guest.Attest(attestation);
  }
  crypto::PrivateKey key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
};

TEST_F(TpmKindTest, AKnownTpmIsAccepted) {
  StartWithKey(true);
  for (size_t size : {32, 48, 64}) EXPECT_EQ(Run(size).response.status, 200) << size;
  for (size_t size : {0, 16, 31, 33}) EXPECT_EQ(CodeOf(Run(size)), "nonce") << size;
  EXPECT_EQ(CodeOf(Run(48, 2)), "launch-measurement");
  EXPECT_THAT(broker->LastExplanation()["summary"].get<std::string>(),
              HasSubstr("PCR 4 is not that of 'measured boot'"));
}

TEST_F(TpmKindTest, AKeyThatOnlyCameAlongIsNot) {
  StartWithKey(false);
  EXPECT_EQ(CodeOf(Run(48)), "attestation-key");
  EXPECT_EQ(broker->LastExplanation()["class"], "AK_BINDING");
}

// SNP with a trust domain beside it, which is bound to the session without itself.
TEST_F(EvidenceKindsTest, AllPartsOfCompositeEvidenceCount) {
  Td machine;
  Start(machine);
  TestGuest guest(*broker);
  const auto run = [&](Td& beside, bool bound_to_session) {
    guest.Auth();
    Attestation attestation = guest.GoodAttestation();
    const Bytes device = *DeviceBinding(guest.nonce, attestation.tee_pubkey);
    const auto quote =
        *beside.Quote(*tee::ReportData::FromBytes(bound_to_session ? device : Bytes(48, 1)));
    attestation.additional_evidence =
        *SerializeAdditionalEvidence({*EvidenceFromSource(quote, std::nullopt)});
    SnpEvidenceMessage snp;
    snp.evidence = Chip::Get().Sign(
        guest.launch,
        *BindReportData(guest.nonce, attestation.tee_pubkey, attestation.additional_evidence));
    attestation.primary_evidence = *SnpEvidenceToJson(snp);
    return guest.Attest(attestation);
  };
  EXPECT_EQ(run(machine, true).response.status, 200);
  EXPECT_EQ(broker->LastExplanation()["additional"][0]["tee"], "tdx");
  const Json claims = *ParseJson(AsText(crypto::ParseUnverifiedJws(guest.token)->payload));
  EXPECT_EQ(claims["submods"].size(), 2u);
  EXPECT_EQ(guest.Get("default/key/1").response.status, 200);
  EXPECT_EQ(CodeOf(run(machine, false)), "report-data");
  EXPECT_EQ(broker->LastExplanation()["tee"], "tdx");
  Td debugged({TdxFault::kDebug});
  EXPECT_EQ(CodeOf(run(debugged, true)), "debugging");
}

TEST_F(EvidenceKindsTest, AzureWithoutAConfiguredParavisorIsRefused) {
  Start(Td());
  TestGuest guest(*broker);
  guest.tee = "az-snp-vtpm";
  guest.Auth();
  Attestation attestation = guest.GoodAttestation();
  EXPECT_EQ(CodeOf(guest.Attest(attestation)), "malformed-evidence");
  guest.Auth();
  attestation = guest.GoodAttestation();
  tee::tpm::AzureEvidence azure;
  azure.hcl_report = {1};
  azure.certificates = {{tee::sev::CertificateKind::kVcek, {1}}};
  for (uint32_t pcr = 0; pcr < 24; ++pcr) {
    azure.tpm.pcrs[tee::tpm::Bank::kSha256][pcr] = Bytes(32);
  }
  azure.tpm.signature = tee::tpm::SerializeSignature(tee::tpm::RawRsaSsa(Bytes(256)));
  attestation.primary_evidence = *AzureEvidenceToJson(EvidenceKind::kAzureSnp, azure);
  EXPECT_EQ(CodeOf(guest.Attest(attestation)), "paravisor");
}

}  // namespace
}  // namespace nacre::attestation::testing
