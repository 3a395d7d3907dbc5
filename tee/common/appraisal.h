// What a verifier found: each check with what it expected and got, claims, and, when evidence is
// refused, the one sentence that says why.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tee/common/evidence.h"

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

  bool affirmed() const { return refusal.empty() && !checks.empty(); }
  // Records a check. The first one that fails sets `refusal` to "<name> refused: <why>".
  // Returns `passed`.
  bool Add(std::string_view name, bool passed, std::string_view expected, std::string_view got,
           std::string_view why = {});
};

}  // namespace nacre::tee
