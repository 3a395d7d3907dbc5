// What a new version of a policy changes, field by field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::policy {

// Two policies of `nacre policy generate`, each as policy.rego or as an initdata document. One line
// a change, in the order of the document:
//   "containers.web.env.MODE: \"a\" -> \"b\"", "+ containers.web.exec[0]: [...]", "- ..."
// Empty when nothing changes. kInvalidArgument when one of them is no such policy.
absl::StatusOr<std::vector<std::string>> PolicyDifference(std::string_view before,
                                                          std::string_view after);

// The policy in an initdata document, or the text itself when it is none.
absl::StatusOr<std::string> PolicyIn(std::string_view text);

}  // namespace nacre::policy
