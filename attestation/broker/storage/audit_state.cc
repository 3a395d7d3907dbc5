// The log is replayed: "K-set" puts an object of kind K there, with the digest its detail names;
// "K-deleted" takes it away. What is left must be what the tables hold.
#include "attestation/broker/storage/audit_state.h"

#include <map>

#include "attestation/broker/storage/audit.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kPage = 500;

struct Kind {
  std::string_view name;  // in actions
  std::string_view words;
  std::string_view rows;  // key, and what the digest is of
  bool has_digest;
};
constexpr Kind kKinds[] = {
    {"policy", "policy", "SELECT name, body FROM policies", true},
    {"reference", "reference value", "SELECT name, document FROM reference_values", true},
    {"resource", "resource", "SELECT path FROM resources", false},
};

using Objects = std::map<std::string, std::string>;  // name to digest

absl::Status Apply(const AuditEntry& entry, std::map<std::string_view, Objects>* state) {
  for (const Kind& kind : kKinds) {
    Objects& objects = (*state)[kind.name];
    if (entry.action == StrCat(kind.name, "-deleted")) objects.erase(entry.object);
    if (entry.action != StrCat(kind.name, "-set")) continue;
    std::string& digest = objects[entry.object];
    if (!kind.has_digest) continue;
    ASSIGN_OR_RETURN(const Json detail, ParseJson(entry.detail));
    ASSIGN_OR_RETURN(digest, JsonString(detail, "digest", "audit entry"));
  }
  return absl::OkStatus();
}

absl::Status CheckKind(sql::Connection& connection, const Kind& kind, Objects expected) {
  ASSIGN_OR_RETURN(const sql::Rows rows, connection.Query(kind.rows));
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows.Text(i, 0);
    const auto found = expected.find(name);
    if (found == expected.end()) {
      return absl::DataLossError(
          StrCat(kind.words, " ", name, " is there, and no entry of the audit log put it there"));
    }
    if (kind.has_digest && crypto::OciDigest(AsBytes(rows.Text(i, 1))) != found->second) {
      return absl::DataLossError(
          StrCat(kind.words, " ", name, " is not what the audit log says was set"));
    }
    expected.erase(found);
  }
  if (expected.empty()) return absl::OkStatus();
  return absl::DataLossError(StrCat(kind.words, " ", expected.begin()->first,
                                    " is missing, and no entry of the audit log deleted it"));
}

}  // namespace

absl::Status CheckStateAgainstAudit(sql::Connection& connection) {
  std::map<std::string_view, Objects> state;
  int64_t at = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<AuditEntry> page, AuditLog::Entries(connection, at, kPage));
    if (page.empty()) break;
    for (const AuditEntry& entry : page) {
      RETURN_IF_ERROR(Apply(entry, &state), StrCat("audit log: entry ", entry.sequence));
    }
    at = page.back().sequence;
  }
  for (const Kind& kind : kKinds) {
    RETURN_IF_ERROR(CheckKind(connection, kind, std::move(state[kind.name])));
  }
  return absl::OkStatus();
}

}  // namespace nacre::attestation
