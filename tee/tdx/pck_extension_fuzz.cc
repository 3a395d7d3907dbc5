// The SGX extension of a PCK certificate: DER that parses is written back to an equal extension.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/emulator/tdx_identity.h"
#include "tee/tdx/pck_extension.h"

namespace nacre::tee::tdx {
namespace {

void Try(ByteView data) {
  const auto extension = ParsePckExtension(data);
  if (!extension.ok()) return;
  const auto again = ParsePckExtension(SerializePckExtension(*extension));
  if (!again.ok() || *again != *extension) std::abort();
}

std::vector<std::string> Seeds() {
  PckExtension processor = emulator::EmulatedPck();
  processor.platform_instance_id.reset();
  processor.dynamic_platform.reset();
  processor.cached_keys.reset();
  processor.smt_enabled.reset();
  processor.sgx_svn[4] = 255;
  processor.pce_svn = 0xffff;
  return {ToString(SerializePckExtension(emulator::EmulatedPck())),
          ToString(SerializePckExtension(processor))};
}

NACRE_FUZZ_TARGET(PckExtension, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tdx
