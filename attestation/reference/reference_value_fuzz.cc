// A reference document that parses must be written and read back the same.
#include <cstdlib>

#include "attestation/reference/reference_value.h"
#include "base/fuzz_testing.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation {
namespace {

void Try(ByteView data) {
  const auto reference = ParseReferenceValue(AsText(data));
  if (!reference.ok()) return;
  const auto text = SerializeReferenceValue(*reference);
  if (!text.ok()) std::abort();
  const auto again = ParseReferenceValue(*text);
  if (!again.ok() || SerializeReferenceValue(*again).value_or("") != *text) std::abort();
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const bool with_kernel : {false, true}) {
    tee::LaunchInputs inputs;
    inputs.firmware_path = "fw";
    inputs.vcpus = 2;
    if (with_kernel) {
      inputs.kernel_path = "kernel";
      inputs.command_line = "console=ttyS0 quiet";
    }
    const auto measurement = tee::sev::MeasureLaunch(inputs, tee::emulator::BuildStandInFirmware(),
                                                     AsBytes("a kernel"), {});
    seeds.push_back(*SerializeReferenceValue({"demo", *measurement, 1'800'000'000, 1'900'000'000}));
  }
  return seeds;
}

NACRE_FUZZ_TARGET(ReferenceValue, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
