#include "tee/tpm/esapi.h"

#include <cstdio>

#include "base/strings.h"

namespace nacre::tee::tpm {

absl::Status TpmFailure(std::string_view command, TSS2_RC code) {
  char text[16];
  snprintf(text, sizeof text, "0x%x", code);
  return absl::InternalError(StrCat("TPM: ", command, " failed with ", text));
}

}  // namespace nacre::tee::tpm
