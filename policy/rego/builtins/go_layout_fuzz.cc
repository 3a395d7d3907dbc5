// Layouts and durations: nothing crashes, what is written can be looked at again.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/rego/builtins/fuzz_halves.h"
#include "policy/rego/builtins/go_layout.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  auto [layout, value] = Halves(data);
  (void)ParseTime(layout, value);
  absl::Time time = absl::FromUnixNanos(1670006453141828752);
  std::string text = FormatTime(layout, time, absl::UTCTimeZone());
  if (text.size() > 16 * layout.size() + 16) std::abort();
  (void)ParseTime(layout, text);
  (void)ParseDuration(value);
}
std::vector<std::string> Seeds() {
  return {"2006-01-02T15:04:05.999999999Z07:00\n2022-12-02T18:40:53.141828752Z",
          "Mon Jan _2 15:04:05 MST 2006\nFri Dec  2 18:40:53 UTC 2022",
          "Monday, 02-Jan-06 03:04:05PM -0700 __2\n1h2.5m3s", "2006-002 ,000 ,999\n-1w3d4us"};
}

NACRE_FUZZ_TARGET(RegoLayout, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
