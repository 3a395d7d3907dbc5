#include "policy/rego/error.h"

#include <span>

#include "absl/strings/cord.h"
#include "base/strings.h"

namespace nacre::rego {
namespace {

constexpr char kPayload[] = "nacre.dev/rego-error";

}  // namespace

std::string ToString(const Error& error) {
  std::string out;
  if (error.location.line != 0) {
    out = StrCat(error.file.empty() ? "policy" : error.file, ":", error.location.line, ":",
                 error.location.column, ": ");
  }
  StrAppend(&out, error.code, ": ", error.message);
  return out;
}

absl::Status ToStatus(const Error& error) { return ToStatus(std::vector<Error>{error}); }

absl::Status ToStatus(const std::vector<Error>& errors) {
  if (errors.empty()) return absl::OkStatus();
  const Error& first = errors.front();
  absl::StatusCode code = first.code.starts_with("rego_") ? absl::StatusCode::kInvalidArgument
                          : first.code == "eval_cancel_error"
                              ? absl::StatusCode::kResourceExhausted
                              : absl::StatusCode::kFailedPrecondition;
  std::string text = ToString(first);
  if (errors.size() > 1) StrAppend(&text, " (and ", errors.size() - 1, " more)");
  absl::Status status(code, text);
  const std::string payload = StrCat(first.code, "\n", first.location.line, "\n",
                                     first.location.column, "\n", first.file, "\n", first.message);
  // Cord's constructor from std::string is a template, which clang and Debian's library name apart.
  status.SetPayload(kPayload, absl::Cord(absl::string_view(payload)));
  return status;
}

std::optional<Error> ErrorOf(const absl::Status& status) {
  auto payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  std::string text(*payload);
  std::vector<std::string_view> parts = StrSplit(text, '\n');
  Error out{std::string(parts[0]), {}, std::string(parts[3]), {}};
  ParseNumber(parts[1], &out.location.line);
  ParseNumber(parts[2], &out.location.column);
  out.message = StrJoin(std::span(parts).subspan(4), "\n");
  return out;
}

std::string ErrorCode(const absl::Status& status) {
  std::optional<Error> error = ErrorOf(status);
  return error ? error->code : std::string();
}

}  // namespace nacre::rego
