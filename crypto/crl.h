// Certificate revocation lists (RFC 5280 section 5). Indirect CRLs, deltas and other critical
// extensions are refused.
#pragma once

#include "crypto/x509.h"

namespace nacre::crypto {

inline constexpr size_t kMaxCrlSize = 4 << 20;

// Immutable and cheap to copy.
class Crl {
 public:
  // kInvalidArgument for anything but one CRL in strict DER within kMaxCrlSize.
  static absl::StatusOr<Crl> FromDer(ByteView der);
  static absl::StatusOr<Crl> FromPem(std::string_view pem);

  std::string issuer_text() const;
  bool IsFrom(const Certificate& issuer) const;  // the names match; says nothing about signatures
  int64_t this_update() const;                   // seconds since 1970
  std::optional<int64_t> next_update() const;

  // Signed by `issuer`, which may sign CRLs, and current at `time` (a CRL without nextUpdate is
  // refused). kUnauthenticated otherwise, with the reason.
  absl::Status Verify(const Certificate& issuer, int64_t time) const;
  // Ask only after Verify. `serial` as Certificate::serial gives it.
  bool IsRevoked(ByteView serial) const;
  size_t revoked_count() const;

 private:
  struct State;
  explicit Crl(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace nacre::crypto
