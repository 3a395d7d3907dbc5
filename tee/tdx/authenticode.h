// The digest UEFI firmware measures of a program it loads: Microsoft's "Windows Authenticode
// Portable Executable Signature Format", "Calculating the PE Image Hash". Shared by TDX RTMRs and
// TPM PCRs.
#pragma once

#include "base/bytes.h"
#include "crypto/digest.h"

namespace nacre::tee::tdx {

// The digest of all of the image but its checksum, the directory entry of its certificates, and
// the certificates. kInvalidArgument naming the header that is wrong: not a PE32 or PE32+ image,
// headers or sections outside the file, certificates that are not the file's last bytes.
absl::StatusOr<Bytes> AuthenticodeDigest(crypto::HashAlgorithm algorithm, ByteView image);

}  // namespace nacre::tee::tdx
