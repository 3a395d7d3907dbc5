// What a broker knows of a guest's launch, and what it would have to know.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::cli {

// `evidence` is a file of SNP or TDX evidence of any form; it is compared, not verified.
// `documents` are reference values as a broker shows them; those of other kinds are passed over.
// The text says whether one matches, which is the nearest and what differs, and how to register
// this launch. kInvalidArgument for anything else.
absl::StatusOr<std::string> CompareWithReferences(ByteView evidence,
                                                  const std::vector<std::string>& documents,
                                                  int64_t now);

}  // namespace nacre::cli
