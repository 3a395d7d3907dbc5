#include "tee/sev/id_block.h"

#include "base/status_testing.h"

namespace nacre::tee::sev {
namespace {

crypto::PrivateKey NewKey(crypto::Curve curve = crypto::Curve::kP384) {
  return crypto::PrivateKey::GenerateEc(curve).value();
}

IdBlock Block() {
  IdBlock block;
  block.launch_digest.fill(0xaa);
  block.family_id.fill(0x01);
  block.image_id.fill(0x02);
  block.guest_svn = 7;
  return block;
}

TEST(IdBlock, GoesThereAndBack) {
  const Bytes bytes = SerializeIdBlock(Block());
  ASSERT_EQ(bytes.size(), kIdBlockSize);
  EXPECT_EQ(bytes[0x30], 0x01);
  EXPECT_EQ(bytes[0x40], 0x02);
  EXPECT_EQ(bytes[0x50], 1);
  EXPECT_EQ(bytes[0x54], 7);
  EXPECT_EQ(bytes[0x5a], 3);
  EXPECT_EQ(ParseIdBlock(bytes).value(), Block());
  EXPECT_STATUS(ParseIdBlock(ByteView(bytes).first(95)), kInvalidArgument, "95 bytes");
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_STATUS(ParseIdBlock(longer), kInvalidArgument, "97 bytes");
  Bytes version = bytes;
  version[0x50] = 2;
  EXPECT_STATUS(ParseIdBlock(version), kInvalidArgument, "version 2");
}

TEST(IdBlock, SignedByIdKeyAlone) {
  const auto key = NewKey();
  ASSERT_OK_AND_ASSIGN(const SignedIdBlock made, SignIdBlock(Block(), key, nullptr));
  EXPECT_EQ(made.id_auth.size(), kIdAuthSize);
  ASSERT_OK_AND_ASSIGN(const IdAuthInfo info, VerifyIdAuth(made.id_block, made.id_auth));
  EXPECT_FALSE(info.has_author_key);
  EXPECT_EQ(info.id_key_digest, made.id_key_digest);
  EXPECT_EQ(info.id_key_digest, IdKeyDigest(key.public_key()).value());
  EXPECT_EQ(made.author_key_digest, (std::array<uint8_t, 48>{}));
}

TEST(IdBlock, SignedByIdAndAuthorKey) {
  const auto key = NewKey();
  const auto author = NewKey();
  ASSERT_OK_AND_ASSIGN(const SignedIdBlock made, SignIdBlock(Block(), key, &author));
  ASSERT_OK_AND_ASSIGN(const IdAuthInfo info, VerifyIdAuth(made.id_block, made.id_auth));
  EXPECT_TRUE(info.has_author_key);
  EXPECT_EQ(info.author_key_digest, made.author_key_digest);
  EXPECT_EQ(info.author_key_digest, IdKeyDigest(author.public_key()).value());
}

TEST(IdBlock, OtherCurvesAreRefused) {
  const auto p256 = NewKey(crypto::Curve::kP256);
  const auto good = NewKey();
  EXPECT_STATUS(SignIdBlock(Block(), p256, nullptr), kInvalidArgument, "P-384");
  EXPECT_STATUS(SignIdBlock(Block(), good, &p256), kInvalidArgument, "P-384");
}

TEST(IdBlock, EverySpoiledByteIsRefused) {
  const auto author = NewKey();
  ASSERT_OK_AND_ASSIGN(const SignedIdBlock made, SignIdBlock(Block(), NewKey(), &author));
  for (size_t at = 0; at < kIdBlockSize; at += 5) {
    Bytes block = made.id_block;
    block[at] ^= 1;
    EXPECT_FALSE(VerifyIdAuth(block, made.id_auth).ok()) << at;
  }
  for (size_t at = 0; at < kIdAuthSize; at += 29) {
    Bytes auth = made.id_auth;
    auth[at] ^= 1;
    EXPECT_FALSE(VerifyIdAuth(made.id_block, auth).ok()) << at;
  }
  Bytes no_author = made.id_auth;
  no_author[4] = 0;
  EXPECT_STATUS(VerifyIdAuth(made.id_block, no_author), kInvalidArgument, "no algorithm");
  EXPECT_STATUS(VerifyIdAuth(made.id_block, ByteView(made.id_auth).first(4095)), kInvalidArgument,
                "4095 bytes");
}

}  // namespace
}  // namespace nacre::tee::sev
