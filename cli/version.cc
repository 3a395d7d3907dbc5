#include "cli/version.h"

#include <openssl/crypto.h>

#include <cstdio>

namespace nacre::cli {

void AddVersionVerb(CLI::App& app, VerbResult* result) {
  CLI::App* verb = app.add_subcommand("version", "Print the version of nacre and its TLS library");
  verb->callback([result] {
    int written = std::printf("nacre %s\n%s\n", NACRE_VERSION, OpenSSL_version(OPENSSL_VERSION));
    if (written < 0 || std::fflush(stdout) != 0) {
      result->status = ErrnoStatus(errno, "writing to standard output");
    }
  });
}

}  // namespace nacre::cli
