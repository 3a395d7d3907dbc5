#include <set>

#include "base/strings.h"
#include "policy/generate/generate.h"

namespace nacre::policy {

std::vector<std::string> Cautions(const Manifests& manifests) {
  std::vector<std::string> out;
  for (const Workload& workload : manifests.workloads) {
    std::set<std::string> said;
    for (const WorkloadContainer& container : workload.containers) {
      for (const VolumeMount& mount : container.mounts) {
        const VolumeKind kind = workload.volumes.at(mount.volume);
        if (kind != VolumeKind::kFiles && kind != VolumeKind::kClaim) continue;
        if (!said.insert(mount.volume).second) continue;
        out.push_back(StrCat(workload.kind, " ", workload.name, ": what is in volume '",
                             mount.volume, "' is the host's choice; no policy can see it"));
      }
    }
  }
  return out;
}

}  // namespace nacre::policy
