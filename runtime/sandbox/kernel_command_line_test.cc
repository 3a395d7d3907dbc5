#include "runtime/sandbox/kernel_command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(KernelCommandLine, OrderIsOwnThenConfigThenPod) {
  const auto line = KernelCommandLine(Tee::kNone, "  a=1   b ", "c=3");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(*line,
            "console=ttyS0 quiet loglevel=3 panic=-1 i8042.noaux i8042.nokbd "
            "no_timer_check cryptomgr.notests noreplace-smp a=1 b c=3");
}

TEST(KernelCommandLine, OnlyEmulationNamesATee) {
  EXPECT_THAT(*KernelCommandLine(Tee::kEmulatedSnp, "", "x"), HasSubstr(" nacre.tee=emulated "));
  EXPECT_THAT(*KernelCommandLine(Tee::kSnp, "", ""), Not(HasSubstr("nacre.tee")));
  EXPECT_THAT(*KernelCommandLine(Tee::kTdx, "", ""), Not(HasSubstr("nacre.tee")));
}

TEST(KernelCommandLine, OwnArgumentsCannotBeChanged) {
  for (const char* params : {"nacre.tee=emulated", "nacre.tee", "x nacre.tee=snp"}) {
    EXPECT_FALSE(KernelCommandLine(Tee::kSnp, params, "").ok()) << params;
    EXPECT_FALSE(KernelCommandLine(Tee::kSnp, "", params).ok()) << params;
  }
}

TEST(KernelCommandLine, OnlyPrintableAscii) {
  for (const char* params : {"a\nb", "a\tb", "\x7f", "\xc3\xa9"}) {
    EXPECT_FALSE(KernelCommandLine(Tee::kNone, "", params).ok());
  }
}

TEST(KernelCommandLine, LengthLimitOfTheKernel) {
  const size_t own = KernelCommandLine(Tee::kNone, "", "")->size();
  const size_t room = kMaxKernelCommandLine - 1 - own - 1;  // a space before the argument
  EXPECT_TRUE(KernelCommandLine(Tee::kNone, "", std::string(room, 'a')).ok());
  EXPECT_FALSE(KernelCommandLine(Tee::kNone, "", std::string(room + 1, 'a')).ok());
}

}  // namespace
}  // namespace nacre::runtime
