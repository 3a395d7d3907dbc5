// The session of one handshake, kept by the guest and not by the broker: a cookie sealed with
// AES-256-GCM, so any replica that has the key can take the next step. The cookie names its key, so
// that keys can change while sessions are under way:
//
//   u8 size of the key's id, the id, 12 bytes IV, ciphertext, 16 bytes tag, in base64url
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "attestation/broker/key_ring.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::attestation {

struct Session {
  std::string nonce;
  std::string tee;
  int64_t expires_at = 0;  // Unix seconds; set at auth, not extended later
  std::string token;       // empty until attested
};

class SessionSealer {
 public:
  // With keys of 32 bytes.
  explicit SessionSealer(std::unique_ptr<KeySource> keys) : keys_(std::move(keys)) {}
  // With one key. kInvalidArgument unless it has 32 bytes.
  static absl::StatusOr<SessionSealer> Create(SecretBytes key);

  // The cookie's value: base64url, no padding.
  absl::StatusOr<std::string> Seal(const Session& session) const;
  // kUnauthenticated "session cookie is not ours", "... has expired"; what the store says when the
  // key's ring cannot be read.
  absl::StatusOr<Session> Open(std::string_view value, int64_t now) const;

 private:
  std::unique_ptr<KeySource> keys_;
};

// "kbs-session-id=<value>; Path=/kbs/v0; Max-Age=...; HttpOnly; Secure; SameSite=Strict".
std::string SetCookieHeader(std::string_view value, int64_t max_age_s);
// The value of our cookie in a Cookie header, or "".
std::string_view FindSessionCookie(std::string_view cookie_header);

}  // namespace nacre::attestation
