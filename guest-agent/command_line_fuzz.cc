// Kernel command line: whatever is accepted is accepted again from its own text, with the same
// meaning.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "guest-agent/service/command_line.h"

namespace nacre::guest_agent {
namespace {

void Try(ByteView data) {
  const auto line = ParseCommandLine(AsText(data));
  if (!line.ok()) return;
  const auto again = ParseCommandLine(line->text);
  if (!again.ok() || again->emulated_tee != line->emulated_tee) std::abort();
}

std::vector<std::string> Seeds() {
  return {"console=ttyS0 quiet nacre.tee=emulated\n",
          "nacre.tee=snp",
          "a=\"b nacre.x c\" d",
          "\"",
          "\xff",
          "nacre."};
}

NACRE_FUZZ_TARGET(CommandLine, Try, Seeds)

}  // namespace
}  // namespace nacre::guest_agent
