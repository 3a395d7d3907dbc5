// Canonical layout of a module, in the manner of `opa fmt`: tabs, one blank line between rules,
// one space around operators. Comments stay with what they stand before or behind; composite terms
// that were written over several lines are laid out one item a line.
#pragma once

#include <string>

#include "base/status.h"
#include "policy/rego/parser.h"

namespace nacre::rego {

// The errors of parsing. The result means the same (it is parsed again and compared), and formats
// to itself.
absl::StatusOr<std::string> FormatModule(std::string_view name, std::string_view text,
                                         const ParseOptions& options = {});

}  // namespace nacre::rego
