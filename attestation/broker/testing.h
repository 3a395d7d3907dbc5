// For tests: a broker that knows one emulated chip and one reference value, and a guest on that
// chip which says what a test wants it to say. No network: requests go straight to Broker::Handle.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "attestation/broker/broker.h"
#include "attestation/protocol/messages.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/file.h"
#include "crypto/key.h"
#include "tee/common/launch_inputs.h"
#include "tee/emulator/platform.h"

namespace nacre::attestation::testing {

// The emulated chip of this test program; its keys are made once.
class Chip {
 public:
  static Chip& Get();

  std::string ark_path() const { return folder_.path() + "/chip/ark.pem"; }
  // A launch of files this chip made up.
  tee::LaunchInputs Launch(std::string command_line = "console=ttyS0 quiet") const;
  // The reference value document of a launch.
  std::string Reference(const tee::LaunchInputs& launch, const std::string& name) const;
  // Evidence of a guest so launched; `change` alters the report before it is signed.
  tee::sev::SnpEvidence Sign(const tee::LaunchInputs& launch, const tee::ReportData& report_data,
                             const std::function<void(tee::sev::Report&)>& change = {}) const;

 private:
  Chip();
  TemporaryDirectory folder_;
};

// An evidence source on that chip, as the guest's client uses one.
class ChipEvidenceSource : public tee::EvidenceSource {
 public:
  explicit ChipEvidenceSource(tee::LaunchInputs launch) : launch_(std::move(launch)) {}
  std::string_view name() const override { return "emulator"; }
  absl::StatusOr<tee::Evidence> Quote(const tee::ReportData& report_data) override;

 private:
  tee::LaunchInputs launch_;
};

// A broker in a folder of its own, set up by SetUpBroker, with a clock that the test moves.
class TestBroker {
 public:
  explicit TestBroker(const std::function<void(BrokerConfig&)>& change = {});

  Broker& broker() { return *broker_; }
  BrokerContext& context() { return *context_; }
  const std::string& folder() const { return folder_.path(); }
  int64_t now = 0;

  // Registers the launch of Chip::Launch() and a resource "default/key/1" = "secret".
  void Provision();
  Answer Handle(const std::string& method, const std::string& path, net::HttpHeaders headers = {},
                std::string body = "");
  Answer Admin(const std::string& method, const std::string& path, std::string body = "");
  std::string AdminToken(int64_t lifetime_s = 60);
  // The newest row of the log, as the owner gets it.
  Json LastExplanation();

 private:
  TemporaryDirectory folder_;
  BrokerContext* context_ = nullptr;  // owned by broker_
  std::unique_ptr<Broker> broker_;
};

// A guest that goes through the handshake step by step.
class TestGuest {
 public:
  explicit TestGuest(TestBroker& broker);

  // POST /auth; keeps nonce and cookie.
  Answer Auth();
  // A good Attestation for the nonce, to be spoilt by the test.
  Attestation GoodAttestation(const std::function<void(tee::sev::Report&)>& change = {});
  // POST /attest; keeps cookie and token of a good answer.
  Answer Attest(const Attestation& attestation);
  // All of it, with `change` made to the report.
  Answer Run(const std::function<void(tee::sev::Report&)>& change = {});
  // GET of a resource with the session cookie.
  Answer Get(const std::string& path);

  TestBroker& broker;
  crypto::PrivateKey key;
  tee::LaunchInputs launch = Chip::Get().Launch();
  std::optional<InitData> init_data;
  bool send_hint = true;
  std::string key_algorithm = "ECDH-ES+A256KW";
  Json tee_pubkey;          // sent in place of `key`, when it is one
  std::string tee = "snp";  // what Auth() asks for
  std::string nonce, cookie, token;
};

// "code" of an answer's error body, "" when there is none.
std::string CodeOf(const Answer& answer);

}  // namespace nacre::attestation::testing
