#include "image-rs-cpp/signature/simple_signing.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/status_testing.h"

namespace nacre::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'c');

Json Good() {
  return *ParseJson(*FormatSimpleSigning({std::string(kCosignType), kDigest, "q.io/a/b"}));
}

absl::Status Parse(const Json& document) {
  return ParseSimpleSigning(AsBytes(document.dump()), kCosignType).status();
}

TEST(SimpleSigning, WhatIsWrittenReadsBack) {
  const auto text = FormatSimpleSigning({std::string(kCosignType), kDigest, "q.io/a/b:1"});
  const auto parsed = ParseSimpleSigning(AsBytes(*text), kCosignType);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->manifest_digest, kDigest);
  EXPECT_EQ(parsed->docker_reference, "q.io/a/b:1");
}

TEST(SimpleSigning, TheOptionalPartMayHoldAnything) {
  Json document = Good();
  document["optional"] = {{"creator", "x"}, {"timestamp", 7}};
  EXPECT_OK(Parse(document));
  document.erase("optional");
  EXPECT_OK(Parse(document));
  document["optional"] = 1;
  EXPECT_STATUS(Parse(document), kInvalidArgument, "'optional'");
}

TEST(SimpleSigning, AnotherTypeIsAnotherSignature) {
  EXPECT_STATUS(ParseSimpleSigning(AsBytes(Good().dump()), kAtomicType), kInvalidArgument,
                "type is 'cosign container image signature'");
}

TEST(SimpleSigning, RefusesMoreAndLess) {
  for (const char* path :
       {"/critical", "/critical/type", "/critical/image", "/critical/identity",
        "/critical/image/docker-manifest-digest", "/critical/identity/docker-reference"}) {
    Json missing = Good();
    const Json::json_pointer pointer(path);
    missing.at(pointer.parent_pointer()).erase(pointer.back());
    EXPECT_STATUS(Parse(missing), kInvalidArgument, "signed payload") << path;
    Json wrong = Good();
    wrong[pointer] = 7;
    EXPECT_STATUS(Parse(wrong), kInvalidArgument, "signed payload") << path;
  }
  for (const char* path : {"/more", "/critical/more", "/critical/image/more"}) {
    Json more = Good();
    more[Json::json_pointer(path)] = "x";
    EXPECT_STATUS(Parse(more), kInvalidArgument, "more") << path;
  }
}

TEST(SimpleSigning, RefusesWhatIsNoSuchDocument) {
  Json document = Good();
  document["critical"]["image"]["docker-manifest-digest"] = "md5:00";
  EXPECT_STATUS(Parse(document), kInvalidArgument, "not a digest");
  EXPECT_STATUS(ParseSimpleSigning(AsBytes("[]"), kCosignType), kInvalidArgument, "not an object");
  const std::string twice = R"({"critical":{},"critical":{}})";
  EXPECT_STATUS(ParseSimpleSigning(AsBytes(twice), kCosignType), kInvalidArgument, "duplicate");
  const std::string large(kMaxSimpleSigning + 1, ' ');
  EXPECT_FALSE(ParseSimpleSigning(AsBytes(large), kCosignType).ok());
}

}  // namespace
}  // namespace nacre::image
