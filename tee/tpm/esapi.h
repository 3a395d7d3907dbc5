// What every user of tpm2-tss's ESAPI needs. For the sources of nacre_tpm_device.
#pragma once

#include <tss2/tss2_esys.h>

#include <string_view>

#include "base/status.h"

namespace nacre::tee::tpm {

// kInternal with the command's name and its response code in hexadecimal.
absl::Status TpmFailure(std::string_view command, TSS2_RC code);

#define RETURN_IF_TPM_ERROR(command, call)                                   \
  do {                                                                       \
    const TSS2_RC tpm_code_ = (call);                                        \
    if (tpm_code_ != TSS2_RC_SUCCESS) return TpmFailure(command, tpm_code_); \
  } while (false)

// What ESAPI allocates.
template <typename T>
struct Owned {
  T* value = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Esys_Free(value); }
};

}  // namespace nacre::tee::tpm
