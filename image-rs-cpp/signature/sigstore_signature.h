// One Sigstore signature as found, taken apart but not believed yet. Two encodings lead here: the
// annotations cosign puts on a layer of the image "sha256-<hex>.sig", and Sigstore bundles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/x509.h"

namespace nacre::image {

// Where an entry stands in the log (RFC 6962 section 2.1.1), with the log's signature on its head.
struct InclusionProof {
  uint64_t index = 0;
  uint64_t tree_size = 0;
  Bytes root;                 // 32 bytes
  std::vector<Bytes> hashes;  // 32 bytes each, from the leaf up
  std::string checkpoint;     // signed note
};

// What a transparency log (Rekor) says about a signature.
struct LogEntry {
  Bytes body;                   // the entry as logged, JSON
  int64_t integrated_time = 0;  // seconds since 1970; only `promise` vouches for it
  uint64_t log_index = 0;
  Bytes log_id;   // SHA-256 of the log's key
  Bytes promise;  // signed entry timestamp; empty when there is none
  std::optional<InclusionProof> proof;
};

struct SigstoreSignature {
  // What the payload is: a simple signing document, or an in-toto statement in a DSSE envelope.
  enum class Form { kSimpleSigning, kStatement };
  Form form = Form::kSimpleSigning;
  Bytes payload;
  Bytes signed_bytes;  // the payload, or the envelope's pre-authentication encoding of it
  Bytes signature;     // DER for ECDSA
  std::vector<crypto::Certificate> certificates;  // leaf first; empty when signed by a plain key
  std::optional<LogEntry> log_entry;
};

}  // namespace nacre::image
