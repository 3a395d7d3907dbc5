// An HTTP server of our own stands in for AMD's.

#include "attestation/collateral/kds.h"

#include <map>
#include <mutex>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "net/http_server.h"
#include "tee/sev/test_chip.h"

namespace nacre::attestation {
namespace {

using tee::sev::CertificateKind;
using tee::sev::kTestNow;
using tee::sev::Product;
using tee::sev::TestChip;

const KdsRequest kMilanCrl{KdsDocument::kVcekCrl, Product::kMilan};

KdsRequest VcekOf(const TestChip& chip, Product product = Product::kMilan) {
  return VcekRequestOf(tee::sev::ParseReport(chip.Report()).value(), product).value();
}

// Answers what it was given, 404 else; remembers what was asked.
class Service {
 public:
  void Give(const std::string& target, std::string body, int status = 200) {
    answers_[target] = net::MakeResponse(status, "application/octet-stream", std::move(body));
  }
  std::string url() const { return server_->url(); }
  std::vector<std::string> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  net::HttpResponse Answer(const net::HttpServerRequest& request) {
    std::lock_guard lock(mutex_);
    asked_.push_back(StrCat(request.path, request.query.empty() ? "" : "?", request.query));
    const auto found = answers_.find(asked_.back());
    return found == answers_.end() ? net::MakeResponse(404, "text/plain", "") : found->second;
  }
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::map<std::string, net::HttpResponse> answers_;
  std::unique_ptr<net::HttpServer> server_ =
      net::HttpServer::Start({}, [this](const auto& request) { return Answer(request); }).value();
};

TEST(KdsPaths, AreAsAmdPublishesThem) {
  KdsRequest request{KdsDocument::kVcek,
                     Product::kMilan,
                     Bytes(64, 0xab),
                     {.fmc = 9, .bootloader = 4, .tee = 0, .snp = 24, .microcode = 219}};
  std::string id;
  for (int i = 0; i < 64; ++i) id += "ab";
  EXPECT_EQ(KdsPath(request),
            "/vcek/v1/Milan/" + id + "?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219");
  EXPECT_EQ(KdsFileName(request), "Milan-vcek-" + id + "-04-00-24-219.der");
  request.product = Product::kTurin;
  request.hardware_id = Bytes(8, 0x1e);
  EXPECT_EQ(KdsPath(request),
            "/vcek/v1/Turin/1e1e1e1e1e1e1e1e?fmcSPL=09&blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219");
  EXPECT_EQ(KdsFileName(request), "Turin-vcek-1e1e1e1e1e1e1e1e-09-04-00-24-219.der");
  EXPECT_EQ(KdsPath({KdsDocument::kVcekChain, Product::kGenoa}), "/vcek/v1/Genoa/cert_chain");
  EXPECT_EQ(KdsPath({KdsDocument::kVlekChain, Product::kMilan}), "/vlek/v1/Milan/cert_chain");
  EXPECT_EQ(KdsPath(kMilanCrl), "/vcek/v1/Milan/crl");
  EXPECT_EQ(KdsPath({KdsDocument::kVlekCrl, Product::kTurin}), "/vlek/v1/Turin/crl");
  EXPECT_EQ(KdsFileName({KdsDocument::kVlekCrl, Product::kTurin}), "Turin-vlek-crl.der");
}

TEST(KdsRequests, ComeFromTheReportedTcbAndTheChipId) {
  const TestChip chip;
  const KdsRequest request = VcekOf(chip);
  EXPECT_EQ(request.hardware_id.size(), 64u);
  EXPECT_EQ(request.tcb.snp, 24);
  const TestChip turin({.product = Product::kTurin});
  EXPECT_EQ(VcekOf(turin, Product::kTurin).hardware_id.size(), 8u);
  // CURRENT is ahead: not what to ask for.
  const Bytes ahead = chip.Report([](tee::sev::Report& r) { r.current_tcb.raw[6] = 99; });
  EXPECT_EQ(VcekRequestOf(tee::sev::ParseReport(ahead).value(), Product::kMilan)->tcb.snp, 24);
  const Bytes masked = chip.Report([](tee::sev::Report& r) { r.chip_id.fill(0); });
  EXPECT_STATUS(VcekRequestOf(tee::sev::ParseReport(masked).value(), Product::kMilan),
                kFailedPrecondition, "masked");
  const Bytes vlek = TestChip({.vlek = true}).Report();
  EXPECT_STATUS(VcekRequestOf(tee::sev::ParseReport(vlek).value(), Product::kMilan),
                kFailedPrecondition, "VCEK");
}

class KdsTest : public ::testing::Test {
 protected:
  std::unique_ptr<KdsClient> Client(bool online = true, bool cached = true) {
    KdsOptions options{.folders = {folder_.path()}};
    if (cached) options.cache_folder = cache_.path();
    if (online) options.url = service_.url();
    return KdsClient::Create(options).value();
  }
  void Publish() {
    service_.Give(KdsPath(VcekOf(chip_)), ToString(chip_.leaf().der()));
    service_.Give("/vcek/v1/Milan/cert_chain", chip_.intermediate().ToPem() + chip_.root().ToPem());
    service_.Give("/vcek/v1/Milan/crl", ToString(chip_.Crl({}).data));
  }
  TestChip chip_;
  Service service_;
  TemporaryDirectory folder_ = TemporaryDirectory::Create("kds").value();
  TemporaryDirectory cache_ = TemporaryDirectory::Create("kds-cache").value();
};

TEST_F(KdsTest, CompletesABareReportSoThatItVerifies) {
  Publish();
  std::vector<std::string> missing;
  const auto complete = Client()->Complete({chip_.Report(), {}}, std::nullopt, kTestNow, &missing);
  EXPECT_TRUE(missing.empty()) << StrJoin(missing, "; ");
  EXPECT_EQ(complete.certificates.size(), 4u);
  tee::sev::SnpTrust trust = chip_.Trust();
  trust.require_crl = true;
  tee::Appraisal appraisal;
  EXPECT_TRUE(tee::sev::VerifySnp(complete, trust, {}, kTestNow, &appraisal)) << appraisal.refusal;
  EXPECT_EQ(service_.asked().size(), 3u);
}

TEST_F(KdsTest, WhatTheEvidenceBringsIsNotFetched) {
  Publish();
  std::vector<std::string> missing;
  Client()->Complete(chip_.Evidence(), std::nullopt, kTestNow, &missing);
  EXPECT_EQ(service_.asked(), std::vector<std::string>{"/vcek/v1/Milan/crl"});
}

TEST_F(KdsTest, WhatIsMissingIsTold) {
  std::vector<std::string> missing;
  const auto same = Client(false)->Complete({chip_.Report(), {}}, std::nullopt, kTestNow, &missing);
  EXPECT_TRUE(same.certificates.empty());
  ASSERT_EQ(missing.size(), 3u);
  EXPECT_NE(missing[2].find("Milan-vcek-crl.der"), std::string::npos);
  missing.clear();
  const Bytes version2 = chip_.Report([](tee::sev::Report& r) { r.version = 2; });
  Client(false)->Complete({version2, {}}, std::nullopt, kTestNow, &missing);
  EXPECT_EQ(missing.size(), 1u);
}

TEST_F(KdsTest, FoldersComeFirst) {
  Publish();
  const Bytes crl = chip_.Crl({{77}}).data;
  ASSERT_OK(WriteFile(folder_.path() + "/Milan-vcek-crl.der", crl));
  EXPECT_EQ(Client()->Fetch(kMilanCrl, kTestNow).value(), crl);
  EXPECT_TRUE(service_.asked().empty());
  ASSERT_OK(WriteFile(folder_.path() + "/Milan-vcek-crl.der", AsBytes("rubbish")));
  EXPECT_STATUS(Client()->Fetch(kMilanCrl, kTestNow), kDataLoss, folder_.path());
}

TEST_F(KdsTest, CrlsAreKeptUntilTheirNextUpdate) {
  Publish();  // the CRL holds until kTestNow + 1000
  EXPECT_OK(Client()->Fetch(kMilanCrl, kTestNow));
  EXPECT_OK(Client(false)->Fetch(kMilanCrl, kTestNow + 999));
  EXPECT_STATUS(Client(false)->Fetch(kMilanCrl, kTestNow + 1000), kNotFound, "not configured");
  EXPECT_OK(Client()->Fetch(kMilanCrl, kTestNow + 1000));
  EXPECT_EQ(service_.asked().size(), 2u);
  EXPECT_OK(Client(true, false)->Fetch(kMilanCrl, kTestNow));
  EXPECT_EQ(service_.asked().size(), 3u);
}

TEST_F(KdsTest, AnswersThatAreNoSuchDocumentAreRefusedAndNotKept) {
  service_.Give("/vcek/v1/Milan/crl", "<html>");
  EXPECT_STATUS(Client()->Fetch(kMilanCrl, kTestNow), kDataLoss, "/vcek/v1/Milan/crl");
  EXPECT_STATUS(Client(false)->Fetch(kMilanCrl, kTestNow), kNotFound, "");
  service_.Give("/vcek/v1/Milan/crl", "", 429);
  EXPECT_STATUS(Client()->Fetch(kMilanCrl, kTestNow), kUnavailable, "429");
  service_.Give("/vcek/v1/Milan/crl", std::string((1 << 20) + 1, 'x'));
  EXPECT_FALSE(Client()->Fetch(kMilanCrl, kTestNow).ok());
  EXPECT_STATUS(Client()->Fetch({KdsDocument::kVlekChain, Product::kGenoa}, kTestNow), kNotFound,
                "there is none");
}

TEST_F(KdsTest, NobodyAnswers) {
  const auto client = KdsClient::Create({.url = "http://127.0.0.1:1", .timeout_ms = 1000}).value();
  EXPECT_STATUS(client->Fetch(kMilanCrl, kTestNow), kUnavailable, "127.0.0.1:1");
}

}  // namespace
}  // namespace nacre::attestation
