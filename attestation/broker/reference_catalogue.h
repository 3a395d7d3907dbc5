// The reference values guests are measured against: documents in the store, parsed once and shared
// until they change. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/reference_signers.h"
#include "attestation/broker/store.h"
#include "attestation/verifier/launch_registers.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

// One state of the catalogue; immutable.
struct ReferenceView {
  struct Plain {
    Json value;
    int64_t expires_at = 0;  // 0: never
  };
  ReferenceSet documents;
  std::map<std::string, Plain, std::less<>> values;  // by id
  // What is registered but counts for nothing, by name, and why: its signature is of nobody whose
  // word counts any more.
  std::map<std::string, std::string, std::less<>> not_counted;

  // For query_reference_value: what is in force at `now` under an id, as JSON; null when nothing
  // is. "snp_launch_measurement" also lists the digests of the SNP documents.
  Json Query(std::string_view id, int64_t now) const;
  // When the plain value of this id ceased to count (Unix seconds); nothing when it still does, or
  // never did.
  std::optional<int64_t> ExpiredAt(std::string_view id, int64_t now) const;
};

// Answers a policy's questions out of a view and remembers which of them an expired value would
// have answered, so that a refusal can say so.
class ReferenceQuestions {
 public:
  ReferenceQuestions(std::shared_ptr<const ReferenceView> view, int64_t now)
      : view_(std::move(view)), now_(now) {}
  Json Ask(std::string_view id);
  // "; reference value 'mr_td' expired 2026-01-01T00:00:00Z", "" when none was met.
  std::string ExpiredOnes() const;

 private:
  std::shared_ptr<const ReferenceView> view_;
  int64_t now_;
  std::map<std::string, int64_t, std::less<>> expired_;
};

class ReferenceCatalogue {
 public:
  explicit ReferenceCatalogue(Store* store, ReferenceSigners signers = {})
      : store_(store), signers_(std::move(signers)) {}

  // A document of any schema of attestation/reference, which replaces one of the same name; it is
  // called by its name or, when it has none, by its kind and 12 hex digits of its digest,
  // "snp-0123456789ab". Or a message of Confidential Containers' reference value service,
  //   {"version": "0.1.0", "type": "sample", "payload": base64 of {"<id>": value, ...}}
  // whose plain values policies ask for; in force for a year. Either may be signed: see
  // reference_signers.h. Returns the names. kInvalidArgument when it is neither, or has expired;
  // kUnauthenticated when its signature does not count or one is missing. Then nothing has changed.
  absl::StatusOr<std::vector<std::string>> Register(std::string_view upload, const Change& change);
  // What is shown of one: the document, or the plain value as JSON.
  static absl::StatusOr<std::string> Shown(const StoredReference& reference);
  absl::Status Remove(std::string_view name, const Change& change);  // kNotFound

  // All that are registered. Where signatures are demanded each is verified again, by the signers
  // of today, for the moment of its registration. kDataLoss naming one that no longer parses: then
  // nobody is affirmed until the owner has seen to it.
  absl::StatusOr<std::shared_ptr<const ReferenceView>> All();

 private:
  Store* store_;
  const ReferenceSigners signers_;
  std::mutex mutex_;
  std::shared_ptr<const ReferenceView> cached_;
  int64_t generation_ = 0;  // of the store, when `cached_` was read
};

}  // namespace nacre::attestation
