// Who administers, and what: deny by default. A caller proves an identity by a JWT of one of the
// configured issuers or by a TLS client certificate; an identity has one role; a role may do what
// its patterns say. The holder of the owner's own key ([admin] public_key) may do everything.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/config.h"
#include "attestation/broker/key_set.h"
#include "base/status.h"

namespace nacre::rego {
class Pattern;
}

namespace nacre::attestation {

// What a request brings to prove who sent it.
struct Credentials {
  std::string_view bearer;       // token of the Authorization header, or ""
  std::string_view certificate;  // SHA-256 of the verified client certificate in hex, or ""
  std::string_view subject;      // its subject, "CN=ci,O=team"
};

struct AdminIdentity {
  std::string name;  // for the audit log: "nacre-admin", "https://idp/alice", "tls:CN=ci"
  std::string role;
  bool owner = false;  // by the owner's key: may do everything
};

// Immutable; thread-safe.
class AdminGate {
 public:
  // Reads the key files. Errors name the file or the table of kbs.toml.
  static absl::StatusOr<AdminGate> Open(const BrokerConfig& config);
  AdminGate(AdminGate&&) noexcept;
  ~AdminGate();

  // kUnauthenticated: nobody we know; kPermissionDenied: known, but the role does not allow this.
  // `target` is path and query as they were sent.
  absl::StatusOr<AdminIdentity> Check(const Credentials& credentials, std::string_view method,
                                      std::string_view target, int64_t now) const;

 private:
  struct Issuer {
    TokenExpectations expected;
    KeySet keys;
  };
  struct Role {
    std::vector<std::string> methods;  // empty: all
    std::vector<std::shared_ptr<const rego::Pattern>> allow;
  };
  explicit AdminGate(crypto::PublicKey owner) : owner_(std::move(owner)) {}
  absl::StatusOr<AdminIdentity> Identify(const Credentials& credentials, int64_t now) const;

  crypto::PublicKey owner_;
  std::string owner_issuer_;
  std::vector<Issuer> issuers_;
  std::map<std::string, Role, std::less<>> roles_;
  std::vector<AdminClient> clients_;
};

}  // namespace nacre::attestation
