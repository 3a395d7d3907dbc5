// `nacre keyprovider`: the `cmd` kind of ocicrypt key provider, for skopeo, buildah and containerd.
// See image-rs-cpp/decrypt/key_provider.h.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddKeyProviderVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
