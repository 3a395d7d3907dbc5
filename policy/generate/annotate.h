// The owner's manifests with what the generator found written into them: every image by digest, and
// on each pod the annotation that carries initdata. Everything else, comments and layout too, stays
// byte for byte.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "policy/generate/workload.h"

namespace nacre::policy {

struct Annotated {
  const Workload* workload = nullptr;
  std::string initdata;                       // value of the annotation
  std::map<std::string, std::string> images;  // as written -> pinned
};

// `workloads` are those of this file. The result reads as the same workloads with what was written
// into them. kInvalidArgument with file (and line) where the text does not let itself be edited.
absl::StatusOr<std::string> AnnotateManifest(const ManifestFile& file,
                                             const std::vector<Annotated>& workloads);

}  // namespace nacre::policy
