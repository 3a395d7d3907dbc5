#include "attestation/broker/admin_gate.h"

#include <algorithm>

#include "attestation/protocol/jwt.h"
#include "base/file.h"
#include "base/strings.h"
#include "policy/rego/builtins/pattern.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxKeyFile = 1 << 20;

std::string RoleOf(const Json& claims) {
  const auto role = claims.find("role");
  if (role != claims.end() && role->is_string()) return role->get<std::string>();
  return "";
}

}  // namespace

AdminGate::AdminGate(AdminGate&&) noexcept = default;
AdminGate::~AdminGate() = default;

absl::StatusOr<AdminGate> AdminGate::Open(const BrokerConfig& config) {
  ASSIGN_OR_RETURN(std::string pem, ReadTextFile(config.admin_public_key, kMaxKeyFile),
                   "admin public key");
  ASSIGN_OR_RETURN(crypto::PublicKey owner, crypto::PublicKey::FromPem(pem),
                   "admin public key " + config.admin_public_key);
  AdminGate gate(std::move(owner));
  gate.owner_issuer_ = config.admin_issuer;
  for (const AdminIssuer& issuer : config.admin_issuers) {
    const std::string where = StrCat("[admin.issuers.", issuer.name, "] keys");
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(issuer.keys, kMaxKeyFile), where);
    ASSIGN_OR_RETURN(KeySet keys, KeySet::Parse(text), where);
    gate.issuers_.push_back({{issuer.issuer, issuer.audience}, std::move(keys)});
  }
  for (const AdminRole& role : config.admin_roles) {
    Role& rules = gate.roles_[role.name];
    rules.methods = role.methods;
    for (const std::string& pattern : role.allow) {
      // In a group of its own, so that the anchors hold for each of its alternatives.
      auto regex = rego::Pattern::FromRegex(StrCat("^(?:", pattern, ")$"));
      if (!regex.ok() || !pattern.starts_with("^/kbs") || !pattern.ends_with('$')) {
        return absl::InvalidArgumentError(
            StrCat("[admin.roles.", role.name, "] allow: '", pattern,
                   "' is no regular expression that begins with ^/kbs and ends with $"));
      }
      rules.allow.push_back(*std::move(regex));
    }
  }
  gate.clients_ = config.admin_clients;
  return gate;
}

absl::StatusOr<AdminIdentity> AdminGate::Identify(const Credentials& credentials,
                                                  int64_t now) const {
  if (!credentials.bearer.empty()) {
    const absl::Status owner = VerifyAdminToken(credentials.bearer, owner_, owner_issuer_, now);
    if (owner.ok()) return AdminIdentity{owner_issuer_, std::string(kAdminRole), true};
    if (absl::IsPermissionDenied(owner)) return owner;
    for (const Issuer& issuer : issuers_) {
      const auto claims = issuer.keys.Verify(credentials.bearer, issuer.expected, now);
      if (!claims.ok()) continue;
      const auto subject = JsonString(*claims, "sub", "token");
      return AdminIdentity{StrCat(issuer.expected.issuer, "/", subject.ok() ? *subject : "-"),
                           RoleOf(*claims), false};
    }
    return absl::UnauthenticatedError("the token is of nobody who administers");
  }
  for (const AdminClient& client : clients_) {
    const bool same = client.sha256.empty() ? client.subject == credentials.subject
                                            : client.sha256 == credentials.certificate;
    if (same && !credentials.certificate.empty()) {
      return AdminIdentity{StrCat("tls:", credentials.subject), client.role, false};
    }
  }
  return absl::UnauthenticatedError(credentials.certificate.empty()
                                        ? "neither a token nor a client certificate"
                                        : "the client certificate is of nobody who administers");
}

absl::StatusOr<AdminIdentity> AdminGate::Check(const Credentials& credentials,
                                               std::string_view method, std::string_view target,
                                               int64_t now) const {
  ASSIGN_OR_RETURN(AdminIdentity identity, Identify(credentials, now));
  if (identity.owner) return identity;
  const auto role = roles_.find(identity.role);
  if (role != roles_.end()) {
    const Role& rules = role->second;
    const bool method_fits =
        rules.methods.empty() || std::ranges::find(rules.methods, method) != rules.methods.end();
    for (const auto& pattern : rules.allow) {
      if (method_fits && pattern->Matches(target)) return identity;
    }
  }
  return absl::PermissionDeniedError(
      StrCat(identity.name, ": role '", identity.role, "' does not allow ", method, " ", target));
}

}  // namespace nacre::attestation
