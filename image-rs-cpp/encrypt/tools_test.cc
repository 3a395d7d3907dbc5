// Both ways with `skopeo`, for every kind of recipient it knows, and with `jose` for what it wraps.
#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/subprocess.h"
#include "image-rs-cpp/encrypt/decrypt_image.h"
#include "image-rs-cpp/encrypt/encrypt_image.h"
#include "image-rs-cpp/encrypt/owner_keys.h"
#include "image-rs-cpp/testing/layout.h"
#include "image-rs-cpp/testing/tar_builder.h"

namespace nacre::image {
namespace {

using testing::ReadLayers;
using testing::ReadLayout;

struct Pair {
  std::string recipient;          // after --encryption-key
  std::vector<std::string> keys;  // after --decryption-key
};

class ToolsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* tool : {"skopeo", "openssl", "jose"}) {
      if (!PathExists(std::string("/usr/bin/") + tool)) GTEST_SKIP() << "needs " << tool;
    }
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory made, TemporaryDirectory::Create("tools"));
    folder_.emplace(std::move(made));
    testing::TestImage image;
    image.AddLayer(testing::TarBuilder().File("a", std::string(100'000, 'a')).Finish());
    image.AddLayer(testing::TarBuilder().File("b", "b").Finish());
    ASSERT_OK(testing::WriteLayout(image.Seal(), Path("source"), "1"));
    ASSERT_OK_AND_ASSIGN(plain_, ReadLayers(Path("source"), "1"));
  }

  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  absl::Status Run(std::vector<std::string> argv) const {
    SubprocessOptions options;
    const std::string name = argv[0];
    options.argv = std::move(argv);
    options.working_directory = folder_->path();
    ASSIGN_OR_RETURN(CommandResult result, RunCommand(options));
    if (result.exit.code == 0) return absl::OkStatus();
    return absl::InternalError(StrCat(name, ": ", result.err));
  }

  absl::Status Skopeo(const std::string& option, const std::vector<std::string>& values,
                      const std::string& from, const std::string& to) const {
    std::vector<std::string> argv = {"skopeo", "--insecure-policy", "copy", "-q"};
    for (const std::string& value : values) argv.insert(argv.end(), {option, value});
    argv.insert(argv.end(), {"oci:" + Path(from) + ":1", "oci:" + Path(to) + ":1"});
    return Run(std::move(argv));
  }

  absl::Status Encrypt(const std::vector<std::string>& recipients, const std::string& to) const {
    ASSIGN_OR_RETURN(auto source, OpenImageSource("oci:" + Path("source") + ":1", {}));
    EncryptRequest request;
    request.image = {source.get(), "oci:" + Path(to) + ":1", {}, {}};
    for (const std::string& recipient : recipients) {
      RETURN_IF_ERROR(request.recipients.Add(recipient));
    }
    return EncryptImage(request).status();
  }

  absl::Status Decrypt(const std::vector<std::string>& keys, const std::string& from,
                       const std::string& to) const {
    ASSIGN_OR_RETURN(auto source, OpenImageSource("oci:" + Path(from) + ":1", {}));
    OwnerKeys owner;
    for (const std::string& key : keys) RETURN_IF_ERROR(owner.Add(key));
    return DecryptImage({source.get(), "oci:" + Path(to) + ":1", {}, {}}, owner.TakeOptions())
        .status();
  }

  absl::StatusOr<Pair> Rsa() const {
    RETURN_IF_ERROR(Run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                         "rsa.key", "-out", "rsa.crt", "-subj", "/CN=owner", "-days", "10"}));
    RETURN_IF_ERROR(Run({"openssl", "pkey", "-in", "rsa.key", "-pubout", "-out", "rsa.pub"}));
    return Pair{"jwe:" + Path("rsa.pub"), {Path("rsa.key")}};
  }
  absl::StatusOr<Pair> Pem(const std::string& curve) const {
    RETURN_IF_ERROR(Run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                         "ec_paramgen_curve:" + curve, "-out", "ec.key"}));
    RETURN_IF_ERROR(Run({"openssl", "pkey", "-in", "ec.key", "-pubout", "-out", "ec.pub"}));
    return Pair{"jwe:" + Path("ec.pub"), {Path("ec.key")}};
  }
  // `jose` makes keys for some of these algorithms only on one curve each, hence in two steps.
  absl::StatusOr<Pair> Jwk(const std::string& parameters, const std::string& algorithm) const {
    RETURN_IF_ERROR(Run({"jose", "jwk", "gen", "-i", parameters, "-o", "key.jwk"}));
    RETURN_IF_ERROR(Run({"jose", "jwk", "pub", "-i", "key.jwk", "-o", "pub.jwk"}));
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(Path("pub.jwk"), 1 << 16));
    ASSIGN_OR_RETURN(Json jwk, ParseJson(text));
    jwk["alg"] = algorithm;
    RETURN_IF_ERROR(WriteFile(Path("pub.jwk"), AsBytes(jwk.dump())));
    return Pair{"jwe:" + Path("pub.jwk"), {Path("key.jwk")}};
  }

  // They encrypt and we decrypt; we encrypt and they decrypt; a foreign key opens neither.
  void ExpectBothWays(const Pair& pair) {
    SCOPED_TRACE(pair.recipient);
    ASSERT_OK(Skopeo("--encryption-key", {pair.recipient}, "source", "theirs"));
    ASSERT_OK(Decrypt(pair.keys, "theirs", "theirs-plain"));
    EXPECT_EQ(*ReadLayers(Path("theirs-plain"), "1"), plain_);
    ASSERT_OK(Encrypt({pair.recipient}, "ours"));
    ASSERT_OK(Skopeo("--decryption-key", pair.keys, "ours", "ours-plain"));
    EXPECT_EQ(*ReadLayers(Path("ours-plain"), "1"), plain_);
    ASSERT_OK(Run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-out", "foreign.key"}));
    EXPECT_STATUS(Decrypt({Path("foreign.key")}, "theirs", "no"), kUnauthenticated,
                  "not for this key, or changed");
    for (const char* folder : {"theirs", "theirs-plain", "ours", "ours-plain"}) {
      ASSERT_OK(RemoveTree(Path(folder)));
    }
  }

  std::optional<TemporaryDirectory> folder_;
  std::vector<std::string> plain_;
};

TEST_F(ToolsTest, RsaKeys) {
  ASSERT_OK_AND_ASSIGN(Pair pair, Rsa());
  ExpectBothWays(pair);
}

TEST_F(ToolsTest, CertificatesWithRsaKeys) {
  ASSERT_OK_AND_ASSIGN(Pair pair, Rsa());
  pair.recipient = "pkcs7:" + Path("rsa.crt");
  pair.keys.push_back(Path("rsa.crt"));  // skopeo needs it to know the recipient
  ExpectBothWays(pair);
}

TEST_F(ToolsTest, KeysOnEveryCurve) {
  for (const char* curve : {"P-256", "P-384", "P-521"}) {
    ASSERT_OK_AND_ASSIGN(Pair pair, Pem(curve));
    ExpectBothWays(pair);
  }
}

// Both in one image, each for its own scheme.
TEST_F(ToolsTest, SeveralRecipients) {
  ASSERT_OK_AND_ASSIGN(Pair rsa, Rsa());
  ASSERT_OK_AND_ASSIGN(Pair ec, Pem("P-384"));
  const std::vector<std::string> all = {rsa.recipient, ec.recipient, "pkcs7:" + Path("rsa.crt")};
  ASSERT_OK(Skopeo("--encryption-key", all, "source", "theirs"));
  ASSERT_OK(Encrypt(all, "ours"));
  for (const Pair& pair : {rsa, ec}) {
    for (const char* from : {"theirs", "ours"}) {
      ASSERT_OK(Decrypt(pair.keys, from, "plain"));
      EXPECT_EQ(*ReadLayers(Path("plain"), "1"), plain_);
      ASSERT_OK(RemoveTree(Path("plain")));
    }
    ASSERT_OK(Skopeo("--decryption-key", pair.keys, "ours", "plain"));
    EXPECT_EQ(*ReadLayers(Path("plain"), "1"), plain_);
    ASSERT_OK(RemoveTree(Path("plain")));
  }
}

// A JSON Web Key says itself how it is used. Debian 12's skopeo refuses such elliptic-curve keys,
// so `jose` stands for the others.
TEST_F(ToolsTest, JsonWebKeysChooseTheirAlgorithm) {
  for (const char* curve : {"P-256", "P-384", "P-521"}) {
    for (const char* algorithm : {"ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}) {
      SCOPED_TRACE(StrCat(curve, " ", algorithm));
      ASSERT_OK_AND_ASSIGN(Pair pair,
                           Jwk(StrCat(R"({"kty":"EC","crv":")", curve, R"("})"), algorithm));
      ASSERT_OK(Encrypt({pair.recipient}, "ours"));
      ASSERT_OK_AND_ASSIGN(Manifest manifest, ReadLayout(Path("ours"), "1"));
      ASSERT_OK_AND_ASSIGN(
          Bytes jwe, Base64Decode(manifest.layers[0].annotations.at(std::string(kJweAnnotation))));
      ASSERT_OK(WriteFile(Path("layer.jwe"), jwe));
      ASSERT_OK(Run({"jose", "jwe", "dec", "-i", "layer.jwe", "-k", "key.jwk", "-O", "options"}));
      ASSERT_OK_AND_ASSIGN(std::string options, ReadTextFile(Path("options"), 1 << 16));
      EXPECT_EQ((*ParseJson(options))["digest"], crypto::OciDigest(AsBytes(plain_[0])));
      ASSERT_OK_AND_ASSIGN(Json parsed, ParseJson(AsText(jwe)));
      ASSERT_OK_AND_ASSIGN(Bytes header, Base64UrlDecode(parsed["protected"].get<std::string>()));
      EXPECT_EQ((*ParseJson(AsText(header)))["alg"], algorithm);
      ASSERT_OK(Decrypt(pair.keys, "ours", "plain"));
      EXPECT_EQ(*ReadLayers(Path("plain"), "1"), plain_);
      for (const char* folder : {"ours", "plain"}) ASSERT_OK(RemoveTree(Path(folder)));
    }
  }
}

TEST_F(ToolsTest, JsonWebKeysWithOtherAlgorithmsAreRefused) {
  ASSERT_OK_AND_ASSIGN(Pair pair, Jwk(R"({"kty":"EC","crv":"P-256"})", "ECDH-ES"));
  EXPECT_STATUS(Encrypt({pair.recipient}, "ours"), kInvalidArgument, "'ECDH-ES' cannot wrap");
  ASSERT_OK_AND_ASSIGN(pair, Jwk(R"({"kty":"RSA","bits":2048})", "RSA1_5"));
  EXPECT_STATUS(Encrypt({pair.recipient}, "ours"), kInvalidArgument, "'RSA1_5' cannot wrap");
  EXPECT_STATUS(Encrypt({"jwe:" + Path("key.jwk")}, "ours"), kInvalidArgument, "private");
  ASSERT_OK_AND_ASSIGN(Pair rsa, Rsa());
  EXPECT_STATUS(Encrypt({"jwe:" + Path("rsa.crt")}, "ours"), kInvalidArgument, "as pkcs7:FILE");
  EXPECT_FALSE(PathExists(Path("ours")));
}

}  // namespace
}  // namespace nacre::image
