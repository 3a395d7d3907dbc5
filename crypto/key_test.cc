#include "crypto/key.h"

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/subprocess.h"
#include "crypto/keys_testing.h"

namespace nacre::crypto {
namespace {

constexpr Curve kAllCurves[] = {Curve::kP256, Curve::kP384, Curve::kP521};

TEST(KeyTest, CurveNames) {
  for (Curve curve : kAllCurves) EXPECT_EQ(*ParseCurve(CurveName(curve)), curve);
  EXPECT_STATUS(ParseCurve("P-224"), kInvalidArgument, "'P-224'");
  EXPECT_STATUS(ParseCurve("secp256k1"), kInvalidArgument, "must be");
}

TEST(KeyTest, EcSignVerifyOnEveryCurve) {
  for (Curve curve : kAllCurves) {
    ASSERT_OK_AND_ASSIGN(PrivateKey key, PrivateKey::GenerateEc(curve));
    ASSERT_OK_AND_ASSIGN(Bytes signature, key.SignEcdsa(HashAlgorithm::kSha384, AsBytes("text")));
    EXPECT_EQ(signature.size(), 2 * CoordinateSize(curve));
    const PublicKey& verifier = key.public_key();
    EXPECT_OK(verifier.VerifyEcdsa(HashAlgorithm::kSha384, AsBytes("text"), signature));
    EXPECT_STATUS(verifier.VerifyEcdsa(HashAlgorithm::kSha384, AsBytes("Text"), signature),
                  kUnauthenticated, "does not verify");
    EXPECT_STATUS(verifier.VerifyEcdsa(HashAlgorithm::kSha256, AsBytes("text"), signature),
                  kUnauthenticated, "does not verify");
    signature[0] ^= 1;
    EXPECT_STATUS(verifier.VerifyEcdsa(HashAlgorithm::kSha384, AsBytes("text"), signature),
                  kUnauthenticated, "does not verify");
  }
}

TEST(KeyTest, EcSignatureOfWrongShapeIsRefused) {
  const PublicKey& key = EcKey(Curve::kP256).public_key();
  for (size_t size : {0, 1, 63, 65, 96}) {
    EXPECT_STATUS(key.VerifyEcdsa(HashAlgorithm::kSha256, {}, Bytes(size)), kUnauthenticated,
                  "P-256 needs 64");
  }
  EXPECT_STATUS(key.VerifyEcdsa(HashAlgorithm::kSha256, {}, Bytes(64)), kUnauthenticated,
                "does not verify");
  EXPECT_STATUS(key.VerifyEcdsa(HashAlgorithm::kSha256, {}, Bytes(64, 0xff)), kUnauthenticated,
                "does not verify");
}

TEST(KeyTest, AnotherKeyDoesNotVerify) {
  ASSERT_OK_AND_ASSIGN(Bytes signature,
                       EcKey(Curve::kP256).SignEcdsa(HashAlgorithm::kSha256, AsBytes("text")));
  ASSERT_OK_AND_ASSIGN(PrivateKey other, PrivateKey::GenerateEc(Curve::kP256));
  EXPECT_STATUS(other.public_key().VerifyEcdsa(HashAlgorithm::kSha256, AsBytes("text"), signature),
                kUnauthenticated, "does not verify");
}

TEST(KeyTest, RsaPss) {
  ASSERT_OK_AND_ASSIGN(Bytes signature,
                       RsaKey().SignRsaPss(HashAlgorithm::kSha384, AsBytes("text")));
  const PublicKey& verifier = RsaKey().public_key();
  EXPECT_OK(verifier.VerifyRsaPss(HashAlgorithm::kSha384, AsBytes("text"), signature));
  EXPECT_STATUS(verifier.VerifyRsaPss(HashAlgorithm::kSha256, AsBytes("text"), signature),
                kUnauthenticated, "does not verify");
  signature.back() ^= 1;
  EXPECT_STATUS(verifier.VerifyRsaPss(HashAlgorithm::kSha384, AsBytes("text"), signature),
                kUnauthenticated, "does not verify");
  EXPECT_STATUS(verifier.VerifyRsaPss(HashAlgorithm::kSha384, AsBytes("text"), {}),
                kUnauthenticated, "does not verify");
}

TEST(KeyTest, RsaPssWithOtherSaltLengthsOnlyWhenAsked) {
  // Made by: openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max
  ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("pss-test"));
  ASSERT_OK(WriteFile(folder.path() + "/key.pem", RsaKey().ToPem()->view(), 0600));
  SubprocessOptions options;
  options.argv = {"openssl",
                  "dgst",
                  "-sha256",
                  "-sign",
                  folder.path() + "/key.pem",
                  "-sigopt",
                  "rsa_padding_mode:pss",
                  "-sigopt",
                  "rsa_pss_saltlen:max"};
  ASSERT_OK_AND_ASSIGN(CommandResult signed_by_command, RunCommand(options, AsBytes("text")));
  const Bytes signature = ToBytes(signed_by_command.out);
  const PublicKey& key = RsaKey().public_key();
  const HashAlgorithm hash = HashAlgorithm::kSha256;
  EXPECT_OK(key.VerifyRsaPss(hash, AsBytes("text"), signature, PssSalt::kAnyLength));
  EXPECT_STATUS(key.VerifyRsaPss(hash, AsBytes("text"), signature), kUnauthenticated, "verify");
  EXPECT_STATUS(key.VerifyRsaPss(hash, AsBytes("Text"), signature, PssSalt::kAnyLength),
                kUnauthenticated, "verify");
}

TEST(KeyTest, RsaPkcs1) {
  const PublicKey& key = RsaKey().public_key();
  for (HashAlgorithm hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha384}) {
    ASSERT_OK_AND_ASSIGN(Bytes signature, RsaKey().SignRsaPkcs1(hash, AsBytes("text")));
    EXPECT_OK(key.VerifyRsaPkcs1(hash, AsBytes("text"), signature));
    EXPECT_STATUS(key.VerifyRsaPkcs1(hash, AsBytes("Text"), signature), kUnauthenticated, "verify");
    EXPECT_STATUS(key.VerifyRsaPkcs1(HashAlgorithm::kSha512, AsBytes("text"), signature),
                  kUnauthenticated, "verify");
    EXPECT_STATUS(key.VerifyRsaPss(hash, AsBytes("text"), signature), kUnauthenticated, "verify");
    EXPECT_STATUS(key.VerifyRsaPkcs1Sha1(AsBytes("text"), signature), kUnauthenticated, "verify");
    EXPECT_STATUS(key.VerifyRsaPkcs1(hash, AsBytes("text"), {}), kUnauthenticated, "verify");
    EXPECT_STATUS(key.VerifyRsaPkcs1(hash, AsBytes("text"), ByteView(signature).first(255)),
                  kUnauthenticated, "verify");
    signature[0] ^= 1;
    EXPECT_STATUS(key.VerifyRsaPkcs1(hash, AsBytes("text"), signature), kUnauthenticated, "verify");
  }
  EXPECT_STATUS(EcKey(Curve::kP256).public_key().VerifyRsaPkcs1(HashAlgorithm::kSha256, {}, {}),
                kFailedPrecondition, "not an RSA key");
  EXPECT_STATUS(EcKey(Curve::kP256).public_key().VerifyRsaPkcs1Sha1({}, {}), kFailedPrecondition,
                "not an RSA key");
  EXPECT_STATUS(EcKey(Curve::kP256).SignRsaPkcs1(HashAlgorithm::kSha256, {}), kFailedPrecondition,
                "not an RSA key");
}

TEST(KeyTest, RsaPkcs1WithSha1OnlyByItsOwnName) {
  ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("pkcs1-test"));
  ASSERT_OK(WriteFile(folder.path() + "/key.pem", RsaKey().ToPem()->view(), 0600));
  SubprocessOptions options;
  options.argv = {"openssl", "dgst", "-sha1", "-sign", folder.path() + "/key.pem"};
  ASSERT_OK_AND_ASSIGN(CommandResult signed_by_command, RunCommand(options, AsBytes("text")));
  const Bytes signature = ToBytes(signed_by_command.out);
  const PublicKey& key = RsaKey().public_key();
  EXPECT_OK(key.VerifyRsaPkcs1Sha1(AsBytes("text"), signature));
  EXPECT_STATUS(key.VerifyRsaPkcs1Sha1(AsBytes("Text"), signature), kUnauthenticated, "verify");
  for (HashAlgorithm hash :
       {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
    EXPECT_STATUS(key.VerifyRsaPkcs1(hash, AsBytes("text"), signature), kUnauthenticated, "verify");
  }
}

TEST(KeyTest, KindsDoNotMix) {
  EXPECT_STATUS(RsaKey().SignEcdsa(HashAlgorithm::kSha256, {}), kFailedPrecondition,
                "not an EC key");
  EXPECT_STATUS(EcKey(Curve::kP256).SignRsaPss(HashAlgorithm::kSha256, {}), kFailedPrecondition,
                "not an RSA key");
  EXPECT_STATUS(RsaKey().public_key().ToEcPoint(), kFailedPrecondition, "not an EC key");
  EXPECT_STATUS(EcKey(Curve::kP256).public_key().ToRsaNumbers(), kFailedPrecondition,
                "not an RSA key");
}

TEST(KeyTest, PemAndDerRoundTrips) {
  const PrivateKey* keys[] = {&EcKey(Curve::kP256), &EcKey(Curve::kP384), &EcKey(Curve::kP521),
                              &RsaKey()};
  for (const PrivateKey* key : keys) {
    ASSERT_OK_AND_ASSIGN(SecretBytes pem, key->ToPem());
    ASSERT_OK_AND_ASSIGN(PrivateKey again, PrivateKey::FromPem(pem.view()));
    EXPECT_EQ(again.public_key(), key->public_key());
    EXPECT_EQ(*PublicKey::FromPem(*key->public_key().ToPem()), key->public_key());
    ASSERT_OK_AND_ASSIGN(Bytes der, key->public_key().ToSpkiDer());
    EXPECT_EQ(*PublicKey::FromSpkiDer(der), key->public_key());
    der.push_back(0);
    EXPECT_STATUS(PublicKey::FromSpkiDer(der), kInvalidArgument, "bytes after");
    der.resize(der.size() - 2);
    EXPECT_STATUS(PublicKey::FromSpkiDer(der), kInvalidArgument, "");
  }
  EXPECT_FALSE(EcKey(Curve::kP256).public_key() == RsaKey().public_key());
}

TEST(KeyTest, RefusesOtherPem) {
  EXPECT_STATUS(PublicKey::FromPem(""), kInvalidArgument, "public key");
  EXPECT_STATUS(PublicKey::FromPem("text"), kInvalidArgument, "public key");
  EXPECT_STATUS(PrivateKey::FromPem({}), kInvalidArgument, "private key");
  EXPECT_STATUS(PrivateKey::FromPem(AsBytes(*RsaKey().public_key().ToPem())), kInvalidArgument,
                "private key");
  EXPECT_STATUS(PublicKey::FromPem(std::string(100000, 'x')), kInvalidArgument, "too large");
  // Ed25519, of RFC 8410 section 10.1: a good key of a kind that is not offered.
  EXPECT_STATUS(PublicKey::FromPem("-----BEGIN PUBLIC KEY-----\n"
                                   "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                                   "-----END PUBLIC KEY-----\n"),
                kInvalidArgument, "neither EC nor RSA");
}

TEST(KeyTest, EcPointRoundTripsAndMustLieOnTheCurve) {
  for (Curve curve : kAllCurves) {
    ASSERT_OK_AND_ASSIGN(EcPoint point, EcKey(curve).public_key().ToEcPoint());
    EXPECT_EQ(point.x.size(), CoordinateSize(curve));
    EXPECT_EQ(*PublicKey::FromEcPoint(point), EcKey(curve).public_key());
    EcPoint off = point;
    off.y.back() ^= 1;
    EXPECT_STATUS(PublicKey::FromEcPoint(off), kInvalidArgument, "");
    EcPoint narrow = point;
    narrow.x.pop_back();
    EXPECT_STATUS(PublicKey::FromEcPoint(narrow), kInvalidArgument, "must have");
    EcPoint zero{curve, Bytes(CoordinateSize(curve)), Bytes(CoordinateSize(curve))};
    EXPECT_STATUS(PublicKey::FromEcPoint(zero), kInvalidArgument, "");
  }
}

TEST(KeyTest, RsaBounds) {
  EXPECT_STATUS(PrivateKey::GenerateRsa(2047), kInvalidArgument, "from 2048 to 8192");
  EXPECT_STATUS(PrivateKey::GenerateRsa(8193), kInvalidArgument, "from 2048 to 8192");
  ASSERT_OK_AND_ASSIGN(RsaNumbers numbers, RsaKey().public_key().ToRsaNumbers());
  EXPECT_EQ(*PublicKey::FromRsaNumbers(numbers), RsaKey().public_key());
  RsaNumbers even = numbers;
  even.modulus.back() &= 0xfe;
  EXPECT_STATUS(PublicKey::FromRsaNumbers(even), kInvalidArgument, "not acceptable");
  RsaNumbers one{numbers.modulus, {1}};
  EXPECT_STATUS(PublicKey::FromRsaNumbers(one), kInvalidArgument, "not acceptable");
  RsaNumbers wide{numbers.modulus, Bytes(9, 0xff)};
  EXPECT_STATUS(PublicKey::FromRsaNumbers(wide), kInvalidArgument, "too large");
  RsaNumbers small{Bytes(128, 0xff), {1, 0, 1}};
  EXPECT_STATUS(PublicKey::FromRsaNumbers(small), kInvalidArgument, "RSA of 1024 bits");
  RsaNumbers huge{Bytes(1025, 0xff), {1, 0, 1}};
  EXPECT_STATUS(PublicKey::FromRsaNumbers(huge), kInvalidArgument, "too large");
  EXPECT_STATUS(PublicKey::FromRsaNumbers({}), kInvalidArgument, "");
}

TEST(KeyTest, EcdhAgreesAndRefusesOtherCurves) {
  for (Curve curve : kAllCurves) {
    ASSERT_OK_AND_ASSIGN(PrivateKey other, PrivateKey::GenerateEc(curve));
    ASSERT_OK_AND_ASSIGN(SecretBytes here, EcKey(curve).Ecdh(other.public_key()));
    ASSERT_OK_AND_ASSIGN(SecretBytes there, other.Ecdh(EcKey(curve).public_key()));
    EXPECT_EQ(here.size(), CoordinateSize(curve));
    EXPECT_TRUE(ConstantTimeEqual(here.view(), there.view()));
  }
  EXPECT_STATUS(EcKey(Curve::kP256).Ecdh(EcKey(Curve::kP384).public_key()), kInvalidArgument,
                "not on P-256");
  EXPECT_STATUS(EcKey(Curve::kP256).Ecdh(RsaKey().public_key()), kInvalidArgument, "not on P-256");
  EXPECT_STATUS(RsaKey().Ecdh(EcKey(Curve::kP256).public_key()), kFailedPrecondition, "not an EC");
}

TEST(KeyTest, RsaOaep) {
  const PublicKey& key = RsaKey().public_key();
  for (const char* hash : {"SHA1", "SHA256"}) {
    ASSERT_OK_AND_ASSIGN(Bytes sealed, key.EncryptRsaOaep(hash, AsBytes("content key")));
    ASSERT_OK_AND_ASSIGN(SecretBytes opened, RsaKey().DecryptRsaOaep(hash, sealed));
    EXPECT_EQ(AsText(opened.view()), "content key");
    const char* other = hash == std::string_view("SHA1") ? "SHA256" : "SHA1";
    EXPECT_STATUS(RsaKey().DecryptRsaOaep(other, sealed), kUnauthenticated, "does not decrypt");
    sealed[5] ^= 1;
    EXPECT_STATUS(RsaKey().DecryptRsaOaep(hash, sealed), kUnauthenticated, "does not decrypt");
    EXPECT_STATUS(RsaKey().DecryptRsaOaep(hash, {}), kUnauthenticated, "does not decrypt");
  }
  EXPECT_STATUS(key.EncryptRsaOaep("SHA256", Bytes(191)), kInvalidArgument, "RSA-OAEP");
  EXPECT_OK(key.EncryptRsaOaep("SHA256", Bytes(190)));
}

TEST(KeyTest, RsaOaepLabelsMustAgree) {
  const PublicKey& key = RsaKey().public_key();
  const Bytes label = {'I', 'D', 0};
  ASSERT_OK_AND_ASSIGN(Bytes sealed, key.EncryptRsaOaep("SHA256", AsBytes("seed"), label));
  ASSERT_OK_AND_ASSIGN(SecretBytes opened, RsaKey().DecryptRsaOaep("SHA256", sealed, label));
  EXPECT_EQ(AsText(opened.view()), "seed");
  EXPECT_STATUS(RsaKey().DecryptRsaOaep("SHA256", sealed), kUnauthenticated, "does not decrypt");
  EXPECT_STATUS(RsaKey().DecryptRsaOaep("SHA256", sealed, ByteView(label).first(2)),
                kUnauthenticated, "does not decrypt");
}

// The openssl command as the other side of OAEP, both ways.
TEST(KeyTest, RsaOaepAgreesWithTheOpensslCommand) {
  ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("oaep-test"));
  ASSERT_OK(WriteFile(folder.path() + "/key.pem", RsaKey().ToPem()->view(), 0600));
  auto openssl = [&folder](const std::string& operation, const std::string& hash, ByteView input) {
    SubprocessOptions options;
    options.argv = {"openssl", "pkeyutl", operation, "-inkey", folder.path() + "/key.pem"};
    for (const std::string& option :
         {std::string("rsa_padding_mode:oaep"), "rsa_oaep_md:" + hash, "rsa_mgf1_md:" + hash}) {
      options.argv.insert(options.argv.end(), {"-pkeyopt", option});
    }
    return RunCommand(options, input);
  };
  for (auto [hash, name] : {std::pair("SHA1", "sha1"), std::pair("SHA256", "sha256")}) {
    ASSERT_OK_AND_ASSIGN(Bytes ours,
                         RsaKey().public_key().EncryptRsaOaep(hash, AsBytes("from us")));
    ASSERT_OK_AND_ASSIGN(CommandResult opened, openssl("-decrypt", name, ours));
    EXPECT_EQ(opened.out, "from us") << opened.err;
    ASSERT_OK_AND_ASSIGN(CommandResult theirs, openssl("-encrypt", name, AsBytes("from them")));
    ASSERT_OK_AND_ASSIGN(SecretBytes read, RsaKey().DecryptRsaOaep(hash, AsBytes(theirs.out)));
    EXPECT_EQ(AsText(read.view()), "from them");
  }
}

}  // namespace
}  // namespace nacre::crypto
