// Properties: a test gives what it takes as parameters to rapidcheck, which makes many values of
// them, larger and larger, and shrinks the first that fails to a small one that fails too.
//
// The same values each time, so that a test that was green stays so. RC_PARAMS="seed=7
// max_success=2000" looks further; a failure prints what to set to see it again.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <sstream>
#include <string>

namespace nacre {

// Checks `property` on `count` values; a failure is one of the current test. The property says what
// is wrong by RC_ASSERT and its like, and discards a value by RC_PRE.
template <typename Property>
void CheckProperty(int count, Property&& property) {
  rc::detail::TestMetadata metadata;
  metadata.id = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  metadata.description = metadata.id;
  rc::detail::TestParams params;
  if (std::getenv("RC_PARAMS") != nullptr) {
    params = rc::detail::configuration().testParams;
  } else {
    params.seed = 1;
    params.maxSuccess = count;
  }
  const auto result = rc::detail::checkTestable(std::forward<Property>(property), metadata, params);
  if (result.template is<rc::detail::SuccessResult>()) return;
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  FAIL() << text.str();
}

}  // namespace nacre
