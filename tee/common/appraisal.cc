#include "tee/common/appraisal.h"

#include "base/strings.h"

namespace nacre::tee {

bool Appraisal::Add(std::string_view name, bool passed, std::string_view expected,
                    std::string_view got, std::string_view why) {
  return Add(RefusalClass::kUnclassified, name, passed, expected, got, why);
}

bool Appraisal::Add(RefusalClass on_failure, std::string_view name, bool passed,
                    std::string_view expected, std::string_view got, std::string_view why) {
  checks.push_back({std::string(name), passed, std::string(expected), std::string(got)});
  if (passed || !refusal.empty()) return passed;
  refusal = why.empty() ? StrCat(name, " refused: expected ", expected, ", got ", got)
                        : StrCat(name, " refused: ", why);
  refusal_class = on_failure;
  return false;
}

bool Appraisal::AddError(RefusalClass otherwise, std::string_view name, std::string_view expected,
                         const absl::Status& status) {
  return Add(ClassOf(status, otherwise), name, false, expected, Message(status), Message(status));
}

}  // namespace nacre::tee
