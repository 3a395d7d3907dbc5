#include "image-rs-cpp/decrypt/layer_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/random.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

LayerKey MakeKey() {
  LayerKey key;
  key.symmetric_key = crypto::RandomSecret(32);
  key.nonce = crypto::RandomBytes(16);
  key.plain_digest = "sha256:" + std::string(64, 'a');
  return key;
}

Annotations Public(const std::string& json) {
  return {{std::string(kPublicOptionsAnnotation), Base64Encode(AsBytes(json))}};
}

SecretBytes Secret(const std::string& text) { return SecretBytes::CopyOf(AsBytes(text)); }

TEST(LayerOptions, SurviveTheRoundTrip) {
  const LayerKey key = MakeKey();
  const Bytes hmac = crypto::RandomBytes(32);
  auto public_text = FormatPublicOptions(hmac);
  ASSERT_TRUE(public_text.ok());
  auto parsed_hmac = ParsePublicOptions(Public(*public_text));
  ASSERT_TRUE(parsed_hmac.ok()) << parsed_hmac.status();
  EXPECT_EQ(*parsed_hmac, hmac);
  auto text = FormatPrivateOptions(key);
  ASSERT_TRUE(text.ok());
  auto parsed = ParsePrivateOptions(*text, hmac);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(ConstantTimeEqual(parsed->symmetric_key.view(), key.symmetric_key.view()));
  EXPECT_EQ(parsed->nonce, key.nonce);
  EXPECT_EQ(parsed->plain_digest, key.plain_digest);
}

// Text that skopeo 1.14 (ocicrypt in Go) passed to a key provider.
TEST(LayerOptions, ReadsWhatOcicryptWrites) {
  auto parsed = ParsePrivateOptions(
      Secret(R"({"symkey":"uZv9A8WjJs9rXeK7/teTzGcALmD46zpBFWV9R6LTCoc=","digest":"sha256:)"
             R"(35be010eb03244de5abe3d95764ba83904550f6220b2d304975f4c88c09437a3",)"
             R"("cipheroptions":{"nonce":"hTCx/dn2Dc+00dsooBc5VQ=="}})"),
      Bytes(32));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(HexEncode(parsed->nonce), "8530b1fdd9f60dcfb4d1db28a0173955");
}

TEST(LayerOptions, PublicNullOptionsAreFine) {
  const std::string hmac = Base64Encode(Bytes(32));
  EXPECT_TRUE(ParsePublicOptions(Public(StrCat(R"({"cipher":"AES_256_CTR_HMAC_SHA256","hmac":")",
                                               hmac, R"(","cipheroptions":null})")))
                  .ok());
}

TEST(LayerOptions, NoHmacNoLayer) {
  for (const std::string& json :
       {std::string(R"({"cipher":"AES_256_CTR_HMAC_SHA256"})"),
        std::string(R"({"cipher":"AES_256_CTR_HMAC_SHA256","hmac":""})"),
        std::string(R"({"cipher":"AES_256_CTR_HMAC_SHA256","hmac":null})")}) {
    absl::Status status = ParsePublicOptions(Public(json)).status();
    EXPECT_THAT(std::string(Message(status)), HasSubstr("cannot be authenticated")) << json;
  }
  EXPECT_THAT(std::string(Message(ParsePublicOptions({}).status())),
              HasSubstr("cannot be authenticated"));
  const std::string short_hmac = Base64Encode(Bytes(31));
  EXPECT_FALSE(ParsePublicOptions(Public(StrCat(R"({"cipher":"AES_256_CTR_HMAC_SHA256","hmac":")",
                                                short_hmac, R"("})")))
                   .ok());
}

TEST(LayerOptions, RefusesOtherCiphersAndText) {
  EXPECT_TRUE(absl::IsUnimplemented(
      ParsePublicOptions(Public(R"({"cipher":"AEAD_AES_128","hmac":"AA=="})")).status()));
  EXPECT_FALSE(ParsePublicOptions(Public("[]")).ok());
  EXPECT_FALSE(ParsePublicOptions({{std::string(kPublicOptionsAnnotation), "%%%"}}).ok());
  for (const char* json : {"", "[]", "{}", R"({"symkey":"AA==","cipheroptions":{"nonce":"AA=="}})",
                           R"({"symkey":7,"cipheroptions":{"nonce":"hTCx/dn2Dc+00dsooBc5VQ=="}})",
                           R"({"symkey":"uZv9A8WjJs9rXeK7/teTzGcALmD46zpBFWV9R6LTCoc="})"}) {
    EXPECT_FALSE(ParsePrivateOptions(Secret(json), Bytes(32)).ok()) << json;
  }
}

TEST(LayerOptions, ThePublicPartCannotReplaceTheNonce) {
  const std::string hmac = Base64Encode(Bytes(32));
  absl::Status status =
      ParsePublicOptions(
          Public(StrCat(R"({"cipher":"AES_256_CTR_HMAC_SHA256","hmac":")", hmac,
                        R"(","cipheroptions":{"nonce":"hTCx/dn2Dc+00dsooBc5VQ=="}})")))
          .status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("'nonce'"));
}

TEST(LayerOptions, RefusesLongAndDoubledMembers) {
  const std::string hmac = Base64Encode(Bytes(32));
  const std::string good = StrCat(R"({"cipher":"AES_256_CTR_HMAC_SHA256","hmac":")", hmac, "\"}");
  EXPECT_TRUE(ParsePublicOptions(Public(good)).ok());
  EXPECT_FALSE(ParsePublicOptions(Public(good + std::string(64 << 10, ' '))).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(
      ParsePublicOptions(Public(good + std::string(200 << 10, ' '))).status()));
  std::string twice = good;
  twice.insert(1, StrCat("\"hmac\":\"", hmac, "\","));
  EXPECT_THAT(std::string(Message(ParsePublicOptions(Public(twice)).status())),
              HasSubstr("duplicate"));
  const LayerKey key = MakeKey();
  std::string text = ToString(FormatPrivateOptions(key)->view());
  EXPECT_TRUE(ParsePrivateOptions(Secret(text), Bytes(32)).ok());
  text.insert(1, R"("symkey":"AA==",)");
  EXPECT_FALSE(ParsePrivateOptions(Secret(text), Bytes(32)).ok());
}

TEST(LayerOptions, RefusesNoncesAndKeysOfOtherSizes) {
  for (size_t size : {0, 15, 17, 32}) {
    const std::string text =
        StrCat(R"({"symkey":")", Base64Encode(Bytes(32)), R"(","cipheroptions":{"nonce":")",
               Base64Encode(Bytes(size)), R"("}})");
    EXPECT_FALSE(ParsePrivateOptions(Secret(text), Bytes(32)).ok()) << size;
  }
  for (size_t size : {0, 16, 31, 33}) {
    const std::string text =
        StrCat(R"({"symkey":")", Base64Encode(Bytes(size)), R"(","cipheroptions":{"nonce":")",
               Base64Encode(Bytes(16)), R"("}})");
    EXPECT_FALSE(ParsePrivateOptions(Secret(text), Bytes(32)).ok()) << size;
  }
}

absl::StatusOr<std::string> Decrypt(const LayerKey& key, ByteView ciphertext, size_t piece) {
  ASSIGN_OR_RETURN(LayerDecryptor decryptor, LayerDecryptor::Create(key));
  std::string plain;
  while (!ciphertext.empty()) {
    const size_t count = std::min(piece, ciphertext.size());
    Bytes piece_out(count);
    RETURN_IF_ERROR(decryptor.Write(ciphertext.first(count), piece_out));
    plain += AsText(piece_out);
    ciphertext = ciphertext.subspan(count);
  }
  RETURN_IF_ERROR(decryptor.Finish());
  return plain;
}

TEST(LayerCipher, OpensWhatItSealedInPiecesOfAnySize) {
  LayerKey key = MakeKey();
  key.nonce = Bytes(16, 0xff);  // the counter runs over at once
  std::string plain(200'001, 'p');
  auto encryptor = LayerEncryptor::Create(key);
  ASSERT_TRUE(encryptor.ok());
  Bytes ciphertext;
  ASSERT_TRUE(encryptor
                  ->Write(AsBytes(plain),
                          [&](ByteView data) {
                            ciphertext.insert(ciphertext.end(), data.begin(), data.end());
                            return absl::OkStatus();
                          })
                  .ok());
  key.hmac = encryptor->Finish();
  for (size_t piece : {1000, 65536, 65537, 300000}) {
    auto opened = Decrypt(key, ciphertext, piece);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*opened, plain);
  }
  ciphertext[123456] ^= 0x10;
  EXPECT_TRUE(absl::IsUnauthenticated(Decrypt(key, ciphertext, 65536).status()));
  ciphertext[123456] ^= 0x10;
  EXPECT_TRUE(
      absl::IsUnauthenticated(Decrypt(key, ByteView(ciphertext).first(200'000), 65536).status()));
  key.symmetric_key.mutable_view()[0] ^= 1;
  EXPECT_TRUE(absl::IsUnauthenticated(Decrypt(key, ciphertext, 65536).status()));
}

TEST(LayerCipher, NeedsPartsOfTheRightSize) {
  LayerKey key = MakeKey();
  key.hmac = Bytes(31);
  EXPECT_FALSE(LayerDecryptor::Create(key).ok());
  key.hmac = Bytes(32);
  EXPECT_TRUE(LayerDecryptor::Create(key).ok());
  key.nonce = Bytes(12);
  EXPECT_FALSE(LayerDecryptor::Create(key).ok());
  key = MakeKey();
  key.symmetric_key = SecretBytes(16);
  EXPECT_FALSE(LayerEncryptor::Create(key).ok());
}

}  // namespace
}  // namespace nacre::image
