// Hostile Attestation messages: whatever the bytes, parsing ends without a fault, and what parses
// also serialises, binds and decodes without one.
#include <cstddef>
#include <cstdint>

#include "attestation/protocol/binding.h"
#include "attestation/protocol/messages.h"
#include "attestation/protocol/snp_evidence.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nacre::attestation;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto attestation = ParseAttestation(text);
  if (!attestation.ok()) return 0;
  if (!SerializeAttestation(*attestation).ok()) __builtin_trap();
  (void)BindReportData(attestation->nonce, attestation->tee_pubkey, "");
  auto evidence = SnpEvidenceFromJson(attestation->primary_evidence);
  if (evidence.ok()) (void)SnpEvidenceToJson(*evidence);
  return 0;
}
