// `nacre-kbs init`: makes a folder with everything a broker needs to start.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace nacre::attestation {

struct SetupOptions {
  std::string folder;                    // made when it is missing, mode 0700
  std::vector<std::string> extra_names;  // more host names or IP addresses for the certificate
  std::string emulated_root;             // PEM file of an emulator's ARK to trust; empty: none
  bool allow_emulated = false;
};

// Writes kbs.toml, tls.pem, tls.key, master.key, admin.key and admin.pem.
// Keys are EC P-256 or 32 random bytes, mode 0600. The certificate is self-signed, for clients that
// pin it, and names 127.0.0.1, ::1, 10.0.2.2 (the host as QEMU's user network shows it), localhost
// and `extra_names`. kAlreadyExists naming the file when one is there: nothing is then written.
absl::Status SetUpBroker(const SetupOptions& options, int64_t now);

}  // namespace nacre::attestation
