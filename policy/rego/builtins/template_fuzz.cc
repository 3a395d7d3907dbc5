// Templates: any text, over a small object, within the budgets of an evaluation.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/strings.h"
#include "policy/rego/builtins/builtins_testing.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

std::string AsJson(std::string_view text) {
  std::string out;
  AppendJsonString(&out, text);
  return out;
}

void Try(ByteView data) {
  std::string_view text = AsText(data);
  (void)Call("strings.render_template",
             StrCat("[", AsJson(text), R"(, {"a": [1, "b"], "c": {"d": null}}])"));
}

std::vector<std::string> Seeds() {
  return {"{{range $i, $x := .a}}{{if $i}},{{end}}{{$x}}{{else}}-{{end}}",
          "{{- with .c -}} {{.d | printf \"%v\"}} {{end}}{{/* c */}}{{and 1 (eq .a .c)}}"};
}

NACRE_FUZZ_TARGET(RegoTemplate, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
