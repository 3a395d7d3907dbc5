#include "cli/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/reference/tdx_reference.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "cli/verdict.h"
#include "tee/sev/test_chip.h"

namespace nacre::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A folder with a chip's report, its leaf and intermediate, and the root it is to be trusted by.
class VerifyTest : public ::testing::Test {
 protected:
  static const tee::sev::TestChip& Chip() {
    static const tee::sev::TestChip chip;
    return chip;
  }

  void SetUp() override {
    ASSERT_OK(MakeDirectories(Path("collateral")));
    Write("report", Chip().Report());
    Write("collateral/ask.pem", ToBytes(Chip().intermediate().ToPem()));
    Write("collateral/vcek.der", Chip().leaf().der());
    Write("collateral/README", ToBytes("no certificate"));
    Write("ark.pem", ToBytes(Chip().root().ToPem()));
  }

  std::string Path(std::string_view name) const { return StrCat(folder_.path(), "/", name); }
  void Write(std::string_view name, const Bytes& data) { ASSERT_OK(WriteFile(Path(name), data)); }
  VerifyOptions Options(std::string_view evidence = "report") const {
    VerifyOptions options;
    options.evidence = Path(evidence);
    options.collateral = {Path("collateral")};
    options.trust_roots = {Path("ark.pem")};
    return options;
  }
  static VerifyOutcome Run(const VerifyOptions& options) {
    auto outcome = VerifyFile(options, tee::sev::kTestNow);
    EXPECT_OK(outcome.status());
    return outcome.ok() ? *std::move(outcome) : VerifyOutcome{"", -1};
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("nacre-verify").value();
};

TEST_F(VerifyTest, GenuineReport) {
  const VerifyOutcome out = Run(Options());
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_THAT(out.text, HasSubstr("AMD SEV-SNP attestation report, 1184 bytes\n"));
  EXPECT_THAT(out.text, HasSubstr("judged at 2027-01-15T08:00:00Z; root emulated ARK-Milan\n"));
  EXPECT_THAT(out.text, HasSubstr("  ok    report signature          valid\n"));
  EXPECT_THAT(out.text, HasSubstr("  bootloader  tee  snp  microcode\n"));
  EXPECT_THAT(out.text, HasSubstr("proves nothing about hardware"));
  EXPECT_TRUE(out.text.ends_with("\nverified\n"));
  EXPECT_THAT(out.text, Not(HasSubstr("\x1b")));
  for (std::string_view line : StrSplit(out.text, '\n')) EXPECT_LE(line.size(), 100u) << line;
}

TEST_F(VerifyTest, ColourOnlyWhenAskedFor) {
  VerifyOptions options = Options();
  options.color = true;
  EXPECT_THAT(Run(options).text, HasSubstr("\x1b[32mverified\x1b[0m"));
}

TEST_F(VerifyTest, UntrustedRootIsRefused) {
  VerifyOptions options = Options();
  options.trust_roots.clear();
  const VerifyOutcome out = Run(options);
  EXPECT_EQ(out.exit_code, kExitRefused);
  EXPECT_THAT(out.text, HasSubstr("\nrefused: certificate chain refused: "));
}

TEST_F(VerifyTest, EachDemandCanRefuse) {
  VerifyOptions options = Options();
  options.report_data = "0102";
  EXPECT_THAT(Run(options).text, HasSubstr("(REPORT_DATA)"));
  options = Options();
  options.at = "2031-01-01";
  EXPECT_EQ(Run(options).exit_code, kExitRefused);
  Write("debug", Chip().Report([](tee::sev::Report& report) {
    report.policy.value |= uint64_t{1} << 19;
    report.report_data[0] = 7;
  }));
  EXPECT_EQ(Run(Options("debug")).exit_code, kExitRefused);
  options = Options("debug");
  options.allow_debug = true;
  options.report_data = "07";
  EXPECT_EQ(Run(options).exit_code, 0);
}

// A reference of another kind of guest matches nothing, and is not passed over.
TEST_F(VerifyTest, TdxReferenceRefusesAnSnpReport) {
  attestation::TdxReferenceValue reference;
  reference.firmware_sha256 = Bytes(32);
  reference.mrtd = Bytes(48);
  Write("tdx.json", ToBytes(attestation::SerializeTdxReference(reference).value()));
  VerifyOptions options = Options();
  options.references = {Path("tdx.json")};
  EXPECT_THAT(Run(options).text, HasSubstr("(MEASUREMENT)"));
}

TEST_F(VerifyTest, ExtendedReportBringsItsLeaf) {
  const auto evidence = Chip().Evidence();
  Bytes file = evidence.report;
  const Bytes table = tee::sev::BuildCertificateTable(evidence.certificates).value();
  file.insert(file.end(), table.begin(), table.end());
  Write("extended", file);
  VerifyOptions options = Options("extended");
  options.collateral.clear();
  const VerifyOutcome out = Run(options);
  EXPECT_EQ(out.exit_code, 0) << out.text;
  EXPECT_THAT(out.text, HasSubstr("with certificates"));
}

TEST_F(VerifyTest, TheLeafOfTheChipIsChosenAmongMany) {
  tee::sev::TestChipOptions other;
  other.tcb.snp = 23;
  Write("collateral/a-first.der", tee::sev::TestChip(other).leaf().der());
  EXPECT_EQ(Run(Options()).exit_code, 0);
}

TEST_F(VerifyTest, JsonIsTheStableSchema) {
  VerifyOptions options = Options();
  options.json = true;
  const VerifyOutcome out = Run(options);
  ASSERT_OK_AND_ASSIGN(const Json document, ParseJson(out.text));
  EXPECT_OK(JsonOnlyMembers(document,
                            {"schema", "format", "size", "time", "verdict", "refusal", "tee",
                             "emulated", "root", "reference", "checks", "claims"},
                            "verify"));
  EXPECT_EQ(document["schema"], "nacre.verify/1");
  EXPECT_EQ(document["format"], "snp-report");
  EXPECT_EQ(document["verdict"], "verified");
  EXPECT_TRUE(document["refusal"].is_null() && document["reference"].is_null());
  EXPECT_EQ(document["emulated"], true);
  EXPECT_EQ(document["claims"]["product"], "Milan");
  EXPECT_TRUE(document["checks"][0]["passed"].get<bool>());
  options.report_data = "01";
  ASSERT_OK_AND_ASSIGN(const Json refused, ParseJson(Run(options).text));
  EXPECT_EQ(refused["verdict"], "refused");
  EXPECT_EQ(refused["refusal"]["class"], "REPORT_DATA");
  EXPECT_EQ(refused["refusal"]["check"], "report data");
}

TEST_F(VerifyTest, UnreadableIsItsOwnOutcome) {
  Write("text", ToBytes("hello"));
  EXPECT_STATUS(VerifyFile(Options("text"), 0).status(), kInvalidArgument, "begin with 68656c6c6f");
  VerifyOptions options = Options("text");
  options.json = true;
  const VerifyOutcome out = Run(options);
  EXPECT_EQ(out.exit_code, kExitUnreadable);
  ASSERT_OK_AND_ASSIGN(const Json document, ParseJson(out.text));
  EXPECT_EQ(document["verdict"], "unreadable");
  EXPECT_EQ(document["refusal"]["class"], "FORMAT");
  EXPECT_STATUS(VerifyFile(Options("missing"), 0).status(), kNotFound, "missing");
  Write("empty", {});
  EXPECT_STATUS(VerifyFile(Options("empty"), 0).status(), kInvalidArgument, "empty");
}

TEST_F(VerifyTest, WrongOptionsAreNamed) {
  const auto with = [this](auto change) {
    VerifyOptions options = Options();
    change(&options);
    return VerifyFile(options, 0).status();
  };
  EXPECT_STATUS(with([](VerifyOptions* o) { o->at = "yesterday"; }), kInvalidArgument, "--at");
  EXPECT_STATUS(with([](VerifyOptions* o) { o->report_data = "0g"; }), kInvalidArgument,
                "--report-data");
  EXPECT_STATUS(with([](VerifyOptions* o) { o->report_data = std::string(130, '0'); }),
                kInvalidArgument, "--report-data");
  EXPECT_STATUS(with([](VerifyOptions* o) { o->accept_tcb = {"Fine"}; }), kInvalidArgument,
                "--accept-tcb");
  EXPECT_STATUS(with([this](VerifyOptions* o) { o->trust_roots = {Path("report")}; }),
                kInvalidArgument, "--trust-root");
  EXPECT_STATUS(with([this](VerifyOptions* o) { o->collateral = {Path("none")}; }), kNotFound,
                "none");
  EXPECT_STATUS(with([this](VerifyOptions* o) { o->references = {Path("report")}; }),
                kInvalidArgument, "report");
}

TEST(VerifyTime, FormsAndNothingElse) {
  EXPECT_EQ(ParseTimeOption("2026-03-16T22:06:09Z").value(), 1773698769);
  EXPECT_EQ(ParseTimeOption("2026-03-16").value(), 1773619200);
  EXPECT_EQ(ParseTimeOption("1773619200").value(), 1773619200);
  for (const char* bad : {"", "-1", "2026-3", "2026-03-16T22:06:09", "now"}) {
    EXPECT_FALSE(ParseTimeOption(bad).ok()) << bad;
  }
}

// Every kind of line there is, byte for byte.
TEST(VerdictText, Golden) {
  attestation::EvidenceVerdict verdict;
  verdict.format = attestation::EvidenceFormat::kTdxQuote;
  verdict.size = 5006;
  tee::Appraisal& appraisal = verdict.appraisal;
  appraisal.tee = tee::TeeKind::kTdx;
  appraisal.root = "Intel SGX Root CA";
  appraisal.Add("quote format", true, "version 4 or 5", "version 4");
  appraisal.Add(tee::RefusalClass::kTcbStatus, "TCB status", false, "UpToDate", "OutOf\x1b[2JDate",
                "the platform is out of date");
  appraisal.claims = {{"rtmr10", std::string(96, 'a')}, {"rtmr2", std::string(96, 'b')},
                      {"tcb.status", "OutOfDate"},      {"launch_tcb.snp", "24"},
                      {"launch_tcb.bootloader", "4"},   {"td_attributes", "0x10000000"}};
  EXPECT_EQ(VerdictText(verdict, 0, false), R"(Intel TDX quote, 5006 bytes
judged at 1970-01-01T00:00:00Z; root Intel SGX Root CA

checks
  ok    quote format              version 4
  FAIL  TCB status
            expected                UpToDate
            got                     OutOf?[2JDate

TCB
  status                    OutOfDate

TCB                 bootloader  snp
  launch                     4   24

measurements and identities
  rtmr2                     bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
                            bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  rtmr10                    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
                            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

claims
  td attributes             0x10000000

refused: TCB status refused: the platform is out of date (TCB_STATUS)
)");
}

TEST(VerdictJson, Golden) {
  attestation::EvidenceVerdict verdict;
  verdict.size = 1184;
  verdict.appraisal.Add("report format", true, "version 2, 3 or 5", "version 3");
  verdict.appraisal.claims = {{"vmpl", "0"}};
  EXPECT_EQ(VerdictJson(verdict, 86400).value(), R"({
  "checks": [
    {
      "expected": "version 2, 3 or 5",
      "got": "version 3",
      "name": "report format",
      "passed": true
    }
  ],
  "claims": {
    "vmpl": "0"
  },
  "emulated": false,
  "format": "snp-report",
  "reference": null,
  "refusal": null,
  "root": null,
  "schema": "nacre.verify/1",
  "size": 1184,
  "tee": "snp",
  "time": "1970-01-02T00:00:00Z",
  "verdict": "verified"
}
)");
}

}  // namespace
}  // namespace nacre::cli
