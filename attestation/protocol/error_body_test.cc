#include "attestation/protocol/error_body.h"

#include <gtest/gtest.h>

namespace nacre::attestation {
namespace {

TEST(ErrorBody, ComesBackFromItsText) {
  auto error = ParseErrorBody(SerializeErrorBody({.variant = "PolicyDeny",
                                                  .detail = "policy denies this resource",
                                                  .code = "emulated-not-allowed",
                                                  .correlation_id = "00ff"}));
  ASSERT_TRUE(error.ok()) << error.status();
  EXPECT_EQ(error->variant, "PolicyDeny");
  EXPECT_EQ(error->detail, "policy denies this resource");
  EXPECT_EQ(error->code, "emulated-not-allowed");
  EXPECT_EQ(error->correlation_id, "00ff");
}

TEST(ErrorBody, ReadsAPeersBody) {
  auto error = ParseErrorBody(
      R"({"type":"https://github.com/confidential-containers/kbs/errors/TokenNotFound",)"
      R"("detail":"Attestation Token not found"})");
  ASSERT_TRUE(error.ok());
  EXPECT_EQ(error->variant, "TokenNotFound");
  EXPECT_EQ(error->code, "");
}

TEST(ErrorBody, RefusesWhatIsNone) {
  EXPECT_FALSE(ParseErrorBody("").ok());
  EXPECT_FALSE(ParseErrorBody("<html>").ok());
  EXPECT_FALSE(ParseErrorBody("[1]").ok());
  EXPECT_FALSE(ParseErrorBody(R"({"type":"x"})").ok());
  EXPECT_FALSE(ParseErrorBody(R"({"type":1,"detail":"d"})").ok());
}

TEST(ErrorBody, CutsLongText) {
  auto error = ParseErrorBody(R"({"type":"t","detail":")" + std::string(5000, 'd') + R"("})");
  ASSERT_TRUE(error.ok());
  EXPECT_EQ(error->detail.size(), 1024u);
}

TEST(ErrorBody, CodesOfRefusals) {
  using enum absl::StatusCode;
  const std::pair<int, absl::StatusCode> cases[] = {
      {400, kInvalidArgument}, {401, kUnauthenticated}, {403, kPermissionDenied}, {404, kNotFound},
      {408, kInternal},        {413, kInvalidArgument}, {429, kUnavailable},      {500, kInternal},
      {503, kUnavailable},     {0, kInternal},          {201, kInternal},         {302, kInternal}};
  for (const auto& [status, code] : cases) {
    EXPECT_EQ(RefusalError(status, "why"), absl::Status(code, "why")) << status;
  }
}

TEST(ErrorBody, TextThatIsNotUtf8StaysARefusal) {
  auto error = ParseErrorBody(SerializeErrorBody({"X", "\xff", "", ""}));
  ASSERT_TRUE(error.ok());
  EXPECT_EQ(error->variant, "InternalError");
}

}  // namespace
}  // namespace nacre::attestation
