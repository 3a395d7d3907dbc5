// Merkle tree proofs of transparency logs (RFC 6962 section 2.1, RFC 9162 section 2.1.3).
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image {

Bytes MerkleLeafHash(ByteView entry);                 // SHA-256(0x00 || entry)
Bytes MerkleNodeHash(ByteView left, ByteView right);  // SHA-256(0x01 || left || right)

// The root of a tree of `tree_size` leaves whose leaf `index` is `leaf`, given the audit path from
// the leaf up. kInvalidArgument when the path has another length than this tree's, or a hash is not
// 32 bytes.
absl::StatusOr<Bytes> RootFromInclusionProof(uint64_t index, uint64_t tree_size, ByteView leaf,
                                             const std::vector<Bytes>& path);

}  // namespace nacre::image
