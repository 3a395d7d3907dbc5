// The ID block: what an owner signs about a guest before it is started, and the ID authentication
// that carries the signatures (AMD 56860, SNP_LAUNCH_FINISH). The firmware refuses a launch whose
// measurement or policy differs from the block, and puts family, image, SVN and the digests of the
// keys into every report of the guest.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "crypto/key.h"

namespace nacre::tee::sev {

inline constexpr size_t kIdBlockSize = 96;
inline constexpr size_t kIdAuthSize = 4096;

struct IdBlock {
  std::array<uint8_t, 48> launch_digest{};
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t version = 1;  // of the structure
  uint32_t guest_svn = 0;
  uint64_t policy = 0x30000;  // the guest policy of the launch
  bool operator==(const IdBlock&) const = default;
};

Bytes SerializeIdBlock(const IdBlock& block);  // always kIdBlockSize bytes
// kInvalidArgument: another size, or a version other than 1.
absl::StatusOr<IdBlock> ParseIdBlock(ByteView bytes);

// What goes to the hypervisor, and what reports of the guest will then say.
struct SignedIdBlock {
  Bytes id_block;  // kIdBlockSize bytes
  Bytes id_auth;   // kIdAuthSize bytes
  std::array<uint8_t, 48> id_key_digest{};
  std::array<uint8_t, 48> author_key_digest{};  // zeros without an author key
};

// Both keys are P-384 (kInvalidArgument for others). `author_key` signs the ID key; null for none.
absl::StatusOr<SignedIdBlock> SignIdBlock(const IdBlock& block, const crypto::PrivateKey& id_key,
                                          const crypto::PrivateKey* author_key);

struct IdAuthInfo {
  std::array<uint8_t, 48> id_key_digest{};
  bool has_author_key = false;
  std::array<uint8_t, 48> author_key_digest{};
};

// Checks an ID authentication as the firmware does: sizes, algorithms, that reserved bytes are
// zero, the signature over the block, and that over the ID key when an author key is there.
// kInvalidArgument for the shape, kUnauthenticated for a signature.
absl::StatusOr<IdAuthInfo> VerifyIdAuth(ByteView id_block, ByteView id_auth);

// SHA-384 of a key as the firmware lays it out: ID_KEY_DIGEST or AUTHOR_KEY_DIGEST of a report.
absl::StatusOr<std::array<uint8_t, 48>> IdKeyDigest(const crypto::PublicKey& key);

}  // namespace nacre::tee::sev
