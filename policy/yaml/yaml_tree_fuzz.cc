// YAML in: any text. Places lie in the text and in order; a tree is no heavier than it says.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "policy/yaml/yaml.h"

namespace nacre::yaml {
namespace {

void Try(ByteView data) {
  const std::string_view text = AsText(data);
  const auto stream = Parse(text, {.max_weight = 10'000});
  if (!stream.ok()) return;
  for (const Node* root : stream->documents()) {
    if (root == nullptr) continue;
    if (root->weight > 10'000 || root->begin.index > root->end.index) std::abort();
    if (ByteOffset(text, root->end.index) > text.size()) std::abort();
    (void)root->Find("a");
  }
}

std::vector<std::string> Seeds() {
  return {"a: &x [1, b]\nc: *x\n---\n{d: [e, {f: 'g'}]}\n", "- |\n  text\n- \"\\u00e9\"\n",
          "? a\n: b\n",
          "a:\n  - b: c # d\n    e: &x\n  - *x\n---\n...\n---\n- [\xc3\xa9, '\xf0\x9f\x98\x80']\n"};
}

NACRE_FUZZ_TARGET(YamlTree, Try, Seeds)

}  // namespace
}  // namespace nacre::yaml
