// JSON in and out of values. Reading is strict (RFC 8259, valid UTF-8, bounded depth) and keeps
// numbers as written; of duplicate keys the last one counts, as in OPA.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "policy/rego/value.h"

namespace nacre::rego {

// kInvalidArgument "line 3, column 7: ...". Strings without escapes view `text` when
// `borrow_text`; then the text must outlive the value.
absl::StatusOr<Value> ValueFromJson(Arena& arena, std::string_view text, bool borrow_text = false);

struct JsonStyle {
  std::string indent = {};   // "" = compact; otherwise one level of indentation
  std::string prefix = {};   // in front of every line when indented
  bool escape_html = false;  // <, >, & and line separators as \u003c...: as Go's encoding/json
};
// Keys in order; a key that is no string becomes its JSON text; sets become arrays.
std::string ToJson(const Value& value, const JsonStyle& style = {});
void AppendJson(std::string* out, const Value& value, const JsonStyle& style = {});
void AppendJsonString(std::string* out, std::string_view text, bool escape_html = false);

}  // namespace nacre::rego
