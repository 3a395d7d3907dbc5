#include "image-rs-cpp/signature/merkle.h"

#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::image {
namespace {

constexpr size_t kHashSize = 32;

Bytes Hash(uint8_t prefix, ByteView a, ByteView b) {
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  hasher.Update({&prefix, 1});
  hasher.Update(a);
  hasher.Update(b);
  return hasher.Finish();
}

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("inclusion proof: ", why));
}

}  // namespace

Bytes MerkleLeafHash(ByteView entry) { return Hash(0, entry, {}); }
Bytes MerkleNodeHash(ByteView left, ByteView right) { return Hash(1, left, right); }

// `node` is the number of the hash in its level, `last` that of the level's last one. A last node
// without a sibling goes up unchanged, so levels in which it has none take no hash of the path.
absl::StatusOr<Bytes> RootFromInclusionProof(uint64_t index, uint64_t tree_size, ByteView leaf,
                                             const std::vector<Bytes>& path) {
  if (index >= tree_size) return Bad("the entry's index lies outside of the tree");
  uint64_t node = index, last = tree_size - 1;
  Bytes root = ToBytes(leaf);
  for (const Bytes& sibling : path) {
    if (sibling.size() != kHashSize) return Bad("a hash has another length than 32 bytes");
    if (last == 0) return Bad("it has more hashes than the tree has levels");
    if ((node & 1) != 0 || node == last) {
      root = MerkleNodeHash(sibling, root);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      root = MerkleNodeHash(root, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return Bad("it has fewer hashes than the tree has levels");
  return root;
}

}  // namespace nacre::image
