#include "tee/tpm/exchange.h"

#include "base/file.h"
#include "base/status_testing.h"

namespace nacre::tee::tpm {
namespace {

std::string Chomped(std::string line) {
  EXPECT_EQ(line.back(), '\n');
  line.pop_back();
  return line;
}

TEST(ExchangeTest, LinesRoundTrip) {
  const Hello hello{Bytes(3, 1), Bytes(4, 2)};
  EXPECT_EQ(ParseHello(Chomped(FormatHello(hello)))->ak_public, hello.ak_public);
  const Challenge challenge{{Bytes(5, 1), Bytes(6, 2)}, Bytes(64, 3)};
  ASSERT_OK_AND_ASSIGN(Challenge read, ParseChallenge(Chomped(FormatChallenge(challenge))));
  EXPECT_EQ(read.credential.encrypted_secret, challenge.credential.encrypted_secret);
  EXPECT_EQ(read.nonce, challenge.nonce);
  Answer answer;
  answer.secret = Bytes(32, 9);
  answer.document.evidence.pcrs[Bank::kSha256][7] = Bytes(32, 1);
  ASSERT_OK_AND_ASSIGN(Answer again, ParseAnswer(Chomped(FormatAnswer(answer))));
  EXPECT_EQ(again.secret, answer.secret);
  EXPECT_EQ(again.document.evidence.pcrs, answer.document.evidence.pcrs);
}

TEST(ExchangeTest, OtherLinesAreRefused) {
  for (const char* line : {"", "{}", "[]", "{\"ek_certificate\":1,\"ak_public\":\"\"}",
                           "{\"secret\":\"\",\"evidence\":[]}"}) {
    EXPECT_STATUS(ParseHello(line), kInvalidArgument, "");
    EXPECT_STATUS(ParseChallenge(line), kInvalidArgument, "");
    EXPECT_STATUS(ParseAnswer(line), kInvalidArgument, "");
  }
}

TEST(ExchangeTest, ReadsPastAConsole) {
  ASSERT_OK_AND_ASSIGN(Pipe pipe, MakePipe());
  ASSERT_OK(WriteAll(pipe.write_end.get(), AsBytes("\x1b[2Jboot\nmore\x1b[1;1H{\"a\":1}\nrest")));
  const auto read = [&](size_t max, int64_t ms) {
    return ReadJsonLine(pipe.read_end.get(), max, Deadline::After(ms));
  };
  EXPECT_EQ(*read(100, 10'000), "{\"a\":1}");
  EXPECT_STATUS(read(100, 1), kDeadlineExceeded, "in time");
  ASSERT_OK(WriteAll(pipe.write_end.get(), AsBytes("a line that is longer\n")));
  EXPECT_STATUS(read(10, 10'000), kResourceExhausted, "too long");
  pipe.write_end.Reset();
  EXPECT_STATUS(read(100, 10'000), kUnavailable, "gone");
}

}  // namespace
}  // namespace nacre::tee::tpm
