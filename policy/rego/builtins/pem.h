// PEM (RFC 7468), block by block, as lenient as Go's decoder: text before a block is skipped,
// headers inside it too.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::rego {

struct PemBlock {
  std::string type;  // "CERTIFICATE"
  std::string der;
};
// The first block, taken off the front of the text with its line end; kNotFound when there is none.
absl::StatusOr<PemBlock> TakePemBlock(std::string_view* text);

}  // namespace nacre::rego
