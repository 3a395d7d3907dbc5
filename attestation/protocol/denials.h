// What a guest tells its owner through the broker: which requests of its host its policy denied,
// and why. The host carries the message but can neither read it (TLS) nor make one up: it is signed
// with the key that the guest's evidence vouches for.
//
//   POST /kbs/v0/denials, a JSON Web Signature in compact serialisation:
//     header   {"alg": "ES256" or "ES384", "typ": "nacre-denials"}
//     payload  {"denials": [{"id": 7, "request": "ExecProcessRequest", "explanation": "..."}]}
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation {

inline constexpr std::string_view kDenialsPath = "/kbs/v0/denials";
inline constexpr size_t kMaxDenials = 64;                // of one message
inline constexpr size_t kMaxDenialsMessage = 256 << 10;  // bytes as sent
inline constexpr size_t kMaxDenialRequest = 128;         // of [A-Za-z0-9_.]
inline constexpr size_t kMaxDenialExplanation = 8 << 10;

struct GuestDenial {
  uint64_t id = 0;          // counts from 1 in each guest; below 2^53
  std::string request;      // "ExecProcessRequest"
  std::string explanation;  // UTF-8
};

// Some of the first of `denials` in a message, as many as fit; *taken says how many. Of an
// explanation that is not UTF-8 each byte beyond ASCII becomes '?'. kInvalidArgument when `denials`
// is empty, or the first of them or the key (P-256 or P-384) cannot be in a message.
absl::StatusOr<std::string> SignDenials(std::span<const GuestDenial> denials,
                                        const crypto::PrivateKey& key, size_t* taken);

// kUnauthenticated when `key` did not sign it; kInvalidArgument when the key cannot sign, or the
// message breaks a limit or a rule above: 1 to kMaxDenials of them, ids rising, no other members.
absl::StatusOr<std::vector<GuestDenial>> ReadDenials(std::string_view message,
                                                     const crypto::PublicKey& key);

}  // namespace nacre::attestation
