#include "attestation/protocol/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/protocol/limits.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kAttestation = R"({
  "init-data": {"format": "toml", "body": "version = \"0.1.0\""},
  "runtime-data": {"nonce": "bm9uY2U=", "tee-pubkey": {"kty": "EC"}},
  "tee-evidence": {"primary_evidence": {"a": 1}, "additional_evidence": ""}})";

// kAttestation with `from` replaced.
std::string With(std::string_view from, std::string_view to) {
  std::string text(kAttestation);
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void ExpectRefused(const std::string& text, const std::string& why) {
  auto parsed = ParseAttestation(text);
  ASSERT_FALSE(parsed.ok()) << text;
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << parsed.status();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(why));
}

TEST(Request, ReadsWhatPeersSend) {
  auto request = ParseRequest(
      R"({"version":"0.4.0","tee":"snp","extra-params":{"supported-hash-algorithms":["sha384"]}})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->version, "0.4.0");
  EXPECT_EQ(request->tee, "snp");
  EXPECT_EQ(request->extra_params["supported-hash-algorithms"][0], "sha384");
}

TEST(Request, ComesBackFromItsText) {
  auto text = SerializeRequest({.version = "0.4.0", .tee = "snp", .extra_params = ""});
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, R"({"extra-params":"","tee":"snp","version":"0.4.0"})");
  EXPECT_TRUE(ParseRequest(*text).ok());
}

TEST(Request, NeedsEachMember) {
  EXPECT_FALSE(ParseRequest(R"({"tee":"snp","extra-params":""})").ok());
  EXPECT_FALSE(ParseRequest(R"({"version":"0.4.0","extra-params":""})").ok());
  EXPECT_FALSE(ParseRequest(R"({"version":"0.4.0","tee":"snp"})").ok());
  EXPECT_FALSE(ParseRequest(R"({"version":4,"tee":"snp","extra-params":""})").ok());
  EXPECT_FALSE(ParseRequest("[]").ok());
  EXPECT_FALSE(ParseRequest("").ok());
}

TEST(Challenge, HasNonceAndExtraParams) {
  auto text = SerializeChallenge({.nonce = "bm9uY2U=", .extra_params = ""});
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, R"({"extra-params":"","nonce":"bm9uY2U="})");
  EXPECT_EQ(ParseChallenge(*text)->nonce, "bm9uY2U=");
}

TEST(Challenge, NonceIsBounded) {
  auto with_nonce = [](size_t size) {
    return R"({"extra-params":"","nonce":")" + std::string(size, 'n') + R"("})";
  };
  EXPECT_TRUE(ParseChallenge(with_nonce(kMaxNonceSize)).ok());
  EXPECT_FALSE(ParseChallenge(with_nonce(kMaxNonceSize + 1)).ok());
}

TEST(AttestationMessage, TakesApartAllParts) {
  auto attestation = ParseAttestation(kAttestation);
  ASSERT_TRUE(attestation.ok()) << attestation.status();
  EXPECT_EQ(attestation->init_data->body, "version = \"0.1.0\"");
  EXPECT_EQ(attestation->nonce, "bm9uY2U=");
  EXPECT_EQ(attestation->tee_pubkey["kty"], "EC");
  EXPECT_EQ(attestation->primary_evidence["a"], 1);
  EXPECT_EQ(attestation->additional_evidence, "");
}

TEST(AttestationMessage, ComesBackFromItsText) {
  auto first = ParseAttestation(kAttestation);
  ASSERT_TRUE(first.ok());
  auto text = SerializeAttestation(*first);
  ASSERT_TRUE(text.ok());
  auto second = ParseAttestation(*text);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*SerializeAttestation(*second), *text);
}

// What is bound to the report is the key as it was sent; only evidence may be kept as bytes.
TEST(AttestationMessage, OnlyEvidenceIsReadAsBytes) {
  constexpr std::string_view kList = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]";
  std::string text = With(R"({"kty": "EC"})", StrCat(R"({"kty": "EC", "n": )", kList, "}"));
  text.replace(text.find(R"({"a": 1})"), 8, kList);
  auto parsed = ParseAttestation(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->tee_pubkey["n"].is_array());
  EXPECT_TRUE(parsed->primary_evidence.is_binary());
  auto again = SerializeAttestation(*parsed);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*ParseJson(*again), *ParseJson(text));
}

TEST(AttestationMessage, InitDataMayBeAbsentOrNull) {
  std::string whole = R"({"format": "toml", "body": "version = \"0.1.0\""})";
  EXPECT_FALSE(ParseAttestation(With(whole, "null"))->init_data.has_value());
  EXPECT_FALSE(ParseAttestation(With("\"init-data\"", "\"other\""))->init_data.has_value());
}

TEST(AttestationMessage, RefusesWrongShapes) {
  ExpectRefused(With("\"toml\"", "\"json\""), "format 'json'");
  ExpectRefused(With("\"runtime-data\"", "\"runtime_data\""), "runtime-data");
  ExpectRefused(With("\"nonce\"", "\"nonse\""), "nonce");
  ExpectRefused(With("{\"kty\": \"EC\"}", "\"EC\""), "tee-pubkey");
  ExpectRefused(With("\"primary_evidence\"", "\"primary-evidence\""), "primary_evidence");
  ExpectRefused(With("\"additional_evidence\": \"\"", "\"additional_evidence\": null"),
                "additional_evidence");
  ExpectRefused(With("\"nonce\":", "\"nonce\": \"x\", \"nonce\":"), "nonce");
  ExpectRefused("nothing", "");
}

TEST(AttestationMessage, InitDataIsBounded) {
  auto with_body = [](size_t size) {
    return With(R"("version = \"0.1.0\"")", "\"" + std::string(size, 'x') + "\"");
  };
  EXPECT_TRUE(ParseAttestation(with_body(kMaxInitDataSize)).ok());
  ExpectRefused(with_body(kMaxInitDataSize + 1), "init-data body");
}

TEST(AttestationMessage, DepthIsBounded) {
  auto nested = [](int depth) {  // inside two objects already
    return With("{\"a\": 1}", std::string(depth, '[') + std::string(depth, ']'));
  };
  EXPECT_TRUE(ParseAttestation(nested(kMaxMessageDepth - 2)).ok());
  EXPECT_FALSE(ParseAttestation(nested(kMaxMessageDepth - 1)).ok());
}

TEST(AttestationMessage, SizeIsBounded) {
  std::string text(kAttestation);
  text.append(kMaxMessageSize - text.size(), ' ');
  EXPECT_TRUE(ParseAttestation(text).ok());
  EXPECT_FALSE(ParseAttestation(text + " ").ok());
}

TEST(TokenAnswer, HoldsTheToken) {
  EXPECT_EQ(*ParseTokenAnswer(SerializeTokenAnswer("a.b.c")), "a.b.c");
  EXPECT_FALSE(ParseTokenAnswer(R"({"tokens":"a.b.c"})").ok());
}

}  // namespace
}  // namespace nacre::attestation
