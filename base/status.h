// Errors everywhere in Nacre are absl::Status: one canonical code per meaning (callers branch on
// codes, people read messages), with context put in front of the message at each layer it passes.
#pragma once

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace nacre {

// The same code, with "context: " in front of the message. An OK status stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// "context: No such file or directory", coded by errno (ENOENT/ENXIO/ESRCH -> kNotFound,
// EACCES/EPERM -> kPermissionDenied, EEXIST -> kAlreadyExists, ENOSPC/EMFILE/ENFILE/ENOMEM ->
// kResourceExhausted, EAGAIN/ECONNREFUSED/EPIPE/ECONNRESET -> kUnavailable, ETIMEDOUT ->
// kDeadlineExceeded, EINVAL -> kInvalidArgument, others -> kInternal).
absl::Status ErrnoStatus(int error_number, std::string_view context);

}  // namespace nacre

#define NACRE_CONCAT_INNER_(a, b) a##b
#define NACRE_CONCAT_(a, b) NACRE_CONCAT_INNER_(a, b)

// RETURN_IF_ERROR(DoIt());  RETURN_IF_ERROR(DoIt(), "reading PCK chain");
#define RETURN_IF_ERROR(expr, ...)                                                            \
  do {                                                                                        \
    ::absl::Status nacre_status_ = (expr);                                                    \
    if (!nacre_status_.ok()) [[unlikely]]                                                     \
      return ::nacre::status_internal::WithContext(nacre_status_ __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)

// ASSIGN_OR_RETURN(Bytes data, ReadFile(path));  ASSIGN_OR_RETURN(Bytes data, ReadFile(path),
// "reading config");
#define ASSIGN_OR_RETURN(lhs, expr, ...)                                   \
  ASSIGN_OR_RETURN_IMPL_(NACRE_CONCAT_(nacre_statusor_, __COUNTER__), lhs, \
                         expr __VA_OPT__(, ) __VA_ARGS__)
#define ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr, ...)                                        \
  auto tmp = (expr);                                                                       \
  if (!tmp.ok()) [[unlikely]]                                                              \
    return ::nacre::status_internal::WithContext(tmp.status() __VA_OPT__(, ) __VA_ARGS__); \
  lhs = std::move(tmp).value()

namespace nacre::status_internal {
inline absl::Status WithContext(const absl::Status& status) { return status; }
inline absl::Status WithContext(const absl::Status& status, std::string_view context) {
  return Annotate(status, context);
}
}  // namespace nacre::status_internal
