// How commands reach a TPM: a character device (/dev/tpmrm0) or a Unix socket that takes the same
// bytes (swtpm's server channel), as a TCTI of tpm2-tss. One of our own, because tpm2-tss speaks to
// swtpm over TCP ports only.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"

typedef struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB TSS2_TCTI_CONTEXT;

namespace nacre::tee::tpm {

struct TransportDeleter {
  void operator()(TSS2_TCTI_CONTEXT* context) const;
};
using Transport = std::unique_ptr<TSS2_TCTI_CONTEXT, TransportDeleter>;

// `path` names the device or the socket. A TPM that does not answer within two minutes (making an
// RSA key may take half of one) is given up on.
absl::StatusOr<Transport> OpenTransport(const std::string& path);

}  // namespace nacre::tee::tpm
