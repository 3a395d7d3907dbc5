// Where reference values come from and until when they count.
#include "attestation/broker/reference_catalogue.h"

#include <gmock/gmock.h>

#include "attestation/broker/testing.h"
#include "attestation/reference/reference_value.h"
#include "attestation/reference/signed_reference.h"
#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/subprocess.h"
#include "crypto/digest.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "crypto/x509.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Message(const Json& values) {
  return Json{
      {"version", "0.1.0"}, {"type", "sample"}, {"payload", Base64Encode(AsBytes(values.dump()))}}
      .dump();
}

std::string ErrorOf(const Answer& answer) {
  return (*ParseJson(answer.response.body)).value("detail", "");
}

// A broker that knows the signer "release", and what it is told.
class SignedReferenceTest : public ::testing::Test {
 protected:
  SignedReferenceTest() : folder(*TemporaryDirectory::Create("signers")) {
    const Json jwk = *crypto::PublicKeyToJwk(key.public_key());
    EXPECT_OK(
        WriteFile(folder.path() + "/release.jwks", AsBytes(Json{{"keys", {jwk}}}.dump()), 0600));
  }
  std::function<void(BrokerConfig&)> Configure(bool required) {
    return [this, required](BrokerConfig& config) {
      config.reference_signature_required = required;
      config.reference_signers = {{"release", folder.path() + "/release.jwks"}};
    };
  }
  static std::string Document() { return Chip::Get().Reference(Chip::Get().Launch(), "pearl"); }
  static Answer Register(TestBroker& broker, std::string text) {
    return broker.Admin("POST", "/kbs/v0/reference-value", std::move(text));
  }
  static Json Entry(TestBroker& broker) {
    return (*ParseJson(
        broker.Admin("GET", "/kbs/v0/reference-value").response.body))["reference-values"]
        .at(0);
  }
  static int Run(TestBroker& broker) { return TestGuest(broker).Run().response.status; }

  crypto::PrivateKey key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  crypto::PrivateKey stranger = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  TemporaryDirectory folder;
};

TEST_F(SignedReferenceTest, TheSignerIsVerifiedStoredAndShown) {
  TestBroker broker(Configure(true));
  const std::string jws = *SignReference(Document(), key);
  ASSERT_EQ(Register(broker, jws + "\n").response.status, 200);
  const Json entry = Entry(broker);
  EXPECT_EQ(entry["signer"], "release/" + *crypto::JwkThumbprint(key.public_key()));
  EXPECT_EQ(entry["source_digest"], crypto::OciDigest(AsBytes(Document())));
  EXPECT_EQ(entry["registered_by"], "nacre-admin");
  EXPECT_EQ(entry["why_not_counted"], "");
  EXPECT_EQ(broker.context().store->GetReference("pearl")->signature, jws);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/pearl").response.body, Document());
  EXPECT_EQ(Run(broker), 200);
}

TEST_F(SignedReferenceTest, WrongAndUnknownSignaturesAreRefusedAndTheOldValueStays) {
  for (const bool required : {true, false}) {
    TestBroker broker(Configure(required));
    const std::string good = *SignReference(Document(), key);
    ASSERT_EQ(Register(broker, good).response.status, 200);
    const std::string other = Chip::Get().Reference(Chip::Get().Launch("other"), "pearl");
    std::string spoilt = *SignReference(other, key);
    spoilt[spoilt.size() - 10] = spoilt[spoilt.size() - 10] == 'A' ? 'B' : 'A';
    const std::string of_another = *SignReference(other, stranger);
    const std::string other_type =
        *crypto::JwsSign(key, crypto::JwsAlgorithm::kEs256, {{"typ", "JWT"}}, AsBytes(other));
    std::string swapped = *SignReference(other, key);  // another document under this signature
    swapped.replace(swapped.rfind('.'), std::string::npos, good.substr(good.rfind('.')));
    for (const std::string& upload : {spoilt, of_another, other_type, swapped, std::string("a.b.c"),
                                      spoilt.substr(0, spoilt.rfind('.') + 1)}) {
      const Answer answer = Register(broker, upload);
      EXPECT_EQ(answer.response.status, 400) << upload;
      EXPECT_EQ(CodeOf(answer), "reference-signature");
      EXPECT_THAT(ErrorOf(answer), HasSubstr("not release's: ")) << upload;
    }
    EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/pearl").response.body, Document());
  }
}

TEST_F(SignedReferenceTest, UnsignedIsRefusedOnlyWhereSignaturesAreDemanded) {
  TestBroker strict(Configure(true)), lenient(Configure(false)), plain;
  for (const std::string& text : {Document(), Message({{"mr_td", {"00"}}})}) {
    const Answer answer = Register(strict, text);
    EXPECT_EQ(answer.response.status, 400);
    EXPECT_EQ(CodeOf(answer), "reference-signature");
    EXPECT_THAT(ErrorOf(answer), HasSubstr("not signed"));
    EXPECT_EQ(Register(lenient, text).response.status, 200);
    EXPECT_EQ(Register(plain, text).response.status, 200);
  }
  EXPECT_EQ(Entry(lenient)["signer"], "");
  EXPECT_EQ(Register(strict, *SignReference(Message({{"mr_td", {"00"}}}), key)).response.status,
            200);
  EXPECT_THAT(Entry(strict)["signer"].get<std::string>(), StartsWith("release/"));
  // Who has named no signer cannot believe one.
  const Answer answer = Register(plain, *SignReference(Document(), key));
  EXPECT_EQ(CodeOf(answer), "reference-signature");
  EXPECT_THAT(ErrorOf(answer), HasSubstr("[reference.signers]"));
}

// What is in the store without a signature that counts today counts for nothing, however it came
// there.
TEST_F(SignedReferenceTest, SignaturesAreVerifiedAgainWhenValuesAreUsed) {
  TestBroker broker(Configure(true));
  ASSERT_EQ(Register(broker, *SignReference(Document(), key)).response.status, 200);
  ASSERT_EQ(Run(broker), 200);
  StoredReference stored = *broker.context().store->GetReference("pearl");
  const Change change{.actor = "test", .peer = "local", .request = "", .time = broker.now};
  const auto put = [&](const StoredReference& changed) {
    ASSERT_OK(broker.context().store->PutReference(changed, change));
  };
  StoredReference unsigned_one = stored;
  unsigned_one.signature = unsigned_one.signer = "";
  put(unsigned_one);
  EXPECT_EQ(Run(broker), 401);
  EXPECT_THAT(Entry(broker)["why_not_counted"].get<std::string>(), HasSubstr("not signed"));
  StoredReference renamed = stored;
  renamed.name = "other";
  put(renamed);
  EXPECT_EQ(Run(broker), 401);
  StoredReference of_another = stored;
  of_another.signature = *SignReference(Document(), stranger);
  put(of_another);
  EXPECT_EQ(Run(broker), 401);
  put(stored);
  EXPECT_EQ(Run(broker), 200);
}

TEST_F(SignedReferenceTest, TheJoseCommandSignsToo) {
  const std::string at = folder.path() + "/";
  SubprocessOptions options;
  const Json jwk_template = {{"kty", "EC"}, {"crv", "P-384"}};
  options.argv = {"jose", "jwk", "gen", "-i", jwk_template.dump(), "-o", at + "key.jwk"};
  const auto made = RunCommand(options);
  if (absl::IsNotFound(made.status())) GTEST_SKIP() << "the jose command is missing";
  ASSERT_OK(made);
  options.argv = {"jose", "jwk", "pub", "-i", at + "key.jwk", "-o", at + "release.jwks"};
  ASSERT_OK(RunCommand(options));
  ASSERT_OK(WriteFile(at + "document", AsBytes(Document()), 0600));
  const Json header = {{"protected", {{"alg", "ES384"}, {"typ", kReferenceJwsType}}}};
  options.argv = {"jose", "jws",         "sig", "-I", at + "document",    "-k", at + "key.jwk",
                  "-s",   header.dump(), "-c",  "-o", at + "document.jws"};
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(options));
  ASSERT_EQ(result.exit.code, 0) << result.err;
  TestBroker broker(Configure(true));
  const Answer answer = Register(broker, *ReadTextFile(at + "document.jws", 1 << 20));
  EXPECT_EQ(answer.response.status, 200) << answer.response.body;
}

TEST(SignedReferenceConfig, KeysMustBeThere) {
  EXPECT_FALSE(ReferenceSigners::Open([] {
                 BrokerConfig config;
                 config.reference_signers = {{"x", "/nowhere/at/all"}};
                 return config;
               }())
                   .ok());
}

class ExpiryTest : public ::testing::Test {
 protected:
  // The launch of every guest, as a document with an expiry.
  std::string Document(int64_t expires) {
    ReferenceValue reference =
        *ParseReferenceValue(Chip::Get().Reference(Chip::Get().Launch(), "pearl"));
    reference.expires = expires;
    return *SerializeReferenceValue(reference);
  }
  std::string Refusal() { return broker.LastExplanation()["summary"]; }
  TestBroker broker;
  const int64_t start = broker.now;
};

TEST_F(ExpiryTest, ADocumentCountsUntilItsMoment) {
  ASSERT_EQ(broker.Admin("POST", "/kbs/v0/reference-value", Document(start + 100)).response.status,
            200);
  broker.now = start + 99;
  EXPECT_EQ(TestGuest(broker).Run().response.status, 200);
  for (const int64_t late : {100, 101}) {
    broker.now = start + late;
    EXPECT_EQ(TestGuest(broker).Run().response.status, 401);
    EXPECT_THAT(Refusal(),
                HasSubstr("reference value 'pearl' expired " + crypto::FormatTime(start + 100)));
  }
  const Json list = *ParseJson(broker.Admin("GET", "/kbs/v0/reference-value").response.body);
  EXPECT_EQ(list["reference-values"][0]["expires_at"], start + 100);
  EXPECT_EQ(list["reference-values"][0]["why_not_counted"],
            "expired " + crypto::FormatTime(start + 100));
  // The owner may still read it.
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/pearl").response.status, 200);
}

// The column of the store counts as much as what the document says.
TEST_F(ExpiryTest, TheEarlierOfDocumentAndStoreDecides) {
  const Change change{.actor = "test", .peer = "local", .request = "", .time = start};
  for (const auto& [in_document, in_store] : {std::pair<int64_t, int64_t>{100, 50}, {50, 100}}) {
    broker.now = start;
    StoredReference stored{.name = "pearl",
                           .document = Document(start + in_document),
                           .registered_at = start,
                           .expires_at = start + in_store};
    ASSERT_OK(broker.context().store->PutReference(stored, change));
    broker.now = start + 49;
    EXPECT_EQ(TestGuest(broker).Run().response.status, 200);
    broker.now = start + 50;
    EXPECT_EQ(TestGuest(broker).Run().response.status, 401);
    EXPECT_THAT(Refusal(), HasSubstr("expired " + crypto::FormatTime(start + 50)));
  }
}

TEST_F(ExpiryTest, AnExpiredDocumentIsNotRegistered) {
  for (const int64_t expires : {start - 1, start}) {
    const Answer answer = broker.Admin("POST", "/kbs/v0/reference-value", Document(expires));
    EXPECT_EQ(answer.response.status, 400);
    EXPECT_EQ(CodeOf(answer), "bad-reference");
    EXPECT_THAT(ErrorOf(answer), HasSubstr("expired"));
  }
  EXPECT_EQ(broker.Admin("POST", "/kbs/v0/reference-value", Document(start + 1)).response.status,
            200);
}

TEST_F(ExpiryTest, APlainValueCountsUntilItsMomentAndTheRefusalNamesIt) {
  const std::string measurement = HexEncode(
      ParseReferenceValue(Chip::Get().Reference(Chip::Get().Launch(), ""))->measurement.digest);
  ASSERT_EQ(broker
                .Admin("POST", "/kbs/v0/reference-value",
                       Message({{"snp_launch_measurement", {measurement}}}))
                .response.status,
            200);
  const int64_t expires =
      broker.context().store->GetReference("snp_launch_measurement")->expires_at;
  EXPECT_GT(expires, start);
  broker.now = expires - 1;
  EXPECT_EQ(TestGuest(broker).Run().response.status, 200);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/snp_launch_measurement").response.status,
            200);
  for (const int64_t late : {0, 1}) {
    broker.now = expires + late;
    EXPECT_EQ(TestGuest(broker).Run().response.status, 401);
    EXPECT_THAT(Refusal(), HasSubstr("reference value 'snp_launch_measurement' expired " +
                                     crypto::FormatTime(expires)));
    const Answer gone = broker.Admin("GET", "/kbs/v0/reference-value/snp_launch_measurement");
    EXPECT_EQ(gone.response.status, 404);
    EXPECT_THAT(ErrorOf(gone), HasSubstr("expired " + crypto::FormatTime(expires)));
  }
}

// A resource policy asks too.
TEST_F(ExpiryTest, AResourcePolicysRefusalNamesTheExpiredValue) {
  broker.Provision();
  const std::string policy =
      "package policy\nimport rego.v1\ndefault allow := false\n"
      "allow if query_reference_value(\"ticket\") == 7\n";
  ASSERT_EQ(broker
                .Admin("POST", "/kbs/v0/resource-policy",
                       Json{{"policy", Base64UrlEncode(AsBytes(policy))}}.dump())
                .response.status,
            200);
  ASSERT_EQ(
      broker.Admin("POST", "/kbs/v0/reference-value", Message({{"ticket", 7}})).response.status,
      200);
  const int64_t expires = broker.context().store->GetReference("ticket")->expires_at;
  broker.now = expires - 1;
  TestGuest guest(broker);
  ASSERT_EQ(guest.Run().response.status, 200);
  EXPECT_EQ(guest.Get("default/key/1").response.status, 200);
  broker.now = expires;
  EXPECT_EQ(guest.Get("default/key/1").response.status, 403);
  EXPECT_THAT(Refusal(), HasSubstr("reference value 'ticket' expired"));
}

}  // namespace
}  // namespace nacre::attestation::testing
