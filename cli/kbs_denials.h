// What guests told of requests they denied, for a terminal.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace nacre::cli {

// One entry of a broker's list of denials, as some lines. Everything in it that is text came from a
// guest, which quotes its host: all but printable ASCII is escaped as JSON escapes it.
// kInvalidArgument when a member is missing.
absl::StatusOr<std::string> FormatDenial(const Json& denial);

}  // namespace nacre::cli
