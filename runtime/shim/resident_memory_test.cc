#include "runtime/shim/resident_memory.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace nacre::runtime {
namespace {

TEST(ParseSmaps, TellsCleanFilesFromTheRest) {
  const auto mappings = ParseSmaps(
      "55d0-55d8 r-xp 00000000 fd:01 99    /usr/bin/shim\nRss:  12 kB\nAnonymous:   0 kB\n"
      "VmFlags: rd ex mr\n"
      "55e0-55e8 r--p 00001000 fd:01 99    /usr/bin/shim\nRss:  8 kB\nAnonymous:   4 kB\n"
      "55f0-55f8 rw-p 00002000 fd:01 99    /usr/bin/shim\nRss:  8 kB\nAnonymous:   0 kB\n"
      "7ff0-7ff8 r--p 00000000 00:00 0 \nRss:  8 kB\n"
      "7ffa-7ffb r-xp 00000000 00:00 0     [vdso]\nRss:  4 kB\n");
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  ASSERT_EQ(mappings->size(), 5u);
  EXPECT_EQ((*mappings)[0].begin, 0x55d0u);
  EXPECT_EQ((*mappings)[0].resident, 12u * 1024);
  EXPECT_TRUE((*mappings)[0].clean_file());
  EXPECT_FALSE((*mappings)[1].clean_file());  // relocated: its pages are this process's own
  EXPECT_FALSE((*mappings)[2].clean_file());  // writable
  EXPECT_FALSE((*mappings)[3].clean_file());  // no file
  EXPECT_FALSE((*mappings)[4].clean_file());
}

TEST(ParseSmaps, OddLinesAreErrors) {
  for (const char* text : {"Rss: 1 kB\n", "hello\n", "55d8-55d0 r-xp 0 fd:01 9 /x\n",
                           "xx-yy r-xp 0 fd:01 9 /x\n", "55d0-55d8 r-xp\n", "- ---- 0 0 0\n"}) {
    EXPECT_FALSE(ParseSmaps(text).ok()) << text;
  }
  EXPECT_TRUE(ParseSmaps("")->empty());
}

TEST(DropCleanFilePages, ProgramGoesOn) {
  const auto dropped = DropCleanFilePages();
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_GT(*dropped, 100u << 10);
  EXPECT_TRUE(ReadTextFile("/proc/self/status", 1 << 20).ok());
  EXPECT_TRUE(DropCleanFilePages().ok());
}

}  // namespace
}  // namespace nacre::runtime
