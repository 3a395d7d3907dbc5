// gRPC 1.51 lets a server choose everything about its TLS but the version, and offers 1.2.
#pragma once

#include "base/status.h"

namespace nacre::attestation {

// Every TLS context this program makes from now on speaks TLS 1.3 only, unless it says otherwise
// itself (net::HttpClientOptions::allow_tls_1_2 does). Once is enough; more is harmless.
absl::Status AllowOnlyTls13();

}  // namespace nacre::attestation
