// Manifests in: any text. What is taken can be annotated, and read again.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/generate/annotate.h"
#include "policy/generate/testing.h"

namespace nacre::policy {
namespace {

void Try(ByteView data) {
  Manifests manifests;
  if (!ReadManifests("fuzz.yaml", std::string(AsText(data)), &manifests).ok()) return;
  if (manifests.workloads.empty()) return;
  (void)MakePolicyData(manifests, manifests.workloads[0], {},
                       [](const std::string& name) -> absl::StatusOr<ImageFacts> {
                         auto reference = image::ParseImageReference(name);
                         if (!reference.ok()) return reference.status();
                         return generate_testing::Image(name);
                       });
  std::vector<Annotated> all;
  for (const Workload& workload : manifests.workloads) all.push_back({&workload, "QUJD", {}});
  auto text = AnnotateManifest(*manifests.files[0], all);
  if (!text.ok()) return;
  Manifests again;
  if (!ReadManifests("again.yaml", *text, &again).ok()) std::abort();
}

std::vector<std::string> Seeds() {
  return {
      generate_testing::Pod("    env: [{name: A, value: b}]\n    args: [$(A)]\n"),
      "kind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    metadata:\n    spec:\n"
      "      volumes: [{name: v, emptyDir: {}}]\n      containers:\n      - &c\n        name: a\n"
      "        image: \"b.c/d\"\n        volumeMounts: [{name: v, mountPath: /v}]\n",
      "kind: Pod\nmetadata:\n\nspec:\n  containers:\n  - name: a\n    image: b.c/d\n    args: "
      "[$(A)]\n",
      "kind: Secret\nmetadata: {name: s}\ndata: {k: aGk=}\n---\nkind: List\nitems: []\n"};
}

NACRE_FUZZ_TARGET(PolicyManifest, Try, Seeds)

}  // namespace
}  // namespace nacre::policy
