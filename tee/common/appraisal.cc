#include "tee/common/appraisal.h"

#include "base/strings.h"

namespace nacre::tee {

bool Appraisal::Add(std::string_view name, bool passed, std::string_view expected,
                    std::string_view got, std::string_view why) {
  checks.push_back({std::string(name), passed, std::string(expected), std::string(got)});
  if (passed || !refusal.empty()) return passed;
  refusal = why.empty() ? StrCat(name, " refused: expected ", expected, ", got ", got)
                        : StrCat(name, " refused: ", why);
  return false;
}

}  // namespace nacre::tee
