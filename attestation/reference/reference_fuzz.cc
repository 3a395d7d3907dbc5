// A reference document that parses must be written and read back the same.

#include <cstdlib>

#include "attestation/reference/reference_value.h"
#include "base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reference =
      nacre::attestation::ParseReferenceValue(nacre::AsText(nacre::ByteView(data, size)));
  if (!reference.ok()) return 0;
  const auto text = nacre::attestation::SerializeReferenceValue(*reference);
  if (!text.ok() || !nacre::attestation::ParseReferenceValue(*text).ok()) std::abort();
  return 0;
}
