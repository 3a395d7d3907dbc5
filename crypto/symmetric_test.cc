// Digests, MACs, AES modes and random bytes, against the vectors of their standards.
#include <set>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/aead.h"
#include "crypto/aes_cfb.h"
#include "crypto/aes_ctr.h"
#include "crypto/aes_key_wrap.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/sha1.h"

namespace nacre::crypto {
namespace {

Bytes Hex(std::string_view text) { return *HexDecode(text); }

// FIPS 180-4 examples.
TEST(DigestTest, Vectors) {
  EXPECT_EQ(HexEncode(Digest(HashAlgorithm::kSha256, AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Digest(HashAlgorithm::kSha384, AsBytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(HexEncode(Digest(HashAlgorithm::kSha512, AsBytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(OciDigest({}),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(DigestTest, Sha1) {
  EXPECT_EQ(HexEncode(Sha1(AsBytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(Sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

// RFC 4231, test case 2; and the empty key.
TEST(HmacTest, AtOnce) {
  const Bytes key = ToBytes("Jefe");
  const Bytes data = ToBytes("what do ya want for nothing?");
  EXPECT_EQ(HexEncode(Hmac(HashAlgorithm::kSha256, key, data)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(Hmac(HashAlgorithm::kSha384, key, data)),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
            "8e2240ca5e69e2c78b3239ecfab21649");
  EXPECT_EQ(HexEncode(Hmac(HashAlgorithm::kSha256, {}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// NIST SP 800-38A, F.3.13 and F.3.17.
TEST(AesCfbTest, Vectors) {
  const Bytes iv = Hex("000102030405060708090a0b0c0d0e0f");
  const Bytes text = Hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  const std::pair<const char*, const char*> cases[] = {
      {"2b7e151628aed2a6abf7158809cf4f3c",
       "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"},
      {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
       "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b"}};
  for (const auto& [key, sealed] : cases) {
    ASSERT_OK_AND_ASSIGN(Bytes out, AesCfbEncrypt(Hex(key), iv, text));
    EXPECT_EQ(HexEncode(out), sealed);
    ASSERT_OK_AND_ASSIGN(SecretBytes back, AesCfbDecrypt(Hex(key), iv, ByteView(out).first(21)));
    EXPECT_EQ(ToBytes(back.view()), ToBytes(ByteView(text).first(21)));
  }
  EXPECT_OK(AesCfbEncrypt(Bytes(24), iv, {}));
  EXPECT_STATUS(AesCfbEncrypt(Bytes(15), iv, text), kInvalidArgument, "AES-CFB: key of 15");
  EXPECT_STATUS(AesCfbEncrypt(Bytes(16), {}, text), kInvalidArgument, "iv of 0");
  EXPECT_STATUS(AesCfbDecrypt(Bytes(33), iv, text), kInvalidArgument, "key of 33");
}

TEST(DigestTest, PiecesGiveTheSameAsTheWhole) {
  Hasher hasher(HashAlgorithm::kSha384);
  hasher.Update(AsBytes("a"));
  hasher.Update({});
  Hasher moved = std::move(hasher);
  moved.Update(AsBytes("bc"));
  EXPECT_EQ(moved.Finish(), Digest(HashAlgorithm::kSha384, AsBytes("abc")));
  EXPECT_EQ(moved.Finish(), Digest(HashAlgorithm::kSha384, {})) << "Finish empties it";
}

// RFC 4231, test cases 1, 2, 6.
TEST(HmacTest, Vectors) {
  struct {
    Bytes key;
    std::string_view data;
    std::string_view mac;
  } vectors[] = {{Bytes(20, 0x0b), "Hi There",
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
                 {ToBytes("Jefe"), "what do ya want for nothing?",
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
                 {Bytes(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First",
                  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}};
  for (const auto& vector : vectors) {
    HmacSha256 hmac(vector.key);
    hmac.Update(AsBytes(vector.data.substr(0, 3)));
    hmac.Update(AsBytes(vector.data.substr(3)));
    EXPECT_EQ(HexEncode(hmac.Finish()), vector.mac);
    hmac.Update(AsBytes(vector.data));
    EXPECT_EQ(HexEncode(hmac.Finish()), vector.mac) << "same key after Finish";
  }
}

TEST(HmacTest, EmptyKeyAndMessage) {
  EXPECT_EQ(HexEncode(HmacSha256(ByteView()).Finish()),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// Test case 16 of the GCM submission (McGrew, Viega).
struct GcmVector {
  Bytes key = Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  Bytes iv = Hex("cafebabefacedbaddecaf888");
  Bytes aad = Hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  Bytes plain =
      Hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  Bytes sealed =
      Hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
          "76fc6ece0f4e1768cddf8853bb2d551b");
};

TEST(AeadTest, Vector) {
  GcmVector v;
  EXPECT_EQ(*Aes256GcmSeal(v.key, v.iv, v.aad, v.plain), v.sealed);
  ASSERT_OK_AND_ASSIGN(SecretBytes opened, Aes256GcmOpen(v.key, v.iv, v.aad, v.sealed));
  EXPECT_EQ(ToBytes(opened.view()), v.plain);
}

TEST(AeadTest, AnyChangedBitIsRefused) {
  GcmVector v;
  auto refused = [&v](const char* what) {
    EXPECT_STATUS(Aes256GcmOpen(v.key, v.iv, v.aad, v.sealed), kUnauthenticated,
                  "does not authenticate")
        << what;
  };
  for (Bytes* part : {&v.key, &v.iv, &v.aad, &v.sealed}) {
    for (size_t i = 0; i < part->size(); ++i) {
      (*part)[i] ^= 1;
      refused("one bit");
      (*part)[i] ^= 1;
    }
  }
  v.sealed.pop_back();
  refused("short");
  v.sealed.resize(16);
  refused("only a tag");
  v.sealed.resize(15);
  EXPECT_STATUS(Aes256GcmOpen(v.key, v.iv, v.aad, v.sealed), kUnauthenticated, "shorter");
}

TEST(AeadTest, EmptyMessageStillHasATag) {
  GcmVector v;
  ASSERT_OK_AND_ASSIGN(Bytes sealed, Aes256GcmSeal(v.key, v.iv, {}, {}));
  EXPECT_EQ(sealed.size(), kGcmTagSize);
  EXPECT_OK(Aes256GcmOpen(v.key, v.iv, {}, sealed));
  EXPECT_STATUS(Aes256GcmOpen(v.key, v.iv, v.aad, sealed), kUnauthenticated, "");
}

TEST(AeadTest, WrongSizes) {
  GcmVector v;
  for (size_t size : {0, 16, 31, 33}) {
    EXPECT_STATUS(Aes256GcmSeal(Bytes(size), v.iv, {}, {}), kInvalidArgument, "must be 32");
    EXPECT_STATUS(Aes256GcmOpen(Bytes(size), v.iv, {}, v.sealed), kInvalidArgument, "must be 32");
  }
  for (size_t size : {0, 11, 13, 16}) {
    EXPECT_STATUS(Aes256GcmSeal(v.key, Bytes(size), {}, {}), kInvalidArgument, "must be 12");
    EXPECT_STATUS(Aes256GcmOpen(v.key, Bytes(size), {}, v.sealed), kInvalidArgument, "must be 12");
  }
}

// NIST SP 800-38A, F.5.5.
TEST(AesCtrTest, VectorInPiecesOfEverySize) {
  Bytes key = Hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  Bytes iv = Hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  Bytes plain =
      Hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
          "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  Bytes cipher =
      Hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
          "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
  for (size_t piece = 1; piece <= plain.size(); ++piece) {
    ASSERT_OK_AND_ASSIGN(Aes256Ctr ctr, Aes256Ctr::Create(key, iv));
    Bytes data = plain;  // in place
    for (size_t at = 0; at < data.size(); at += piece) {
      std::span<uint8_t> part = std::span(data).subspan(at, std::min(piece, data.size() - at));
      ASSERT_OK(ctr.Update(part, part));
    }
    ASSERT_EQ(data, cipher) << "pieces of " << piece;
  }
}

TEST(AesCtrTest, WrongSizes) {
  EXPECT_STATUS(Aes256Ctr::Create(Bytes(16), Bytes(16)), kInvalidArgument, "key of 16");
  EXPECT_STATUS(Aes256Ctr::Create(Bytes(32), Bytes(12)), kInvalidArgument, "iv of 12");
  ASSERT_OK_AND_ASSIGN(Aes256Ctr ctr, Aes256Ctr::Create(Bytes(32), Bytes(16)));
  Bytes three(3);
  Bytes two(2);
  EXPECT_STATUS(ctr.Update(three, two), kInvalidArgument, "size");
  EXPECT_OK(ctr.Update({}, {}));
}

// RFC 3394 sections 4.1, 4.2 and 4.6.
TEST(AesKeyWrapTest, Vectors) {
  struct {
    const char* kek;
    const char* key;
    const char* wrapped;
  } vectors[] = {
      {"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
       "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
      {"000102030405060708090a0b0c0d0e0f1011121314151617", "00112233445566778899aabbccddeeff",
       "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},
      {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
       "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
       "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"}};
  for (const auto& vector : vectors) {
    EXPECT_EQ(HexEncode(*AesKeyWrap(Hex(vector.kek), Hex(vector.key))), vector.wrapped);
    ASSERT_OK_AND_ASSIGN(SecretBytes key, AesKeyUnwrap(Hex(vector.kek), Hex(vector.wrapped)));
    EXPECT_EQ(HexEncode(key.view()), vector.key);
  }
}

TEST(AesKeyWrapTest, ChangesAreRefused) {
  Bytes kek(32, 1);
  ASSERT_OK_AND_ASSIGN(Bytes wrapped, AesKeyWrap(kek, Bytes(32, 2)));
  for (size_t i = 0; i < wrapped.size(); ++i) {
    wrapped[i] ^= 0x80;
    EXPECT_STATUS(AesKeyUnwrap(kek, wrapped), kUnauthenticated, "does not authenticate");
    wrapped[i] ^= 0x80;
  }
  EXPECT_STATUS(AesKeyUnwrap(Bytes(32, 3), wrapped), kUnauthenticated, "does not authenticate");
}

TEST(AesKeyWrapTest, SizesBelowAtAndAboveTheLimits) {
  Bytes kek(32);
  EXPECT_STATUS(AesKeyWrap(kek, Bytes(8)), kInvalidArgument, "key of 8 bytes");
  EXPECT_OK(AesKeyWrap(kek, Bytes(16)));
  EXPECT_STATUS(AesKeyWrap(kek, Bytes(17)), kInvalidArgument, "key of 17 bytes");
  EXPECT_OK(AesKeyWrap(kek, Bytes(128)));
  EXPECT_STATUS(AesKeyWrap(kek, Bytes(136)), kInvalidArgument, "key of 136 bytes");
  EXPECT_STATUS(AesKeyWrap(Bytes(31), Bytes(16)), kInvalidArgument, "wrapping key of 31");
  for (size_t size : {0, 8, 16, 23, 25, 144}) {
    EXPECT_STATUS(AesKeyUnwrap(kek, Bytes(size)), kInvalidArgument, "wrapped key of");
  }
}

TEST(RandomTest, IsAsLongAsAskedAndNotTheSame) {
  EXPECT_TRUE(RandomBytes(0).empty());
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) seen.insert(RandomBytes(16));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(RandomSecret(32).size(), 32u);
  EXPECT_NE(ToBytes(RandomSecret(32).view()), ToBytes(RandomSecret(32).view()));
}

}  // namespace
}  // namespace nacre::crypto
