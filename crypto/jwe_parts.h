// A JWE taken apart and put together: all of it but how the content key is encrypted. For the
// sources of this room.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/secret_bytes.h"
#include "crypto/jwe.h"

namespace nacre::crypto {

inline constexpr JweEncryption kWrittenJweEncryption = JweEncryption::kA256Gcm;

// One recipient of a JWE being read: the union of all headers that concern it, and its key.
struct JweRecipient {
  Json header = Json::object();
  Bytes encrypted_key;
};

struct JweParts {
  std::vector<JweRecipient> recipients;
  JweEncryption encryption;  // the same for all recipients
  std::string aad;           // as authenticated
  Bytes iv;
  Bytes ciphertext;
  Bytes tag;
};

// kInvalidArgument for text that is not a JWE, or has another content encryption than `accepted`.
absl::StatusOr<JweParts> ParseJwe(std::string_view text, std::span<const JweEncryption> accepted);

// Why none of the recipients gave the content: one answer for every way in which those that were
// tried can fail (RFC 7516 section 11.5).
absl::Status JweNotOpened(bool tried);

// A base64url member; empty when it is not there.
absl::StatusOr<Bytes> JweBinary(const Json& object, std::string_view key);

struct SealedJweKey {
  std::string header_member;  // what the algorithm adds to the header, as JSON: "\"epk\":{...}"
  Bytes encrypted_key;        // empty for direct key agreement
  SecretBytes content_key;
};

// The flattened JSON text, as jwe.h says.
absl::StatusOr<std::string> WriteJwe(std::string_view algorithm, const SealedJweKey& sealed,
                                     ByteView plaintext);

}  // namespace nacre::crypto
