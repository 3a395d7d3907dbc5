// The head of a transparency log, signed by it: a "signed note" (C2SP signed-note and
// tlog-checkpoint):
//
//   rekor.sigstore.dev - 1193050959916656506
//   25232885
//   wfIuS5NLOf+4rU8wVjPaezQYEVVpf3aF1G/BfRYMXew=
//
//   - rekor.sigstore.dev wNI9ajBF...        (the dash is an em dash, U+2014)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::image {

struct Checkpoint {
  std::string origin;
  uint64_t tree_size = 0;
  Bytes root;  // 32 bytes
};

// The head, if one of the note's signatures is `key`'s: kUnauthenticated otherwise,
// kInvalidArgument for a text that is no such note or is over 64 KiB.
absl::StatusOr<Checkpoint> VerifyCheckpoint(std::string_view note, const crypto::PublicKey& key);

}  // namespace nacre::image
