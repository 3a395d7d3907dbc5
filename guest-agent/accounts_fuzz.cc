// User lookup: the first line of the input is the user, the rest serves as /etc/passwd and
// /etc/group. No id ever comes out that the kernel reads as "no change".
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "guest-agent/container/accounts.h"

namespace nacre::guest_agent {
namespace {

void Try(ByteView data) {
  const std::string text(AsText(data));
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string rest = text.substr(std::min(end + 1, text.size()));
  const auto user = ResolveUser(text.substr(0, end), {rest, rest});
  if (!user.ok()) return;
  if (user->uid == UINT32_MAX || user->gid == UINT32_MAX) std::abort();
  for (const uint32_t gid : user->additional_gids) {
    if (gid == UINT32_MAX) std::abort();
  }
}

std::vector<std::string> Seeds() {
  return {"app:staff\napp:x:1000:1001::/:/bin/sh\nstaff:x:50:app\n", "1000\n", "\n::::\n",
          "4294967295\nx:x:4294967295:4294967295:x\n", "a\na:x:1:2\na:x:3:a,a,,\n"};
}

NACRE_FUZZ_TARGET(Accounts, Try, Seeds)

}  // namespace
}  // namespace nacre::guest_agent
