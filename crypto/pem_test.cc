#include "crypto/pem.h"

#include "base/status_testing.h"

namespace nacre::crypto {
namespace {

absl::StatusOr<std::vector<Bytes>> Read(std::string_view text) {
  return PemBlocks(text, "X", 2, 1000);
}

TEST(PemTest, BlocksAndTheTextAroundThem) {
  const Bytes der(100, 7);
  const std::string pem = ToPem("X", der);
  EXPECT_EQ(Read(pem)->at(0), der);
  EXPECT_EQ(Read("a comment\n" + pem + "more\n" + pem + "end")->size(), 2u);
  std::string with_cr;
  for (char c : pem) with_cr += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(Read(with_cr)->at(0), der);
  EXPECT_EQ(Read(pem.substr(0, pem.size() - 1))->at(0), der);  // no line end at the end
  EXPECT_EQ(Read("-----BEGIN X-----\nAAEC\n-----END X-----")->at(0), (Bytes{0, 1, 2}));
}

TEST(PemTest, LinesAreOfSixtyFour) {
  EXPECT_EQ(ToPem("X", Bytes{0, 1, 2}), "-----BEGIN X-----\nAAEC\n-----END X-----\n");
  const std::string two = ToPem("X", Bytes(49, 0));
  EXPECT_EQ(two.find('\n', 18), 18u + 64);
}

TEST(PemTest, Refusals) {
  EXPECT_STATUS(Read(""), kInvalidArgument, "no 'X' block");
  EXPECT_STATUS(Read("text -----BEGIN X-----\nAAEC\n-----END X-----"), kInvalidArgument, "no 'X'");
  EXPECT_STATUS(Read("-----BEGIN Y-----\n-----END Y-----"), kInvalidArgument, "'Y', must be 'X'");
  EXPECT_STATUS(Read("-----BEGIN X-----\nAAEC\n-----END Y-----"), kInvalidArgument, "ends wrongly");
  EXPECT_STATUS(Read("-----BEGIN X-----\nAAEC\n"), kInvalidArgument, "has no end");
  EXPECT_STATUS(Read("-----BEGIN X-----\nAAE\n-----END X-----"), kInvalidArgument, "base64");
  EXPECT_STATUS(Read("-----BEGIN X-----\nA: b\n\nAAEC\n-----END X-----"), kInvalidArgument,
                "base64");
  const std::string one = ToPem("X", Bytes(10));
  EXPECT_STATUS(Read(one + one + one), kInvalidArgument, "more than 2");
  EXPECT_STATUS(Read(std::string(4001, ' ')), kInvalidArgument, "too large");
}

}  // namespace
}  // namespace nacre::crypto
