// Errors of policies, with OPA's codes and a place in the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::rego {

// A place in a module's text; lines and columns count from 1, columns in bytes. Line 0 = nowhere.
struct Location {
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t offset = 0;
  uint32_t length = 0;  // bytes of text meant, 0 when only the beginning is known
  uint16_t module = 0;  // index into the policy's modules
};

// One error. `code` is one of OPA's: rego_parse_error, rego_compile_error, rego_type_error,
// rego_unsafe_var_error, rego_recursion_error, eval_conflict_error, eval_type_error,
// eval_builtin_error, eval_cancel_error, eval_internal_error.
struct Error {
  std::string code;
  std::string message;
  std::string file;  // the module's name, if the error has a place
  Location location;
};

// "policy.rego:3:7: rego_unsafe_var_error: var x is unsafe"
std::string ToString(const Error& error);

// Statuses carry such an error: the text above as message, code and place as payload.
// Parse and compile errors are kInvalidArgument, budget ends kResourceExhausted, all others
// kFailedPrecondition.
absl::Status ToStatus(const Error& error);
absl::Status ToStatus(const std::vector<Error>& errors);  // the first, and how many more
// What such a status carries; nothing for others. (The text's offset and length are lost.)
std::optional<Error> ErrorOf(const absl::Status& status);
// OPA's code of such a status; "" for others.
std::string ErrorCode(const absl::Status& status);

}  // namespace nacre::rego
