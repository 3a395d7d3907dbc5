// For tests: what a Status or StatusOr must be, said in one line.
//   ASSERT_OK_AND_ASSIGN(Bytes data, ReadFile(path, 10));
//   EXPECT_OK(Check(x));
//   EXPECT_STATUS(Check(y), kInvalidArgument, "unknown key");   // code and part of the message
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/status.h"
#include "base/strings.h"

namespace nacre::testing_internal {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

template <typename T>
::testing::AssertionResult IsOk(const T& result) {
  if (StatusOf(result).ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << StatusOf(result).ToString();
}

template <typename T>
::testing::AssertionResult Is(const T& result, absl::StatusCode code, std::string_view part) {
  const absl::Status& status = StatusOf(result);
  if (status.code() == code && Message(status).find(part) != std::string_view::npos) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "got " << status.ToString() << "\nexpected " << absl::StatusCodeToString(code)
         << " with '" << part << "'";
}

}  // namespace nacre::testing_internal

#define EXPECT_OK(expr) EXPECT_TRUE(::nacre::testing_internal::IsOk(expr))
#define ASSERT_OK(expr) ASSERT_TRUE(::nacre::testing_internal::IsOk(expr))
#define EXPECT_STATUS(expr, code, part) \
  EXPECT_TRUE(::nacre::testing_internal::Is(expr, ::absl::StatusCode::code, part))
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_IMPL_(NACRE_CONCAT_(nacre_result_, __COUNTER__), lhs, expr)
#define ASSERT_OK_AND_ASSIGN_IMPL_(result, lhs, expr) \
  auto result = (expr);                               \
  ASSERT_OK(result);                                  \
  lhs = std::move(result).value()
