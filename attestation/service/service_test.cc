// The attestation service through its two faces: an HTTP request, and a real gRPC client over a
// socket.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "attestation/broker/testing.h"
#include "attestation/protocol/binding.h"
#include "attestation/service/attestation.grpc.pb.h"
#include "attestation/service/grpc_service.h"
#include "attestation/service/rest.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/jws.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;

const Json kRuntimeData = {{"nonce", "n"}, {"purpose", "test"}};

std::string Evidence(const Bytes& binding,
                     const std::string& command_line = "console=ttyS0 quiet") {
  SnpEvidenceMessage message;
  message.evidence =
      Chip::Get().Sign(Chip::Get().Launch(command_line), *tee::ReportData::FromBytes(binding));
  return Base64UrlEncode(AsBytes(SnpEvidenceToJson(message)->dump()));
}

Bytes StructuredBinding(crypto::HashAlgorithm hash = crypto::HashAlgorithm::kSha384) {
  return crypto::Digest(hash, AsBytes(*CanonicalJson(kRuntimeData)));
}

Json Claims(const std::string& token) {
  return *ParseJson(AsText(crypto::ParseUnverifiedJws(token)->payload));
}

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() { broker.Provision(); }

  Json Request(const Bytes& binding, const Json& runtime_data) {
    return {{"verification_requests",
             {{{"tee", "snp"}, {"evidence", Evidence(binding)}, {"runtime_data", runtime_data}}}}};
  }
  Answer Post(const Json& body, const std::string& path = "/attestation") {
    net::HttpServerRequest request;
    request.method = "POST";
    request.path = path;
    request.body = body.dump();
    request.peer = "10.0.0.1:1";
    return rest.Handle(request);
  }

  TestBroker broker;
  RateLimiter limiter{broker.context().config.attestations_per_minute};
  RestService rest{&broker.broker(), &broker.context(), &limiter};
};

TEST_F(ServiceTest, StructuredRuntimeDataIsInTheToken) {
  Answer answer = Post(Request(StructuredBinding(), {{"structured", kRuntimeData}}));
  ASSERT_EQ(answer.response.status, 200) << answer.response.body;
  Json cpu = Claims(answer.response.body)["submods"]["cpu0"];
  EXPECT_EQ(cpu["ear.trustworthiness-vector"]["executables"], 3);
  EXPECT_EQ(cpu["ear.veraison.annotated-evidence"]["runtime_data_claims"], kRuntimeData);
}

TEST_F(ServiceTest, RawRuntimeDataAndOtherHashesBind) {
  const Bytes raw(48, 7);
  EXPECT_EQ(Post(Request(raw, {{"raw", Base64UrlEncode(raw)}})).response.status, 200);
  Json sha256 =
      Request(StructuredBinding(crypto::HashAlgorithm::kSha256), {{"structured", kRuntimeData}});
  EXPECT_EQ(Post(sha256).response.status, 401);
  sha256["verification_requests"][0]["runtime_data_hash_algorithm"] = "sha256";
  EXPECT_EQ(Post(sha256).response.status, 200);
  sha256["verification_requests"][0]["runtime_data_hash_algorithm"] = "md5";
  EXPECT_EQ(Post(sha256).response.status, 400);
}

TEST_F(ServiceTest, WhatIsNotGenuineIsRefusedWithItsReason) {
  Answer answer = Post(Request(Bytes(48, 1), {{"structured", kRuntimeData}}));
  EXPECT_EQ(answer.response.status, 401);
  EXPECT_EQ(CodeOf(answer), "not-genuine");
  EXPECT_THAT(answer.response.body, HasSubstr("report data"));
  const Json good = Request(StructuredBinding(), {{"structured", kRuntimeData}});
  const auto spoilt = [&](const char* member, const Json& value) {
    Json body = good;
    body["verification_requests"][0][member] = value;
    return Post(body).response.status;
  };
  EXPECT_EQ(spoilt("tee", "sample"), 400);
  EXPECT_EQ(spoilt("evidence", "!"), 400);
  EXPECT_EQ(spoilt("evidence", "e30"), 400);
  EXPECT_EQ(spoilt("runtime_data", nullptr), 400);
  EXPECT_EQ(spoilt("runtime_data", Json{{"raw", ""}}), 400);
  EXPECT_EQ(spoilt("runtime_data", Json{{"raw", Base64UrlEncode(Bytes(65, 0))}}), 400);
  EXPECT_EQ(spoilt("init_data", Json{{"init_data_digest", Base64UrlEncode(Bytes(32, 1))}}), 401);
  EXPECT_EQ(spoilt("init_data", Json{{"init_data_toml", "x"}}), 400);
  for (const Json& body : {Json(), Json::object(), Json{{"verification_requests", Json::array()}},
                           Json{{"verification_requests", Json::array({1, 2, 3, 4, 5, 6})}}}) {
    EXPECT_EQ(Post(body).response.status, 400) << body;
  }
}

TEST_F(ServiceTest, UnknownLaunchesGetATokenThatSaysSo) {
  Json body = Request(StructuredBinding(), {{"structured", kRuntimeData}});
  body["verification_requests"][0]["evidence"] = Evidence(StructuredBinding(), "other");
  Answer answer = Post(body);
  ASSERT_EQ(answer.response.status, 200) << answer.response.body;
  EXPECT_EQ(
      Claims(answer.response.body)["submods"]["cpu0"]["ear.trustworthiness-vector"]["executables"],
      33);
  body["policy_ids"] = {"mine"};
  EXPECT_EQ(Post(body).response.status, 404);
  body["policy_ids"] = {"default", "mine"};
  EXPECT_EQ(Post(body).response.status, 400);
}

TEST_F(ServiceTest, PoliciesAreTheAdminsAndTheRestIsNoBroker) {
  const Json body = {{"policy_id", "mine_cpu"},
                     {"policy", Base64UrlEncode(AsBytes(std::string_view(
                                    "package policy\ntrust_claims := {\"hardware\": 96}")))}};
  EXPECT_EQ(Post(body, "/policy").response.status, 401);
  EXPECT_EQ(Post(Json(), "/challenge").response.body.size(), 44u);
  EXPECT_EQ(Post(Json(), "/kbs/v0/auth").response.status, 404);
  EXPECT_EQ(Post(Json(), "/x").response.status, 404);
}

TEST_F(ServiceTest, AGrpcClientGetsTheSame) {
  auto server = *GrpcServer::Start(&broker.context(), {});
  auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()),
                                     grpc::InsecureChannelCredentials());
  auto stub = ::attestation::AttestationService::NewStub(channel);
  const auto context = [](const std::string& token = "") {
    auto out = std::make_unique<grpc::ClientContext>();
    out->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (!token.empty()) out->AddMetadata("authorization", "Bearer " + token);
    return out;
  };
  ::attestation::AttestationRequest request;
  auto* one = request.add_verification_requests();
  one->set_tee("snp");
  one->set_evidence(Evidence(StructuredBinding()));
  one->set_structured_runtime_data(kRuntimeData.dump());
  ::attestation::AttestationResponse response;
  grpc::Status status = stub->AttestationEvaluate(context().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Claims(response.attestation_token())["submods"].size(), 1u);

  one->set_raw_runtime_data(Base64UrlEncode(Bytes(48, 9)));
  status = stub->AttestationEvaluate(context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("report data"));

  ::attestation::SetPolicyRequest policy;
  policy.set_policy_id("mine_cpu");
  policy.set_policy(Base64UrlEncode(
      AsBytes(std::string_view("package policy\ntrust_claims := {\"hardware\": 96}"))));
  ::attestation::SetPolicyResponse nothing;
  EXPECT_EQ(stub->SetAttestationPolicy(context().get(), policy, &nothing).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  status = stub->SetAttestationPolicy(context(broker.AdminToken()).get(), policy, &nothing);
  EXPECT_TRUE(status.ok()) << status.error_message();
  policy.set_policy(Base64UrlEncode(AsBytes(std::string_view("package"))));
  EXPECT_EQ(
      stub->SetAttestationPolicy(context(broker.AdminToken()).get(), policy, &nothing).error_code(),
      grpc::StatusCode::INVALID_ARGUMENT);
  one->set_structured_runtime_data(kRuntimeData.dump());
  request.add_policy_ids("mine");
  status = stub->AttestationEvaluate(context().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Claims(response.attestation_token())["submods"]["cpu0"]["ear.status"],
            "contraindicated");

  ::attestation::ChallengeResponse challenge;
  EXPECT_TRUE(stub->GetAttestationChallenge(context().get(), {}, &challenge).ok());
  EXPECT_EQ(challenge.attestation_challenge().size(), 44u);
}

}  // namespace
}  // namespace nacre::attestation::testing
