// The `jose` command as the other side: what one writes the other must read, for every algorithm
// both have (Debian 12's jose has no RSA-OAEP).
#include "base/file.h"
#include "base/status_testing.h"
#include "base/subprocess.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::crypto {
namespace {

class JoseCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SubprocessOptions options;
    options.argv = {"jose", "alg"};
    if (absl::IsNotFound(RunCommand(options).status())) {
      GTEST_SKIP() << "the jose command is missing (Debian package jose)";
    }
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory made, TemporaryDirectory::Create("jose-test"));
    folder_ = std::make_unique<TemporaryDirectory>(std::move(made));
  }

  std::string Path(std::string_view name) const { return StrCat(folder_->path(), "/", name); }
  void Write(std::string_view name, std::string_view text) const {
    ASSERT_OK(WriteFile(Path(name), AsBytes(text), 0600));
  }
  std::string Read(std::string_view name) const { return *ReadTextFile(Path(name), 1 << 20); }

  absl::Status Jose(std::vector<std::string> arguments) const {
    SubprocessOptions options;
    options.argv = {"jose"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.working_directory = folder_->path();
    ASSIGN_OR_RETURN(CommandResult result, RunCommand(options));
    if (result.exit.code == 0) return absl::OkStatus();
    return absl::InternalError(StrCat("jose ", StrJoin(arguments, " "), ": ", result.err));
  }

  // Makes key.jwk and public.jwk and reads the private key.
  absl::StatusOr<PrivateKey> Generate(const std::string& parameters) const {
    RETURN_IF_ERROR(Jose({"jwk", "gen", "-i", parameters, "-o", "key.jwk"}));
    RETURN_IF_ERROR(Jose({"jwk", "pub", "-i", "key.jwk", "-o", "public.jwk"}));
    ASSIGN_OR_RETURN(Json jwk, ParseJson(Read("key.jwk")));
    return PrivateKeyFromJwk(jwk);
  }

  std::unique_ptr<TemporaryDirectory> folder_;
};

constexpr const char* kEcKeys[] = {R"({"kty":"EC","crv":"P-256"})", R"({"kty":"EC","crv":"P-384"})",
                                   R"({"kty":"EC","crv":"P-521"})"};
constexpr const char* kRsaKey = R"({"kty":"RSA","bits":2048})";

TEST_F(JoseCliTest, KeysMeanTheSame) {
  for (const char* parameters : {kEcKeys[0], kEcKeys[1], kEcKeys[2], kRsaKey}) {
    ASSERT_OK_AND_ASSIGN(PrivateKey key, Generate(parameters));
    ASSERT_OK_AND_ASSIGN(Json theirs, ParseJson(Read("public.jwk")));
    EXPECT_EQ(*PublicKeyFromJwk(theirs), key.public_key());
    ASSERT_OK(Jose({"jwk", "thp", "-i", "public.jwk", "-a", "S256", "-o", "thumbprint"}));
    EXPECT_EQ(StripSpace(Read("thumbprint")), *JwkThumbprint(key.public_key()));
  }
}

TEST_F(JoseCliTest, JweBothWays) {
  for (JweAlgorithm algorithm : {JweAlgorithm::kEcdhEs, JweAlgorithm::kEcdhEsA128Kw,
                                 JweAlgorithm::kEcdhEsA192Kw, JweAlgorithm::kEcdhEsA256Kw}) {
    for (const char* parameters : kEcKeys) {
      SCOPED_TRACE(StrCat(JweAlgorithmName(algorithm), " ", parameters));
      ASSERT_OK_AND_ASSIGN(PrivateKey key, Generate(parameters));
      ASSERT_OK_AND_ASSIGN(std::string ours,
                           JweEncrypt(key.public_key(), algorithm, AsBytes("from us")));
      Write("ours.jwe", ours);
      ASSERT_OK(Jose({"jwe", "dec", "-i", "ours.jwe", "-k", "key.jwk", "-O", "out"}));
      EXPECT_EQ(Read("out"), "from us");

      Write("in", "from them");
      std::string header =
          StrCat(R"({"protected":{"alg":")", JweAlgorithmName(algorithm), R"(","enc":"A256GCM"}})");
      ASSERT_OK(
          Jose({"jwe", "enc", "-i", header, "-I", "in", "-k", "public.jwk", "-o", "theirs.jwe"}));
      ASSERT_OK_AND_ASSIGN(SecretBytes opened,
                           JweDecrypt(Read("theirs.jwe"), key, kImageJweAlgorithms));
      EXPECT_EQ(AsText(opened.view()), "from them");
    }
  }
}

// Written for guests that know nothing better; never read, not even by those whose list has it.
TEST_F(JoseCliTest, Rsa15OneWay) {
  ASSERT_OK_AND_ASSIGN(PrivateKey key, Generate(kRsaKey));
  ASSERT_OK_AND_ASSIGN(std::string ours,
                       JweEncrypt(key.public_key(), JweAlgorithm::kRsa15, AsBytes("from us")));
  Write("ours.jwe", ours);
  ASSERT_OK(Jose({"jwe", "dec", "-i", "ours.jwe", "-k", "key.jwk", "-O", "out"}));
  EXPECT_EQ(Read("out"), "from us");
  const JweAlgorithm allowed[] = {JweAlgorithm::kRsa15};
  EXPECT_STATUS(JweDecrypt(ours, key, allowed), kInvalidArgument, "no recipient");
  ASSERT_OK_AND_ASSIGN(PrivateKey ec, Generate(kEcKeys[0]));
  EXPECT_STATUS(JweEncrypt(ec.public_key(), JweAlgorithm::kRsa15, {}), kInvalidArgument,
                "does not fit");
}

// What a reader of images accepts: every content encryption, also as the key that ECDH-ES agrees
// on.
TEST_F(JoseCliTest, ContentEncryptionsOfImages) {
  ASSERT_OK_AND_ASSIGN(PrivateKey key, Generate(kEcKeys[0]));
  ASSERT_OK_AND_ASSIGN(PrivateKey other, PrivateKey::GenerateEc(Curve::kP256));
  Write("in", "from them");
  for (JweEncryption encryption : kImageJweEncryptions) {
    for (const char* algorithm : {"ECDH-ES", "ECDH-ES+A128KW"}) {
      SCOPED_TRACE(StrCat(JweEncryptionName(encryption), " ", algorithm));
      const std::string header = StrCat(R"({"protected":{"alg":")", algorithm, R"(","enc":")",
                                        JweEncryptionName(encryption), R"("}})");
      ASSERT_OK(
          Jose({"jwe", "enc", "-i", header, "-I", "in", "-k", "public.jwk", "-o", "theirs.jwe"}));
      const std::string text = Read("theirs.jwe");
      ASSERT_OK_AND_ASSIGN(SecretBytes opened,
                           JweDecrypt(text, key, kImageJweAlgorithms, kImageJweEncryptions));
      EXPECT_EQ(AsText(opened.view()), "from them");
      EXPECT_STATUS(JweDecrypt(text, other, kImageJweAlgorithms, kImageJweEncryptions),
                    kUnauthenticated, "not for this key, or changed");
      ASSERT_OK_AND_ASSIGN(Json jwe, ParseJson(text));
      for (const char* member : {"iv", "ciphertext", "tag"}) {
        Json changed = jwe;
        std::string value = jwe[member];
        value[0] = value[0] == 'A' ? 'B' : 'A';
        changed[member] = value;
        EXPECT_STATUS(
            JweDecrypt(*DumpJson(changed), key, kImageJweAlgorithms, kImageJweEncryptions),
            kUnauthenticated, "changed");
        changed[member] = "AAAA";  // of another length
        EXPECT_FALSE(
            JweDecrypt(*DumpJson(changed), key, kImageJweAlgorithms, kImageJweEncryptions).ok());
      }
    }
  }
}

TEST_F(JoseCliTest, TwoRecipientsInGeneralForm) {
  ASSERT_OK_AND_ASSIGN(PrivateKey first, Generate(kEcKeys[1]));
  ASSERT_OK(Jose({"jwk", "pub", "-i", "key.jwk", "-o", "first.jwk"}));
  ASSERT_OK_AND_ASSIGN(PrivateKey second, Generate(kEcKeys[0]));
  Write("first.json", R"({"header":{"alg":"ECDH-ES+A128KW"}})");
  Write("second.json", R"({"header":{"alg":"ECDH-ES+A256KW"}})");
  Write("in", "for both");
  ASSERT_OK(Jose({"jwe", "enc", "-i", R"({"protected":{"enc":"A256GCM"}})", "-I", "in", "-r",
                  "first.json", "-k", "first.jwk", "-r", "second.json", "-k", "public.jwk", "-o",
                  "both.jwe"}));
  ASSERT_NE(Read("both.jwe").find("recipients"), std::string::npos);
  for (const PrivateKey* key : {&first, &second}) {
    ASSERT_OK_AND_ASSIGN(SecretBytes opened,
                         JweDecrypt(Read("both.jwe"), *key, kImageJweAlgorithms));
    EXPECT_EQ(AsText(opened.view()), "for both");
  }
}

TEST_F(JoseCliTest, WhatWeDoNotOfferIsRefused) {
  Write("in", "text");
  for (auto [parameters, header] :
       {std::pair(kRsaKey, R"({"protected":{"alg":"RSA1_5","enc":"A256GCM"}})"),
        std::pair(kEcKeys[0], R"({"protected":{"alg":"ECDH-ES","enc":"A128CBC-HS256"}})"),
        std::pair(kEcKeys[0], R"({"protected":{"alg":"ECDH-ES","enc":"A256GCM","zip":"DEF"}})")}) {
    ASSERT_OK_AND_ASSIGN(PrivateKey key, Generate(parameters));
    ASSERT_OK(
        Jose({"jwe", "enc", "-i", header, "-I", "in", "-k", "public.jwk", "-o", "theirs.jwe"}));
    EXPECT_STATUS(JweDecrypt(Read("theirs.jwe"), key, kImageJweAlgorithms), kInvalidArgument, "JWE")
        << header;
  }
}

TEST_F(JoseCliTest, JwsBothWays) {
  for (auto [algorithm, parameters] :
       {std::pair(JwsAlgorithm::kEs256, kEcKeys[0]), std::pair(JwsAlgorithm::kEs384, kEcKeys[1])}) {
    SCOPED_TRACE(JwsAlgorithmName(algorithm));
    ASSERT_OK_AND_ASSIGN(PrivateKey key, Generate(parameters));
    ASSERT_OK_AND_ASSIGN(std::string ours,
                         JwsSign(key, algorithm, {{"kid", "x"}}, AsBytes("from us")));
    Write("ours.jws", ours);
    ASSERT_OK(Jose({"jws", "ver", "-i", "ours.jws", "-k", "public.jwk", "-O", "out"}));
    EXPECT_EQ(Read("out"), "from us");

    Write("in", "from them");
    std::string header = StrCat(R"({"protected":{"alg":")", JwsAlgorithmName(algorithm), R"("}})");
    ASSERT_OK(
        Jose({"jws", "sig", "-s", header, "-I", "in", "-k", "key.jwk", "-c", "-o", "theirs.jws"}));
    std::string theirs = Read("theirs.jws");
    ASSERT_OK_AND_ASSIGN(Jws jws, JwsVerify(StripSpace(theirs), key.public_key(), algorithm));
    EXPECT_EQ(AsText(jws.payload), "from them");
  }
}

}  // namespace
}  // namespace nacre::crypto
