#include "runtime/node_cache/admission.h"

#include <sys/socket.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "net/stream.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {
namespace {

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

Pair MakePair() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST(Admission, LineAndBack) {
  ASSERT_OK_AND_ASSIGN(const std::string line, AdmissionLine({"pod\n1", "busybox"}));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  ASSERT_OK_AND_ASSIGN(const Admission back, ParseAdmission(line.substr(0, line.size() - 1)));
  EXPECT_EQ(back.sandbox, "pod\n1");
  EXPECT_EQ(back.image, "busybox");
}

TEST(Admission, LengthAtAndPastTheLimit) {
  const size_t rest = AdmissionLine({"", ""})->size();
  const std::string fits(kMaxAdmission - rest, 'x');
  EXPECT_OK(AdmissionLine({fits, ""}).status());
  EXPECT_EQ(AdmissionLine({fits + "x", ""}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Admission, OtherFormsAreRefused) {
  for (const char* line : {"", "{}", R"({"sandbox":"a"})", R"({"sandbox":"a","image":1})",
                           R"({"sandbox":"a","image":"b","more":1})", R"(["a"])",
                           R"({"sandbox":"a","sandbox":"b","image":"c"})"}) {
    EXPECT_FALSE(ParseAdmission(line).ok()) << line;
  }
}

TEST(Admission, NotAByteBeyondTheLineIsRead) {
  const Pair pair = MakePair();
  ASSERT_OK_AND_ASSIGN(const std::string line, AdmissionLine({"pod", "busybox"}));
  ASSERT_OK(WriteAll(pair.ours.get(), AsBytes(line + "next")));
  ASSERT_OK_AND_ASSIGN(const Admission admission, ReadAdmission(pair.theirs.get()));
  EXPECT_EQ(admission.image, "busybox");
  uint8_t next[4];
  ASSERT_OK(ReadExact(pair.theirs.get(), next));
  EXPECT_EQ(AsText(next), "next");
}

TEST(Admission, AConnectionThatEndsInsideIt) {
  Pair pair = MakePair();
  ASSERT_OK(WriteAll(pair.ours.get(), AsBytes("{\"sandbox\"")));
  pair.ours.Reset();
  EXPECT_EQ(ReadAdmission(pair.theirs.get()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Admission, ALineWithoutEndIsRefusedAtTheLimit) {
  const Pair pair = MakePair();
  ASSERT_OK(WriteAll(pair.ours.get(), Bytes(kMaxAdmission, 'x')));
  EXPECT_EQ(ReadAdmission(pair.theirs.get()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ConnectNodeCache, NobodyListens) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("admission"));
  EXPECT_EQ(ConnectNodeCache(folder.path() + "/none.sock", {"pod", "busybox"}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ConnectNodeCache, TheCacheGetsTheLine) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("admission"));
  const std::string socket = folder.path() + "/cache.sock";
  ASSERT_OK_AND_ASSIGN(const UniqueFd listener, net::ListenUnix(socket));
  ASSERT_OK_AND_ASSIGN(const UniqueFd shim, ConnectNodeCache(socket, {"pod", "busybox"}));
  ASSERT_OK_AND_ASSIGN(const UniqueFd accepted, net::Accept(listener.get()));
  ASSERT_OK_AND_ASSIGN(const Admission admission, ReadAdmission(accepted.get()));
  EXPECT_EQ(admission.sandbox, "pod");
}

}  // namespace
}  // namespace nacre::runtime
