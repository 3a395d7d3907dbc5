#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "guest-agent/service/command_line.h"

// Whatever is accepted is accepted again from its own text, with the same meaning.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto line = nacre::guest_agent::ParseCommandLine(nacre::AsText({data, size}));
  if (!line.ok()) return 0;
  const auto again = nacre::guest_agent::ParseCommandLine(line->text);
  if (!again.ok() || again->emulated_tee != line->emulated_tee ||
      again->agent_port != line->agent_port)
    std::abort();
  return 0;
}
