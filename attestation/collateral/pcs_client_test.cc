#include "attestation/collateral/pcs_client.h"

#include <gtest/gtest.h>

#include "attestation/collateral/testing_machine.h"
#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

using tee::emulator::TdxFault;

constexpr char kTcb[] = "/tdx/certification/v4/tcb";
constexpr char kIdentity[] = "/tdx/certification/v4/qe/identity";
constexpr char kPckCrl[] = "/sgx/certification/v4/pckcrl";
constexpr char kRootCrl[] = "/sgx/certification/v4/rootcacrl";

std::unique_ptr<PcsClient> Client(const TestingMachine& machine) {
  PcsOptions options;
  options.url = machine.service.url();
  options.trust = machine.trust;
  return PcsClient::Create(std::move(options)).value();
}

TEST(PcsClient, FetchesWhatAVerifierTakes) {
  const TestingMachine machine;
  ASSERT_OK_AND_ASSIGN(const auto collateral, Client(machine)->Fetch(machine.key, kTestNow));
  EXPECT_EQ(collateral.tcb_info, machine.collateral.tcb_info);  // byte for byte
  EXPECT_EQ(collateral.qe_identity, machine.collateral.qe_identity);
  EXPECT_EQ(collateral.crls, machine.collateral.crls);
  EXPECT_EQ(machine.service.requests(), 4);
  tee::Appraisal appraisal;
  EXPECT_TRUE(
      tee::tdx::VerifyTdx(machine.quote, collateral, machine.trust, {}, kTestNow, &appraisal))
      << appraisal.refusal;
}

TEST(PcsClient, AsksForThePlatformAndTheTrain) {
  TestingMachine machine;
  machine.service.Set(kIdentity, {503, "", "", ""});  // so that the TCB info is the last good one
  PcsOptions options;
  options.url = machine.service.url() + "/";  // a slash at the end changes nothing
  options.update = TcbUpdate::kEarly;
  options.trust = machine.trust;
  ASSERT_OK_AND_ASSIGN(const auto client, PcsClient::Create(std::move(options)));
  EXPECT_STATUS(client->Fetch(machine.key, kTestNow), kUnavailable, "HTTP status 503");
  EXPECT_EQ(machine.service.last_query(), "update=early");
  machine.service.Set(kTcb, {404, "", "", ""});
  EXPECT_STATUS(client->Fetch(machine.key, kTestNow), kNotFound, "HTTP status 404");
  EXPECT_EQ(machine.service.last_query(), "fmspc=4e6163726500&update=early");
}

TEST(PcsClient, AnswersThatDoNotHoldAreRefused) {
  const struct {
    const char* path;
    const char* what;
    absl::StatusCode code;
    std::function<void(StandInService::Answer&)> spoil;
  } kCases[] = {
      {kTcb, "no chain", absl::StatusCode::kDataLoss, [](auto& a) { a.chain_header = "X-Other"; }},
      {kTcb, "no JSON", absl::StatusCode::kDataLoss, [](auto& a) { a.body = "{"; }},
      {kTcb, "empty", absl::StatusCode::kDataLoss, [](auto& a) { a.body.clear(); }},
      {kTcb, "changed", absl::StatusCode::kUnauthenticated,
       [](auto& a) { a.body[a.body.find(":18") + 2] = '9'; }},
      {kIdentity, "the other document", absl::StatusCode::kDataLoss,
       [](auto& a) { a.body = R"({"tcbInfo":{},"signature":""})"; }},
      {kIdentity, "trailing text", absl::StatusCode::kDataLoss, [](auto& a) { a.body += "x"; }},
      {kPckCrl, "no CRL", absl::StatusCode::kDataLoss, [](auto& a) { a.body = "0011"; }},
      {kPckCrl, "no chain", absl::StatusCode::kDataLoss, [](auto& a) { a.chain.clear(); }},
      {kRootCrl, "no CRL", absl::StatusCode::kDataLoss, [](auto& a) { a.body = "zz"; }},
      {kRootCrl, "too large", absl::StatusCode::kResourceExhausted,
       [](auto& a) { a.body.assign(tee::tdx::kMaxCollateralSize + 1, '0'); }},
  };
  for (const auto& test : kCases) {
    TestingMachine machine;
    StandInService::Answer answer = machine.service.Of(test.path);
    test.spoil(answer);
    machine.service.Set(test.path, answer);
    const auto fetched = Client(machine)->Fetch(machine.key, kTestNow);
    EXPECT_EQ(fetched.status().code(), test.code)
        << test.path << " " << test.what << ": " << fetched.status();
  }
}

TEST(PcsClient, SignaturesDatesAndRootsAreChecked) {
  const TestingMachine machine;
  const TestingMachine other;
  PcsOptions options;
  options.url = machine.service.url();
  options.trust = other.trust;
  ASSERT_OK_AND_ASSIGN(const auto stranger, PcsClient::Create(options));
  EXPECT_STATUS(stranger->Fetch(machine.key, kTestNow), kUnauthenticated, "no trusted root");
  EXPECT_STATUS(Client(machine)->Fetch(machine.key, kTestNow + 40 * kTestDay), kUnauthenticated,
                "out of date");
  const TestingMachine stale({TdxFault::kExpiredCollateral});
  EXPECT_STATUS(Client(stale)->Fetch(stale.key, kTestNow), kUnauthenticated, "next update was due");
  TestingMachine swapped;
  StandInService::Answer crl = swapped.service.Of(kPckCrl);
  crl.body = ToString(other.collateral.crls.at(1));
  swapped.service.Set(kPckCrl, crl);
  EXPECT_STATUS(Client(swapped)->Fetch(swapped.key, kTestNow), kUnauthenticated, "PCK CRL");
}

TEST(PcsClient, AnotherPlatformsTcbInfoIsRefused) {
  const TestingMachine machine;
  tee::tdx::CollateralKey key = machine.key;
  key.fmspc[0] ^= 1;
  EXPECT_STATUS(Client(machine)->Fetch(key, kTestNow), kUnauthenticated, "asked for 4f6163726500");
}

TEST(PcsClient, UnreachableAndMalformedUrls) {
  TestingMachine machine;
  const auto client = Client(machine);
  machine.service.Stop();
  EXPECT_STATUS(client->Fetch(machine.key, kTestNow), kUnavailable, machine.service.url());
  PcsOptions bad;
  bad.url = "ftp://example.com";
  EXPECT_STATUS(PcsClient::Create(bad), kInvalidArgument, "collateral service");
}

}  // namespace
}  // namespace nacre::attestation
