// OpenPGP signatures ("simple signing"): a signed message with the payload inside it, as skopeo and
// podman write.
//
// Verified by gpgv, GnuPG's verifier: half a megabyte that can do nothing but check signatures
// against one keyring, kept by the people who wrote the format's most tested implementation. (sqv
// takes detached signatures only; librnp brings a second crypto library of several megabytes.) It
// runs as a child with an empty environment, no home folder and no file of its own: the keyring and
// the answer pass through memory.
#pragma once

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image {

inline constexpr size_t kMaxOpenPgpMessage = 256 << 10;

// The payload, when the message has exactly one signature, made by a key of `keyring` (binary)
// that has neither expired nor been revoked, with a digest that is not weak (no MD5, no SHA-1).
// kUnauthenticated otherwise, kResourceExhausted for messages or payloads that are too large,
// kUnimplemented when there is no gpgv.
absl::StatusOr<Bytes> VerifyOpenPgp(ByteView message, ByteView keyring);

}  // namespace nacre::image
