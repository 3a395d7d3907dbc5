// Any text as a policy: refused, or compiled and then asked, within its budget.
#include "attestation/broker/broker_policy.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

void Try(ByteView data) {
  const ReferenceQuery none = [](std::string_view) { return Json(nullptr); };
  const Json evidence = {{"snp", {{"measurement", "aa"}, {"emulated", false}}}};
  auto attestation = BrokerPolicy::Compile(PolicyKind::kAttestation, "p", AsText(data));
  if (attestation.ok()) (*attestation)->Judge(evidence, none).status().IgnoreError();
  auto resource = BrokerPolicy::Compile(PolicyKind::kResource, "p", AsText(data));
  if (resource.ok()) (*resource)->Decide(evidence, Json::object(), none);
}

std::vector<std::string> Seeds() {
  return {"package policy\nallow { input.snp }\n",
          "package policy\ntrust_claims := {\"hardware\": query_reference_value(\"x\")}\n"};
}

NACRE_FUZZ_TARGET(PolicyUpload, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
