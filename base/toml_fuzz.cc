// TOML: what is read becomes a JSON object that can be written.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/toml.h"

namespace nacre {
namespace {

void Try(ByteView data) {
  absl::StatusOr<Json> table = ParseToml(AsText(data));
  if (!table.ok()) return;
  if (!table->is_object() || !DumpJson(*table).ok()) std::abort();
}

std::vector<std::string> Seeds() {
  return {R"(version = "0.1.0"
algorithm = "sha256"
[data]
"policy.rego" = '''
allow = ["CreateContainerRequest"]
'''
"nacre.toml" = "url = 'https://10.0.2.2:8080'\n"
)",
          R"([hypervisor]
path = "/usr/bin/qemu-system-x86_64" # comment
vcpus = 0x2
memory_mib = 1_024
ratio = -1.5e3
when = 1979-05-27T07:32:00-08:00
list = [ 1, [ "two", 'three' ], { four = 4, five.six = 6 } ]
[[row]]
a.b.c = true
[[row]]
a.b.c = false
)",
          "a = \"\"\"\\\n  x \\u00e9 \\U0001F600\"\"\"\nb = inf\nc = 07:32:00\n",
          "a = [[[[[[[[[[[[]]]]]]]]]]]]\n"};
}

NACRE_FUZZ_TARGET(Toml, Try, Seeds)

}  // namespace
}  // namespace nacre
