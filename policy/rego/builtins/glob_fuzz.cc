// Globs over any text; a quoted text matches itself.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/utf8.h"
#include "policy/rego/builtins/fuzz_halves.h"
#include "policy/rego/builtins/pattern.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  auto [glob, text] = Halves(data);
  auto pattern = Pattern::FromGlob(glob, U".:");
  if (pattern.ok()) (void)(*pattern)->Matches(text);
  auto quoted = Pattern::FromGlob(QuoteGlob(text), U".");
  bool usable = IsUtf8(text) && text.size() < 1000;
  if (usable && (!quoted.ok() || !(*quoted)->Matches(text))) std::abort();
}
std::vector<std::string> Seeds() {
  return {"*.{com,org,[a-z]?}\nexample.com", "a**b[!abc]\\*\na.x.bd*", "{{a,b},{c,}}\nac"};
}

NACRE_FUZZ_TARGET(RegoGlob, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
