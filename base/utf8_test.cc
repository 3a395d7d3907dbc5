#include "base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "base/encoding.h"

namespace nacre {
namespace {

struct Case {
  const char* what;
  std::string_view text;
  size_t invalid;  // offset, or npos
};
constexpr size_t kNone = std::string_view::npos;

// Every row of Unicode's table 3-7 at both its ends, and the neighbours of each end.
const Case kCases[] = {
    {"nothing", "", kNone},
    {"ASCII", std::string_view("a\0\x7f", 3), kNone},
    {"a tail alone", "a\x80", 1},
    {"a last tail alone", "\xbf", 0},
    {"overlong of two, U+0000", "\xc0\x80", 0},
    {"overlong of two, U+007F", "\xc1\xbf", 0},
    {"U+0080", "\xc2\x80", kNone},
    {"U+07FF", "\xdf\xbf", kNone},
    {"two, cut after one", "a\xc2", 1},
    {"two, ASCII follows", "\xc2z", 0},
    {"two, a lead follows", "\xc2\xc2\x80", 0},
    {"overlong of three, U+0000", "\xe0\x80\x80", 0},
    {"overlong of three, U+07FF", "\xe0\x9f\xbf", 0},
    {"U+0800", "\xe0\xa0\x80", kNone},
    {"U+0FFF", "\xe0\xbf\xbf", kNone},
    {"U+1000", "\xe1\x80\x80", kNone},
    {"U+CFFF", "\xec\xbf\xbf", kNone},
    {"three, cut after one", "ab\xe2", 2},
    {"three, cut after two", "ab\xe2\x82", 2},
    {"three, ASCII third", "\xe2\x82z", 0},
    {"three, ASCII second", "\xe2z\x82", 0},
    {"U+D7FF", "\xed\x9f\xbf", kNone},
    {"first high surrogate", "\xed\xa0\x80", 0},
    {"last high surrogate", "\xed\xaf\xbf", 0},
    {"first low surrogate", "\xed\xb0\x80", 0},
    {"last low surrogate", "\xed\xbf\xbf", 0},
    {"a pair of surrogates", "x\xed\xa0\xbd\xed\xb8\x80", 1},
    {"U+E000", "\xee\x80\x80", kNone},
    {"U+FFFD itself", "\xef\xbf\xbd", kNone},
    {"U+FFFF, no character but a scalar value", "\xef\xbf\xbf", kNone},
    {"overlong of four, U+0000", "\xf0\x80\x80\x80", 0},
    {"overlong of four, U+FFFF", "\xf0\x8f\xbf\xbf", 0},
    {"U+10000", "\xf0\x90\x80\x80", kNone},
    {"U+3FFFF", "\xf0\xbf\xbf\xbf", kNone},
    {"U+40000", "\xf1\x80\x80\x80", kNone},
    {"four, cut after one", "\xf0", 0},
    {"four, cut after two", "\xf0\x9f", 0},
    {"four, cut after three", "\xf0\x9f\x98", 0},
    {"four, ASCII fourth", "\xf0\x9f\x98z", 0},
    {"U+10FFFF", "\xf4\x8f\xbf\xbf", kNone},
    {"U+110000", "\xf4\x90\x80\x80", 0},
    {"U+140000", "\xf5\x80\x80\x80", 0},
    {"five bytes", "\xf8\x88\x80\x80\x80", 0},
    {"six bytes", "\xfc\x84\x80\x80\x80\x80", 0},
    {"FE", "\xfe", 0},
    {"FF", "ok\xff", 2},
    {"good, bad, good", "\xc3\xa9\xe2\x82\xac\xff\xc3\xa9", 5},
    {"all lengths", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9a", kNone},
};

TEST(Utf8Test, WhatIsWellFormed) {
  for (const Case& row : kCases) {
    EXPECT_EQ(FindInvalidUtf8(row.text), row.invalid) << row.what;
    EXPECT_EQ(IsUtf8(row.text), row.invalid == kNone) << row.what;
    const std::string_view rest = row.invalid == kNone ? "" : row.text.substr(row.invalid);
    EXPECT_EQ(DecodeUtf8(rest).size, 0u) << row.what;
  }
}

// Exactly the scalar values have an encoding, which is read back whole and in no shorter piece.
TEST(Utf8Test, EveryCodePointThereAndBack) {
  size_t wrong = 0;
  for (char32_t code = 0; code <= 0x110010; ++code) {
    std::string text;
    AppendUtf8(&text, code);
    const CodePoint back = DecodeUtf8(text + "\x80");
    const char32_t expected = IsScalarValue(code) ? code : 0xfffd;
    if (back.value != expected || back.size != text.size()) ++wrong;
    if (DecodeUtf8(std::string_view(text).substr(0, text.size() - 1)).size != 0) ++wrong;
  }
  EXPECT_EQ(wrong, 0u);
  for (char32_t code : {0x110000u, 0x80000000u, 0xffffffffu, 0xd800u, 0xdfffu}) {
    std::string text;
    AppendUtf8(&text, code);
    EXPECT_EQ(text, "\xef\xbf\xbd") << uint32_t{code};
    EXPECT_FALSE(IsScalarValue(code)) << uint32_t{code};
  }
}

// The other way round: whatever is read is what would be written.
TEST(Utf8Test, OneEncodingForEach) {
  const std::vector<std::string> tails = {"",         "\x80",  "\xbf", "\x80\x80",
                                          "\xbf\xbf", "\x80z", "zz"};
  size_t read = 0;
  for (int pair = 0; pair < 0x10000; ++pair) {
    for (const std::string& tail : tails) {
      std::string text = {static_cast<char>(pair >> 8), static_cast<char>(pair)};
      text += tail;
      const CodePoint first = DecodeUtf8(text);
      if (first.size == 0) continue;
      ++read;
      std::string again;
      AppendUtf8(&again, first.value);
      EXPECT_EQ(again, text.substr(0, first.size)) << HexEncode(AsBytes(text));
    }
  }
  // ASCII before any byte and the pairs, with any tail; the first two bytes of three and of four,
  // with the tails that end them.
  EXPECT_EQ(read, (128u * 256 + 30 * 64) * 7 + 15 * 64 * 5 + (48 + 3 * 64 + 16) * 2);
}

}  // namespace
}  // namespace nacre
