#include "policy/rego/number.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"

namespace nacre::rego {
namespace {

class NumberTest : public ::testing::Test {
 protected:
  Value N(std::string_view text) {
    auto value = NumberFromText(arena_, text);
    EXPECT_OK(value.status());
    return value.ok() ? *value : Value::Int(0);
  }
  std::string Text(absl::StatusOr<Value> value) {
    return value.ok() ? NumberToText(*value) : std::string(Message(value.status()));
  }
  Arena arena_;
};

TEST_F(NumberTest, WholeNumbersAreExact) {
  EXPECT_EQ(Text(AddNumbers(arena_, N("9223372036854775807"), N("1"))), "9223372036854775808");
  EXPECT_EQ(Text(SubtractNumbers(arena_, N("9223372036854775808"), N("1"))), "9223372036854775807");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("-9223372036854775808"), N("-1"))),
            "9223372036854775808");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("1e20"), N("3"))), "300000000000000000000");
  EXPECT_EQ(Text(DivideNumbers(arena_, N("340282366920938463463374607431768211456"),
                               N("18446744073709551616"))),
            "18446744073709551616");
  EXPECT_EQ(Text(RemainderNumbers(arena_, N("18446744073709551617"), N("10"))), "7");
  EXPECT_EQ(Text(RemainderNumbers(arena_, N("-7"), N("3"))), "-1");
  EXPECT_EQ(Text(DivideNumbers(arena_, N("-9223372036854775808"), N("-1"))), "9223372036854775808");
}

TEST_F(NumberTest, FractionsHaveASixtyFourBitMantissa) {
  EXPECT_EQ(Text(AddNumbers(arena_, N("0.1"), N("0.2"))), "0.3");
  EXPECT_EQ(Text(DivideNumbers(arena_, N("1"), N("3"))), "0.33333333333333333334");
  EXPECT_EQ(Text(DivideNumbers(arena_, N("6"), N("3"))), "2");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("0.5"), N("4"))), "2");
  EXPECT_EQ(Text(DivideNumbers(arena_, N("1e109"), N("1e100"))), "1000000000");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("1234567.5"), N("1"))), "1.2345675e+06");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("0.00001"), N("1"))), "1e-05");
}

TEST_F(NumberTest, ErrorsNameTheirCause) {
  EXPECT_EQ(Text(DivideNumbers(arena_, N("1"), N("0.0"))), "divide by zero");
  EXPECT_EQ(Text(RemainderNumbers(arena_, N("1"), N("0"))), "modulo by zero");
  EXPECT_EQ(Text(RemainderNumbers(arena_, N("1.1"), N("1"))), "modulo on floating-point number");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("1e4000"), N("1e4000"))), "number is too large");
  EXPECT_EQ(Text(MultiplyNumbers(arena_, N("1.5e4000"), N("0.5e4000"))), "number is too large");
}

TEST_F(NumberTest, ComparisonIsByValue) {
  EXPECT_LT(CompareNumbers(N("-2"), N("-1.5")), 0);
  EXPECT_GT(CompareNumbers(N("1e10"), N("9999999999.9")), 0);
  EXPECT_EQ(CompareNumbers(N("0.0"), N("-0")), 0);
  EXPECT_LT(CompareNumbers(N("-0.5"), N("0")), 0);
  EXPECT_GT(CompareNumbers(N("0.5"), N("0")), 0);
}

TEST_F(NumberTest, Rounding) {
  auto round = [&](const char* n, Rounding how) { return Text(RoundNumber(arena_, N(n), how)); };
  EXPECT_EQ(round("1.5", Rounding::kNearest), "2");
  EXPECT_EQ(round("-1.5", Rounding::kNearest), "-2");
  EXPECT_EQ(round("0.04", Rounding::kNearest), "0");
  EXPECT_EQ(round("-0.5", Rounding::kCeil), "0");
  EXPECT_EQ(round("-0.5", Rounding::kFloor), "-1");
  EXPECT_EQ(round("0.001", Rounding::kCeil), "1");
  EXPECT_EQ(round("1e2", Rounding::kFloor), "100");
}

TEST_F(NumberTest, BitsAreTwosComplementOfAnySize) {
  EXPECT_EQ(Text(BitOperation(arena_, BitOp::kAnd, N("-1"), N("18446744073709551617"))),
            "18446744073709551617");
  EXPECT_EQ(Text(BitOperation(arena_, BitOp::kOr, N("-18446744073709551616"), N("1"))),
            "-18446744073709551615");
  EXPECT_EQ(Text(BitOperation(arena_, BitOp::kXor, N("6"), N("3"))), "5");
  EXPECT_EQ(Text(BitNegate(arena_, N("0"))), "-1");
  EXPECT_EQ(Text(BitShift(arena_, N("1"), 70)), "1180591620717411303424");
  EXPECT_EQ(Text(BitShift(arena_, N("-5"), -1)), "-3");
  EXPECT_EQ(Text(BitShift(arena_, N("5"), -100)), "0");
  EXPECT_EQ(Text(BitShift(arena_, N("1"), 1 << 30)), "number is too large");
  EXPECT_EQ(*IntegerToBase(N("-255"), 16), "-ff");
}

}  // namespace
}  // namespace nacre::rego
