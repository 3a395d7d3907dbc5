#include "image-rs-cpp/unpack/byte_pipe.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace nacre::image {
namespace {

std::string ReadAll(BytePipe* pipe) {
  std::string out;
  for (ByteView data = pipe->Next(); !data.empty(); data = pipe->Next()) out += AsText(data);
  return out;
}

TEST(BytePipe, PassesEverythingInOrder) {
  for (size_t buffers : {1, 2, 5}) {
    for (size_t size : {1, 7, 4096}) {
      BytePipe pipe(buffers, size);
      std::string sent;
      for (int i = 0; i < 3000; ++i) sent += std::to_string(i);
      std::string got;
      std::thread reader([&] { got = ReadAll(&pipe); });
      ByteView left = AsBytes(sent);
      for (size_t piece = 1; !left.empty(); piece = piece % 13 + 1) {
        const ByteView now = left.first(std::min(piece, left.size()));
        EXPECT_TRUE(pipe.Write(now));
        left = left.subspan(now.size());
      }
      pipe.Close();
      reader.join();
      EXPECT_EQ(got, sent) << buffers << " of " << size;
    }
  }
}

TEST(BytePipe, AnEmptyStreamIsAnEnd) {
  BytePipe pipe(2, 8);
  pipe.Close();
  EXPECT_TRUE(pipe.Next().empty());
  EXPECT_TRUE(pipe.Next().empty());
}

TEST(BytePipe, TheWriterWaitsForNoReaderThatHasGone) {
  BytePipe pipe(2, 4);
  std::thread reader([&] {
    EXPECT_EQ(pipe.Next().size(), 4u);
    pipe.Abandon();
  });
  while (pipe.Write(AsBytes("more"))) {
  }
  reader.join();
  EXPECT_TRUE(pipe.Room().empty());
  EXPECT_FALSE(pipe.Write(AsBytes("x")));
}

TEST(BytePipe, AFailedStreamIsNotRead) {
  BytePipe pipe(2, 4);
  EXPECT_TRUE(pipe.Write(AsBytes("whole")));
  pipe.Fail();
  EXPECT_TRUE(pipe.Next().empty());
  EXPECT_TRUE(pipe.Room().empty());
  BytePipe waiting(1, 4);
  std::thread reader([&] { EXPECT_TRUE(waiting.Next().empty()); });
  waiting.Fail();
  reader.join();
}

TEST(BytePipe, HandsOutRoomInPlace) {
  BytePipe pipe(1, 4);
  std::span<uint8_t> room = pipe.Room();
  ASSERT_EQ(room.size(), 4u);
  room[0] = 'a';
  pipe.Commit(1);
  room = pipe.Room();
  ASSERT_EQ(room.size(), 3u);
  room[0] = 'b';
  pipe.Commit(1);
  pipe.Close();
  EXPECT_EQ(AsText(pipe.Next()), "ab");
  EXPECT_TRUE(pipe.Next().empty());
}

}  // namespace
}  // namespace nacre::image
