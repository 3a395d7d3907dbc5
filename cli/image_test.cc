// The owner's image verbs, as a program: what they print, and how they fail.
#include "cli/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::cli {
namespace {

using ::testing::HasSubstr;

CommandResult Nacre(std::vector<std::string> arguments, const std::string& input = "") {
  SubprocessOptions options;
  options.argv = {std::string(NACRE_BIN_DIR) + "/nacre"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  auto result = RunCommand(std::move(options), AsBytes(input));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : CommandResult();
}

// One line that begins with the verb.
void ExpectError(const CommandResult& result, const std::string& verb, const std::string& part) {
  EXPECT_NE(result.exit.code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("nacre " + verb + ": "));
  EXPECT_THAT(result.err, HasSubstr(part));
  EXPECT_EQ(result.err.find('\n'), result.err.size() - 1);
}

TEST(KeyProviderVerb, AnswersOnStandardOutput) {
  auto folder = TemporaryDirectory::Create("verb");
  ASSERT_TRUE(folder.ok());
  const std::string key = folder->path() + "/key";
  ASSERT_TRUE(WriteFile(key, Bytes(32, 7)).ok());
  const Json request = {{"op", "keywrap"},
                        {"keywrapparams",
                         {{"ec",
                           {{"Parameters",
                             {{"attestation-agent",
                               {Base64Encode(AsBytes("keyid=kbs:///a/b/c::keypath=" + key))}}}}}},
                          {"optsdata", Base64Encode(AsBytes("{}"))}}}};
  const CommandResult result = Nacre({"keyprovider"}, request.dump());
  EXPECT_EQ(result.exit.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  auto answer = ParseJson(result.out);
  ASSERT_TRUE(answer.ok()) << result.out;
  EXPECT_TRUE((*answer)["keywrapresults"]["annotation"].is_string());
}

TEST(KeyProviderVerb, FailsInOneLine) {
  ExpectError(Nacre({"keyprovider"}, ""), "keyprovider", "request");
  ExpectError(Nacre({"keyprovider"}, "{\"op\":\"steal\"}"), "keyprovider", "'steal'");
  ExpectError(Nacre({"keyprovider"}, std::string((1 << 20) + 1, ' ')), "keyprovider", "larger");
}

TEST(ImageEncryptVerb, FailsInOneLine) {
  auto folder = TemporaryDirectory::Create("verb");
  ASSERT_TRUE(folder.ok());
  const std::string key = folder->path() + "/key";
  auto encrypt = [&](const std::string& uri) {
    return Nacre({"image", "encrypt", "--encryption-key",
                  StrCat("provider:attestation-agent:keyid=", uri, "::keypath=", key),
                  StrCat("oci:", folder->path(), "/none:1"),
                  StrCat("oci:", folder->path(), "/out:1")});
  };
  ExpectError(encrypt("kbs:///a/b/c"), "image encrypt", key);
  ASSERT_TRUE(WriteFile(key, Bytes(32, 7)).ok());
  ExpectError(encrypt("kbs:///a/b/c"), "image encrypt", folder->path() + "/none");
  ExpectError(encrypt("ftp://x"), "image encrypt", "ftp://x");
  ExpectError(Nacre({"image", "encrypt", "--encryption-key", "pgp:me", "oci:a:1", "oci:b:1"}),
              "image encrypt", "scheme pgp is not supported");
  ExpectError(Nacre({"image", "decrypt", "--decryption-key", key, "oci:a:1", "oci:b:1"}),
              "image decrypt", key);
  EXPECT_FALSE(PathExists(folder->path() + "/out"));
}

TEST(ImageEncryptVerb, NamesAMissingOption) {
  const CommandResult result = Nacre({"image", "encrypt", "oci:a:1", "oci:b:1"});
  EXPECT_EQ(result.exit.code, 2);
  EXPECT_THAT(result.err, HasSubstr("--encryption-key"));
  EXPECT_THAT(Nacre({"image", "decrypt", "oci:a:1", "oci:b:1"}).err, HasSubstr("--decryption-key"));
  EXPECT_THAT(Nacre({"image", "encrypt", "--encryption-key", "jwe:x", "oci:a:1"}).err,
              HasSubstr("destination"));
  EXPECT_EQ(Nacre({"image"}).exit.code, 2);
  EXPECT_THAT(Nacre({"image", "encrypy"}).err, HasSubstr("did you mean 'encrypt'"));
  EXPECT_THAT(Nacre({"keyprovider", "--key-file", "x"}).err, HasSubstr("--listen"));
}

}  // namespace
}  // namespace nacre::cli
