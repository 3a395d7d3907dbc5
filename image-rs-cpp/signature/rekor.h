// Transparency log entries (Rekor), checked offline with the log's key. Two proofs exist: the log's
// promise at the time of entry (signed entry timestamp), which also vouches for the time, and the
// entry's place in the tree under a signed head. Every proof that is there must hold, and one must
// be there.
#pragma once

#include <vector>

#include "base/status.h"
#include "crypto/key.h"
#include "image-rs-cpp/signature/sigstore_signature.h"

namespace nacre::image {

// kUnauthenticated when no key of `log_keys` made the proofs or one does not hold,
// kInvalidArgument for an entry that is malformed.
absl::Status VerifyLogEntry(const LogEntry& entry, const std::vector<crypto::PublicKey>& log_keys);

// That the entry is about this very signature: over these bytes, by this key or certificate. Kinds
// "hashedrekord" 0.0.1 and "dsse" 0.0.1; kUnimplemented for others.
absl::Status CheckLogEntryIsAbout(const LogEntry& entry, const SigstoreSignature& signature,
                                  const crypto::PublicKey& key);

}  // namespace nacre::image
