// `nacre keyprovider`: an ocicrypt key provider for skopeo, buildah and containerd. As a command it
// answers one request on standard input; with --listen it serves gRPC until SIGTERM or SIGINT.
// See image-rs-cpp/decrypt/key_provider.h and cli/keyprovider_server.h.
#pragma once

#include "cli/verb.h"

namespace nacre::cli {

void AddKeyProviderVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
