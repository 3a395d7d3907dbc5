// Any bytes as a bundle's config.json: the plan, and the guest's spec made from it.
#include <string>
#include <vector>

#include "base/fuzz_testing.h"
#include "runtime/sandbox/guest_spec.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {
namespace {

void TryBundle(ByteView data) {
  RuntimeConfig config;
  config.runtime.enable_annotations = {"cc_init_data", "kernel_params"};
  const auto plan = PlanSandbox(config, {"default", "pod", AsText(data)});
  if (!plan.ok()) return;
  grpc::Spec spec;
  (void)FillGuestSpec(plan->spec, "/rootfs", &spec);
}

std::vector<std::string> BundleSeeds() {
  return {R"({"process":{"args":["a"],"user":{"uid":1}},"annotations":{)"
          R"("io.kubernetes.cri.image-name":"x"},"linux":{"namespaces":[{"type":"pid"}]}})",
          R"({"process":{},"mounts":[{"destination":"/d","options":["ro"]}],"annotations":{)"
          R"("io.kubernetes.cri.image-name":"x",)"
          R"("io.katacontainers.config.hypervisor.kernel_params":"a=b"}})"};
}

NACRE_FUZZ_TARGET(Bundle, TryBundle, BundleSeeds)

}  // namespace
}  // namespace nacre::runtime
