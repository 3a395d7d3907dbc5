#include "image-rs-cpp/decrypt/key_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

class KeyProviderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::Create("keyprovider");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    key_file_ = folder_->path() + "/key";
    ASSERT_TRUE(WriteFile(key_file_, Bytes(32, 0x42)).ok());
  }

  // As ocicrypt writes it: both parameter members are always there.
  static std::string WrapRequest(const std::string& parameters) {
    return Json{{"op", "keywrap"},
                {"keywrapparams",
                 {{"ec",
                   {{"Parameters", {{"attestation-agent", {Base64Encode(AsBytes(parameters))}}}},
                    {"DecryptConfig", {{"Parameters", Json::object()}}}}},
                  {"optsdata", Base64Encode(AsBytes("the options"))}}},
                {"keyunwrapparams", {{"dc", nullptr}, {"annotation", nullptr}}}}
        .dump();
  }
  static std::string UnwrapRequest(const std::string& annotation, const std::string& parameters) {
    return Json{
        {"op", "keyunwrap"},
        {"keywrapparams", {{"ec", nullptr}, {"optsdata", nullptr}}},
        {"keyunwrapparams",
         {{"dc", {{"Parameters", {{"attestation-agent", {Base64Encode(AsBytes(parameters))}}}}}},
          {"annotation", annotation}}}}
        .dump();
  }
  std::string Good() { return "keyid=kbs:///default/key/1::keypath=" + key_file_; }
  static std::string ErrorOf(const std::string& request) {
    auto answer = AnswerKeyProvider(request);
    return answer.ok() ? "no error" : std::string(Message(answer.status()));
  }

  std::optional<TemporaryDirectory> folder_;
  std::string key_file_;
};

TEST_F(KeyProviderTest, WrapsAndUnwraps) {
  auto wrapped = AnswerKeyProvider(WrapRequest(Good() + "::algorithm=A256GCM"));
  ASSERT_TRUE(wrapped.ok()) << wrapped.status();
  const std::string annotation =
      (*ParseJson(*wrapped))["keywrapresults"]["annotation"].get<std::string>();
  auto packet = ParseAnnotationPacket(AsText(*Base64Decode(annotation)));
  ASSERT_TRUE(packet.ok()) << packet.status();
  EXPECT_EQ(packet->key_id, "kbs:///default/key/1");
  auto unwrapped = AnswerKeyProvider(UnwrapRequest(annotation, "keypath=" + key_file_));
  ASSERT_TRUE(unwrapped.ok()) << unwrapped.status();
  EXPECT_EQ((*ParseJson(*unwrapped))["keyunwrapresults"]["optsdata"],
            Base64Encode(AsBytes("the options")));
}

TEST_F(KeyProviderTest, UnwrapsWithNoOtherKey) {
  auto wrapped = AnswerKeyProvider(WrapRequest(Good()));
  ASSERT_TRUE(wrapped.ok());
  const std::string annotation =
      (*ParseJson(*wrapped))["keywrapresults"]["annotation"].get<std::string>();
  const std::string other = folder_->path() + "/other";
  ASSERT_TRUE(WriteFile(other, Bytes(32, 0x43)).ok());
  EXPECT_THAT(ErrorOf(UnwrapRequest(annotation, "keypath=" + other)),
              HasSubstr("kbs:///default/key/1"));
  // What ocicrypt sends for a provider named without parameters.
  EXPECT_THAT(ErrorOf(UnwrapRequest(annotation, "Enabled")), HasSubstr("attested guests"));
}

TEST_F(KeyProviderTest, NamesTheParameterThatIsWrong) {
  EXPECT_THAT(ErrorOf(WrapRequest("keypath=" + key_file_)), HasSubstr("'keyid' is missing"));
  EXPECT_THAT(ErrorOf(WrapRequest("keyid=kbs:///a/b/c")), HasSubstr("'keypath' is missing"));
  EXPECT_THAT(ErrorOf(WrapRequest("Enabled")), HasSubstr("'keyid' is missing"));
  EXPECT_THAT(ErrorOf(WrapRequest(Good() + "::algorithm=A256CTR")), HasSubstr("A256GCM"));
  EXPECT_THAT(ErrorOf(WrapRequest(Good() + "::sample=true")), HasSubstr("'sample' is unknown"));
  EXPECT_THAT(ErrorOf(WrapRequest(Good() + "::keyid=kbs:///a/b/d")), HasSubstr("given twice"));
  EXPECT_THAT(ErrorOf(WrapRequest(Good() + "::x")), HasSubstr("not name=value"));
  EXPECT_THAT(ErrorOf(WrapRequest("keyid=http://x::keypath=" + key_file_)), HasSubstr("key URI"));
}

TEST_F(KeyProviderTest, ReadsOnlyTheFilesItServes) {
  const KeyProviderOptions serves{{{key_file_}}};
  EXPECT_TRUE(AnswerKeyProvider(WrapRequest(Good()), serves).ok());
  const KeyProviderOptions serves_none{std::vector<std::string>()};
  for (const KeyProviderOptions& options :
       {serves_none, KeyProviderOptions{{{key_file_ + "x", "/" + key_file_}}}}) {
    absl::Status status = AnswerKeyProvider(WrapRequest(Good()), options).status();
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  }
}

TEST_F(KeyProviderTest, NeedsAKeyOf32Bytes) {
  for (size_t size : {0, 31, 33, 4096}) {
    ASSERT_TRUE(WriteFile(key_file_, Bytes(size)).ok());
    EXPECT_THAT(ErrorOf(WrapRequest(Good())), HasSubstr("expected 32")) << size;
  }
  EXPECT_THAT(ErrorOf(WrapRequest("keyid=kbs:///a/b/c::keypath=/nonexistent/key")),
              HasSubstr("/nonexistent/key"));
}

TEST_F(KeyProviderTest, RefusesMalformedRequests) {
  for (const char* request : {"", "[]", "{}", R"({"op":"other"})", R"({"op":"keywrap"})",
                              R"({"op":"keywrap","keywrapparams":{"ec":null,"optsdata":null}})",
                              R"({"op":"keyunwrap","keyunwrapparams":{"annotation":"e30="}})"}) {
    EXPECT_FALSE(AnswerKeyProvider(request).ok()) << request;
  }
  EXPECT_FALSE(AnswerKeyProvider(std::string(kMaxKeyProviderRequest + 1, ' ')).ok());
}

}  // namespace
}  // namespace nacre::image
