// Any body of POST /attestation: refused, or requests that are taken apart without harm.
#include "attestation/protocol/evidence.h"
#include "attestation/service/rest_body.h"
#include "base/encoding.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

void Try(ByteView data) {
  const auto body = ReadEvaluationBody(AsText(data));
  if (!body.ok()) return;
  for (const VerificationRequest& request : body->requests) {
    const auto kind = ParseEvidenceKind(request.tee);
    const auto text = Base64UrlDecode(request.evidence);
    if (!kind.ok() || !text.ok()) continue;
    const auto json = ParseJson(AsText(*text));
    if (json.ok()) EvidenceFromJson(*kind, *json).status().IgnoreError();
  }
}

std::vector<std::string> Seeds() {
  return {R"({"verification_requests":[{"tee":"snp","evidence":"e30","runtime_data":)"
          R"({"structured":{"nonce":"n"}},"init_data":{"init_data_toml":""}}],"policy_ids":["p"]})",
          R"({"verification_requests":[{"tee":"tdx","evidence":"eyJxdW90ZSI6IkFBIn0",)"
          R"("runtime_data":{"raw":"AA"},"runtime_data_hash_algorithm":"sha256"},)"
          R"({"tee":"tpm","evidence":"","init_data":{"init_data_digest":"AA"}}]})",
          R"({"verification_requests":[]})"};
}

NACRE_FUZZ_TARGET(EvaluationBody, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
