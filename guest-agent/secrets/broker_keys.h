// Keys for images, from the owner's broker, and the guest's word to it on what the policy denied.
// The first key asked for or denial told is what makes the guest attest; a guest that has neither
// never does.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attestation/client/kbs_client.h"
#include "guest-agent/service/agent_config.h"
#include "image-rs-cpp/decrypt/key_resolver.h"
#include "policy/gate/request_policy.h"
#include "tee/common/evidence.h"

namespace nacre::guest_agent {

struct BrokerKeysOptions {
  AgentConfig config;             // its [broker]
  std::string initdata_document;  // sent along, so that the broker sees what the digest covers
  std::string command_line;       // for the explanation of a refusal; the broker proves it
  uint32_t vcpus = 1;
};

// Thread-safe.
class BrokerKeys : public image::KeyResolver {
 public:
  // `evidence` must outlive this.
  BrokerKeys(BrokerKeysOptions options, tee::EvidenceSource* evidence)
      : options_(std::move(options)), evidence_(evidence) {}
  // kFailedPrecondition when initdata names no broker; else as KbsClient::GetResource.
  absl::StatusOr<SecretBytes> GetKey(std::string_view kbs_uri) override;
  // As KbsClient::ReportDenials, oldest first; may take as long as it.
  absl::Status ReportDenials(const std::vector<policy::Denial>& denials);
  // A broker has accepted this guest.
  bool attested() const { return attested_; }

 private:
  absl::StatusOr<attestation::KbsClient*> Client();
  void NoteHandshake(const attestation::KbsClient& client);

  const BrokerKeysOptions options_;
  tee::EvidenceSource* const evidence_;
  std::mutex mutex_;
  std::unique_ptr<attestation::KbsClient> client_;  // guarded by mutex_ until it is made
  std::atomic<bool> attested_ = false;
};

}  // namespace nacre::guest_agent
