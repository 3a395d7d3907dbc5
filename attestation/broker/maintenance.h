// The verbs of nacre-kbs that look after its store. They work on the database itself, beside a
// running broker where that is said, and each writes to the audit log what it changed.
//
//   nacre-kbs backup  --config F --out FILE               beside running brokers
//   nacre-kbs restore --config F --in FILE [--backup-master-key URI]
//   nacre-kbs rekey   --config F [--new-master-key URI]
//   nacre-kbs rotate-keys --config F --purpose session|token [--revoke]    beside running brokers
//   nacre-kbs audit verify --config F [--at-least N:DIGEST]                beside running brokers
//   nacre-kbs audit show   --config F [--after N] [--limit N] [--json]     beside running brokers
//   nacre-kbs master-key   --new URI
#pragma once

#include <memory>
#include <optional>

#include "base/status.h"

namespace CLI {
class App;
}

namespace nacre::attestation {

class Maintenance {
 public:
  // Adds the verbs.
  explicit Maintenance(CLI::App& app);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // After parsing: runs the verb that was given, which prints its result; absent when it was none
  // of these.
  std::optional<absl::Status> Run();

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace nacre::attestation
