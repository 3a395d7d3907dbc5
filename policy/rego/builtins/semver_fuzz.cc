// Versions, units and UUIDs: any text.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  std::string_view text = AsText(data);
  (void)CallText("semver.is_valid", text);
  (void)CallText("units.parse", text);
  (void)CallText("units.parse_bytes", text);
  (void)CallText("uuid.parse", text);
  (void)CallText("time.parse_duration_ns", text);
  (void)CallText("uri.parse", text);
}

std::vector<std::string> Seeds() {
  return {"1.2.3-alpha.1+build", "1.5e3Ki", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
          "http://u@[::1]:80/a%20b?q#f"};
}

NACRE_FUZZ_TARGET(RegoSemver, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
