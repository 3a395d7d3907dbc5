#include "attestation/verifier/evidence_file.h"

#include <gtest/gtest.h>

#include "attestation/verifier/collateral_files.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/sev/report.h"
#include "tee/sev/test_chip.h"

namespace nacre::attestation {
namespace {

Bytes Snp() {
  tee::sev::Report report;
  report.version = 3;
  report.signature_algorithm = 1;
  return tee::sev::SerializeReport(report);
}

Bytes Quote(uint32_t tee_type) {
  ByteWriter out;
  out.U16Le(4).U16Le(2).U32Le(tee_type).U32Le(0);
  out.Put(Bytes{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f,
                0x06, 0x07});
  return out.Zeros(600).Release();
}

TEST(EvidenceFile, ToldApartByContents) {
  const auto name = [](const Bytes& bytes) {
    const auto format = DetectEvidence(bytes);
    return format.ok() ? std::string(EvidenceFormatName(*format)) : "";
  };
  EXPECT_EQ(name(Snp()), "snp-report");
  Bytes extended = Snp();
  extended.push_back(0);
  EXPECT_EQ(name(extended), "snp-extended-report");
  EXPECT_EQ(name(Quote(0x81)), "tdx-quote");
  EXPECT_EQ(name(Quote(0)), "sgx-quote");
  EXPECT_EQ(name(ToBytes("HCLA....")), "azure-report");
  EXPECT_EQ(name({0xff, 'T', 'C', 'G', 0x80, 0x18}), "tpm-quote");
  Bytes td_report(1024);
  td_report[0] = 0x81;
  EXPECT_EQ(name(td_report), "td-report");
  EXPECT_EQ(name(ToBytes(R"( {"attestation_report":{}})")), "snp-evidence");
  EXPECT_EQ(name(ToBytes(R"({"quote":"AA=="})")), "tdx-evidence");
  EXPECT_EQ(name(ToBytes(R"({"report":[],"vcek":"","quote":{}})")), "azure-snp-evidence");
  EXPECT_EQ(name(ToBytes(R"({"hcl_report":"","td_quote":"","tpm_quote":{}})")),
            "azure-tdx-evidence");
  EXPECT_EQ(name(ToBytes(R"({"tpm_quote":{},"ak_public":""})")), "tpm-evidence");
}

TEST(EvidenceFile, AnythingElseIsRefused) {
  EXPECT_STATUS(DetectEvidence({}).status(), kInvalidArgument, "empty");
  EXPECT_STATUS(DetectEvidence(Bytes(2000)).status(), kInvalidArgument, "begin with 00000000");
  EXPECT_STATUS(DetectEvidence(ToBytes("{")).status(), kInvalidArgument, "evidence");
  EXPECT_STATUS(DetectEvidence(ToBytes("{}")).status(), kInvalidArgument, "members");
  Bytes report = Snp();
  report.pop_back();
  EXPECT_FALSE(DetectEvidence(report).ok());
  report = Snp();
  report[0x34] = 2;  // another signature algorithm
  EXPECT_FALSE(DetectEvidence(report).ok());
  EXPECT_STATUS(DetectEvidence(Bytes(kMaxEvidenceFile + 1)).status(), kResourceExhausted,
                "at most");
}

TEST(CollateralFiles, DerPemAndFolders) {
  const tee::sev::TestChip chip;
  auto folder = TemporaryDirectory::Create("nacre-collateral").value();
  const auto write = [&folder](std::string_view name, const Bytes& data) {
    EXPECT_OK(WriteFile(StrCat(folder.path(), "/", name), data));
    return StrCat(folder.path(), "/", name);
  };
  write("chain.pem", ToBytes("text\n" + chip.intermediate().ToPem() + chip.root().ToPem()));
  write("crl", chip.Crl({Bytes{5}}).data);
  write("leaf", chip.leaf().der());
  write("tcb.json", ToBytes(R"({"tcbInfo":{}})"));
  const std::string other = write("notes", ToBytes("nothing"));
  const std::string broken = write("broken.json", ToBytes("{"));
  CollateralFiles files;
  ASSERT_OK(AddCollateral(folder.path(), &files));
  EXPECT_EQ(files.files, 4u);
  EXPECT_EQ(files.certificates.size(), 3u);
  EXPECT_EQ(files.crls.size(), 1u);
  EXPECT_EQ(files.documents.size(), 1u);
  EXPECT_EQ(AmdAuthorities(files).size(), 3u);
  EXPECT_EQ(AmdLeaves(files).size(), 1u);
  EXPECT_STATUS(AddCollateral(other, &files), kInvalidArgument, "no certificate");
  EXPECT_STATUS(AddCollateral(broken, &files), kInvalidArgument, "no certificate");
  EXPECT_STATUS(AddCollateral(folder.path() + "/none", &files), kNotFound, "none");
  files.files = kMaxCollateralFiles;
  EXPECT_STATUS(AddCollateral(folder.path(), &files), kResourceExhausted, "more than");
}

}  // namespace
}  // namespace nacre::attestation
