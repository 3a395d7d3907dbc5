#include "base/bytes.h"

#include "base/secret_bytes.h"
#include "base/status_testing.h"

namespace nacre {
namespace {

TEST(ByteReaderTest, ReadsBothByteOrders) {
  Bytes data = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(*ByteReader(data).U16Le("x"), 0x0201);
  EXPECT_EQ(*ByteReader(data).U16Be("x"), 0x0102);
  EXPECT_EQ(*ByteReader(data).U32Le("x"), 0x04030201u);
  EXPECT_EQ(*ByteReader(data).U32Be("x"), 0x01020304u);
  EXPECT_EQ(*ByteReader(data).U64Le("x"), 0x0807060504030201u);
  EXPECT_EQ(*ByteReader(data).U64Be("x"), 0x0102030405060708u);
}

TEST(ByteReaderTest, TakesUpToTheEndAndNotPastIt) {
  Bytes data = {1, 2, 3, 4};
  ByteReader reader(data);
  EXPECT_OK(reader.Skip(1, "head"));
  EXPECT_STATUS(reader.Take(4, "body"), kOutOfRange,
                "body: needs 4 bytes at offset 1, only 3 left");
  EXPECT_EQ(reader.offset(), 1u) << "a failed read takes nothing";
  ASSERT_OK_AND_ASSIGN(ByteView rest, reader.Take(3, "body"));
  EXPECT_EQ(rest[2], 4);
  EXPECT_TRUE(reader.done());
  EXPECT_OK(reader.Take(0, "nothing"));
  EXPECT_STATUS(reader.U8("tail"), kOutOfRange, "tail");
}

TEST(ByteReaderTest, HugeSizesDoNotWrapAround) {
  Bytes data = {1, 2, 3, 4};
  ByteReader reader(data);
  EXPECT_OK(reader.Skip(2, "head"));
  EXPECT_STATUS(reader.Take(SIZE_MAX, "body"), kOutOfRange, "body");
  EXPECT_STATUS(reader.Take(SIZE_MAX - 1, "body"), kOutOfRange, "body");
}

TEST(ByteReaderTest, ArrayNeedsAllOfIt) {
  Bytes data = {1, 2, 3};
  ByteReader reader(data);
  EXPECT_STATUS(reader.Array<4>("digest"), kOutOfRange, "digest");
  ASSERT_OK_AND_ASSIGN(auto array, reader.Array<3>("digest"));
  EXPECT_EQ(array[2], 3);
}

TEST(ByteWriterTest, WritesWhatTheReaderReads) {
  Bytes out = ByteWriter()
                  .U8(1)
                  .U16Le(0x0203)
                  .U16Be(0x0203)
                  .U32Le(4)
                  .U32Be(5)
                  .U64Le(6)
                  .U64Be(7)
                  .Put("ab")
                  .Zeros(2)
                  .Release();
  ByteReader reader(out);
  EXPECT_EQ(*reader.U8("x"), 1);
  EXPECT_EQ(*reader.U16Le("x"), 0x0203);
  EXPECT_EQ(*reader.U16Be("x"), 0x0203);
  EXPECT_EQ(*reader.U32Le("x"), 4u);
  EXPECT_EQ(*reader.U32Be("x"), 5u);
  EXPECT_EQ(*reader.U64Le("x"), 6u);
  EXPECT_EQ(*reader.U64Be("x"), 7u);
  EXPECT_EQ(AsText(*reader.Take(4, "x")), std::string_view("ab\0\0", 4));
  EXPECT_TRUE(reader.done());
}

TEST(BytesTest, ConstantTimeEqual) {
  EXPECT_TRUE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abc")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("xbc")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("ab")));
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
}

TEST(SecretBytesTest, MovesAndLeavesNothingBehind) {
  Bytes source = {1, 2, 3};
  SecretBytes first = SecretBytes::TakeFrom(std::move(source));
  EXPECT_TRUE(source.empty());  // NOLINT: taken over is a documented state
  SecretBytes second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT
  EXPECT_EQ(ToBytes(second.view()), (Bytes{1, 2, 3}));
  SecretBytes copy = second.Clone();
  second = SecretBytes(5);
  EXPECT_EQ(ToBytes(second.view()), Bytes(5));
  EXPECT_EQ(copy.size(), 3u);
}

TEST(SecretBytesTest, SecureWipeZeros) {
  Bytes memory = {1, 2, 3};
  SecureWipe(memory);
  EXPECT_EQ(memory, Bytes(3));
  SecureWipe({});
}

TEST(SecretBytesTest, CannotBeCopiedOrPrinted) {
  static_assert(!std::is_copy_constructible_v<SecretBytes>);
  static_assert(!std::is_copy_assignable_v<SecretBytes>);
  static_assert(!std::is_convertible_v<SecretBytes, std::string>);
}

}  // namespace
}  // namespace nacre
