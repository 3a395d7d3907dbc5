// Any format over one argument of each kind: no crash, and no more text than was allowed.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/rego/builtins/fuzz_halves.h"
#include "policy/rego/builtins/go_sprintf.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  auto [format, text] = Halves(data);
  std::vector<FormatArgument> arguments = {int64_t{-42}, 2.5, std::string(text),
                                           BigDecimal{"-123456789012345678901234567890"}};
  auto out = GoSprintf(format, arguments, 1 << 20);
  if (out.ok() && out->size() > 1 << 20) std::abort();
}
std::vector<std::string> Seeds() {
  return {"%d %v %s %x\ntext", "%[3]q|%[2]08.3f|%-10[1]d|%+d\nh\xc3\xa9",
          "%*d %.*f %U %#x % x %e %G %b %O %c\nabc", "%1000000d%!%z%[9]d%%\n"};
}

NACRE_FUZZ_TARGET(RegoSprintf, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
