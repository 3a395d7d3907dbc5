// What a broker knows of a guest's launch, and what it would have to know.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::cli {

// `evidence` is a file of SNP or TDX evidence of any form; it is compared, not verified.
// `documents` are reference values as a broker shows them; those of other kinds are passed over.
// The text says whether one matches, which is the nearest and what differs, and how to register
// this launch. kInvalidArgument for anything else.
absl::StatusOr<std::string> CompareWithReferences(ByteView evidence,
                                                  const std::vector<std::string>& documents,
                                                  int64_t now);

// One entry of a broker's list of reference values as a line: its name, when and by whom it was
// registered, who signed it, until when it counts and, if it does not, why.
absl::StatusOr<std::string> FormatReference(const Json& entry);

}  // namespace nacre::cli
