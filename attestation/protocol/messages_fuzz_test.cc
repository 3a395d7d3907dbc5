// Runs the fuzz target over a few seeds and their mutations, so that it stays buildable and honest.
#include <gtest/gtest.h>

#include <random>

#include "attestation/protocol/messages.h"
#include "attestation/protocol/snp_evidence.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace nacre::attestation {
namespace {

std::string Seed() {
  SnpEvidenceMessage message;
  tee::sev::Report report;
  report.version = 3;
  message.evidence.report = tee::sev::SerializeReport(report);
  message.evidence.certificates = {{tee::sev::CertificateKind::kVcek, {1, 2, 3}}};
  message.hint = LaunchHint{.command_line = "quiet", .vcpus = 1};
  Attestation attestation;
  attestation.init_data = InitData{"toml", "version = \"0.1.0\""};
  attestation.nonce = "bm9uY2U=";
  attestation.tee_pubkey = {{"kty", "EC"}};
  attestation.primary_evidence = *SnpEvidenceToJson(message);
  return *SerializeAttestation(attestation);
}

TEST(MessagesFuzz, SurvivesMutatedSeeds) {
  const std::string seed = Seed();
  ASSERT_TRUE(ParseAttestation(seed).ok());
  std::mt19937 random(20261122);
  for (int round = 0; round < 200; ++round) {
    std::string text = seed;
    for (int change = round % 4; change >= 0; --change) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    if (round % 5 == 0) text.resize(random() % text.size());
    EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size()),
              0);
  }
}

}  // namespace
}  // namespace nacre::attestation
