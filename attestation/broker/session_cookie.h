// The session of one handshake, kept by the guest and not by the broker: a cookie sealed with
// AES-256-GCM, so any replica that has the key can take the next step.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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
  // kInvalidArgument unless the key has 32 bytes.
  static absl::StatusOr<SessionSealer> Create(SecretBytes key);

  // The cookie's value: base64url, no padding.
  absl::StatusOr<std::string> Seal(const Session& session) const;
  // kUnauthenticated "session cookie is not ours", "... has expired".
  absl::StatusOr<Session> Open(std::string_view value, int64_t now) const;

 private:
  explicit SessionSealer(SecretBytes key) : key_(std::move(key)) {}
  SecretBytes key_;
};

// "kbs-session-id=<value>; Path=/kbs/v0; Max-Age=...; HttpOnly; Secure; SameSite=Strict".
std::string SetCookieHeader(std::string_view value, int64_t max_age_s);
// The value of our cookie in a Cookie header, or "".
std::string_view FindSessionCookie(std::string_view cookie_header);

}  // namespace nacre::attestation
