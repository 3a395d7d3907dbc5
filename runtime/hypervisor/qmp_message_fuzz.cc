// Any bytes as QMP: cut into lines, each line parsed; nothing but errors may come of it.
#include <string>
#include <vector>

#include "base/fuzz_testing.h"
#include "runtime/hypervisor/qmp_message.h"

namespace nacre::runtime {
namespace {

void TryQmp(ByteView data) {
  QmpLines lines;
  if (!lines.Feed(data).ok()) return;
  while (const auto line = lines.Next()) (void)ParseQmpMessage(*line);
}

std::vector<std::string> QmpSeeds() {
  return {"{\"QMP\":{\"version\":{}}}\r\n{\"return\":{},\"id\":1}\r\n",
          "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":2}\n",
          "{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true}}\n"};
}

NACRE_FUZZ_TARGET(Qmp, TryQmp, QmpSeeds)

}  // namespace
}  // namespace nacre::runtime
