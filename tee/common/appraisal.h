// What a verifier found: each check with what it expected and got, claims, and, when evidence is
// refused, the one sentence that says why.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tee/common/evidence.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee {

struct Check {
  std::string name;  // "certificate chain", "reported TCB", "launch measurement", ...
  bool passed = false;
  std::string expected;  // readable; hex for digests
  std::string got;
};

struct Appraisal {
  TeeKind tee = TeeKind::kSnp;
  bool emulated = false;      // the signing root is configured as an emulator's
  std::string root;           // name of the trusted root that signed, e.g. "ARK-Milan"
  std::string reference;      // name of the reference value that matched, if any
  std::vector<Check> checks;  // in the order they were made
  std::map<std::string, std::string> claims;  // "measurement", "reported_tcb.snp", ... as text
  std::string refusal;                        // empty when every check passed

  // The class of that refusal; kNone when every check passed.
  RefusalClass refusal_class = RefusalClass::kNone;

  bool affirmed() const { return refusal.empty() && !checks.empty(); }
  // Records a check. The first one that fails sets `refusal` to "<name> refused: <why>".
  // Returns `passed`.
  bool Add(std::string_view name, bool passed, std::string_view expected, std::string_view got,
           std::string_view why = {});
  // The same; a refusal is of this class.
  bool Add(RefusalClass on_failure, std::string_view name, bool passed, std::string_view expected,
           std::string_view got, std::string_view why = {});
  // A check that failed with an error, whose message is what was got. The class is the one the
  // status carries, or `otherwise`. Returns false.
  bool AddError(RefusalClass otherwise, std::string_view name, std::string_view expected,
                const absl::Status& status);
};

}  // namespace nacre::tee
