// A plain folder stands in for configfs. The kernel's `generation` counts writes to a request; here
// it is a link to inblob, which first says "0", and the report data written into it is chosen to
// read as the next number.

#include "tee/configfs_tsm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/file.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

namespace nacre::tee {
namespace {

using ::testing::HasSubstr;

ReportData DataReading(char generation) {
  ReportData data;
  data.bytes.fill(' ');
  data.bytes[0] = static_cast<uint8_t>(generation);
  return data;
}

Bytes ReportOver(const ReportData& data) {
  sev::Report report;
  report.version = 3;
  report.report_data = data.bytes;
  return SerializeReport(report);
}

struct StandIn {
  std::string provider = "sev_guest\n";
  Bytes outblob{};
  std::optional<Bytes> auxblob = Bytes{1, 2, 3};
  std::string privlevel_floor{};  // none when empty
  std::string privlevel_file{};   // where writes to privlevel go
  std::vector<std::string> folders{};

  absl::Status Fill(const std::string& folder) {
    folders.push_back(folder);
    if (mkdir(folder.c_str(), 0700) != 0) return ErrnoStatus(errno, folder);
    RETURN_IF_ERROR(WriteFile(folder + "/inblob", AsBytes("0\n")));
    if (symlink("inblob", (folder + "/generation").c_str()) != 0) {
      return ErrnoStatus(errno, "symlink");
    }
    RETURN_IF_ERROR(WriteFile(folder + "/provider", AsBytes(provider)));
    RETURN_IF_ERROR(WriteFile(folder + "/outblob", outblob));
    if (auxblob) RETURN_IF_ERROR(WriteFile(folder + "/auxblob", *auxblob));
    if (privlevel_floor.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(WriteFile(folder + "/privlevel_floor", AsBytes(privlevel_floor)));
    if (symlink(privlevel_file.c_str(), (folder + "/privlevel").c_str()) != 0) {
      return ErrnoStatus(errno, "symlink");
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<Evidence> Quote(StandIn& stand_in, const ReportData& data) {
  const auto root = TemporaryDirectory::Create("tsm").value();
  const auto source = ConfigfsTsmSource::Create(root.path(), [&](const std::string& folder) {
                        return stand_in.Fill(folder);
                      }).value();
  return source->Quote(data);
}

TEST(ConfigfsTsm, GivesReportAndTable) {
  const ReportData data = DataReading('1');
  StandIn stand_in{.outblob = ReportOver(data)};
  const auto evidence = Quote(stand_in, data);
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  EXPECT_EQ(evidence->kind, TeeKind::kSnp);
  EXPECT_FALSE(evidence->emulated);
  EXPECT_EQ(evidence->report, stand_in.outblob);
  EXPECT_EQ(evidence->auxiliary, (Bytes{1, 2, 3}));
  EXPECT_EQ(stand_in.folders.size(), 1u);
}

TEST(ConfigfsTsm, AsksForTheLevelTheGuestMayAskFor) {
  const ReportData data = DataReading('1');
  const auto folder = TemporaryDirectory::Create("level").value();
  const std::string written = folder.path() + "/privlevel";
  StandIn top{.outblob = ReportOver(data), .privlevel_floor = "0\n", .privlevel_file = written};
  EXPECT_TRUE(Quote(top, data).ok());
  EXPECT_FALSE(PathExists(written));
  StandIn below{.outblob = ReportOver(data), .privlevel_floor = "2\n", .privlevel_file = written};
  EXPECT_TRUE(Quote(below, data).ok());
  EXPECT_EQ(ReadTextFile(written, 64).value(), "2");
  StandIn refused{.outblob = ReportOver(data),
                  .privlevel_floor = "2\n",
                  .privlevel_file = "/nonexistent/privlevel"};
  EXPECT_FALSE(Quote(refused, data).ok());
}

TEST(ConfigfsTsm, MissingTableIsEmpty) {
  const ReportData data = DataReading('1');
  StandIn stand_in{.outblob = ReportOver(data), .auxblob = std::nullopt};
  EXPECT_TRUE(Quote(stand_in, data).value().auxiliary.empty());
}

TEST(ConfigfsTsm, MovedGenerationIsTriedAgainThenRefused) {
  const ReportData data = DataReading('2');  // as if somebody else had written too
  StandIn stand_in{.outblob = ReportOver(data)};
  EXPECT_EQ(Quote(stand_in, data).status().code(), absl::StatusCode::kAborted);
  ASSERT_EQ(stand_in.folders.size(), 3u);
  EXPECT_NE(stand_in.folders[0], stand_in.folders[1]);
}

TEST(ConfigfsTsm, AnswersThatAreNoEvidenceAreRefused) {
  const ReportData data = DataReading('1');
  StandIn other{.outblob = ReportOver(DataReading('3'))};
  EXPECT_THAT(std::string(Quote(other, data).status().message()), HasSubstr("other report data"));
  StandIn shorter{.outblob = Bytes(100)};
  EXPECT_EQ(Quote(shorter, data).status().code(), absl::StatusCode::kDataLoss);
  StandIn empty;
  EXPECT_EQ(Quote(empty, data).status().code(), absl::StatusCode::kDataLoss);
  StandIn large{.outblob = Bytes(40 * 1024)};
  EXPECT_EQ(Quote(large, data).status().code(), absl::StatusCode::kResourceExhausted);
  StandIn table{.outblob = ReportOver(data), .auxblob = Bytes(sev::kMaxCertificateTable + 1)};
  EXPECT_EQ(Quote(table, data).status().code(), absl::StatusCode::kResourceExhausted);
}

Bytes QuoteOver(const ReportData& data, uint16_t version) {
  ByteWriter quote;
  quote.U16Le(version).Zeros(version == 5 ? 52 : 46).Zeros(520).Put(data.bytes).Zeros(100);
  return quote.Release();
}

TEST(ConfigfsTsm, GivesTdxQuotes) {
  const ReportData data = DataReading('1');
  for (uint16_t version : {4, 5}) {
    StandIn stand_in{
        .provider = "tdx_guest\n", .outblob = QuoteOver(data, version), .auxblob = std::nullopt};
    const auto evidence = Quote(stand_in, data);
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(evidence->kind, TeeKind::kTdx);
    EXPECT_EQ(evidence->report, stand_in.outblob);
    EXPECT_TRUE(evidence->auxiliary.empty());
  }
}

// To the guest itself a quote proves nothing: the host made it.
TEST(ConfigfsTsm, OwnReportsAreThoseOfTheHardware) {
  const ReportData data = DataReading('1');
  const auto own = [&](StandIn stand_in, const std::string& device) {
    const auto root = TemporaryDirectory::Create("tsm").value();
    const auto fill = [&](const std::string& folder) { return stand_in.Fill(folder); };
    return (*ConfigfsTsmSource::Create(root.path(), fill, device))->OwnReport(data);
  };
  const StandIn snp{.outblob = ReportOver(data)};
  EXPECT_EQ(own(snp, "/nonexistent/tdx_guest")->report, snp.outblob);
  const StandIn tdx{.provider = "tdx_guest\n", .outblob = QuoteOver(data, 4)};
  EXPECT_EQ(own(tdx, "/nonexistent/tdx_guest").status().code(), absl::StatusCode::kUnimplemented);
  const auto asked = own(tdx, "/dev/null");  // no such ioctl there
  EXPECT_THAT(std::string(asked.status().message()), HasSubstr("TDX_CMD_GET_REPORT0"));
}

TEST(ConfigfsTsm, TdxAnswersThatAreNoQuoteAreRefused) {
  const ReportData data = DataReading('1');
  const auto status = [&](Bytes outblob) {
    StandIn stand_in{.provider = "tdx_guest\n", .outblob = std::move(outblob)};
    return Quote(stand_in, data).status();
  };
  EXPECT_THAT(std::string(status(QuoteOver(DataReading('3'), 4)).message()),
              HasSubstr("other report data"));
  EXPECT_EQ(status(QuoteOver(data, 3)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status({}).code(), absl::StatusCode::kDataLoss);
  Bytes cut = QuoteOver(data, 5);
  cut.resize(54 + 520 + 63);
  EXPECT_EQ(status(cut).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status(ReportOver(data)).code(), absl::StatusCode::kDataLoss);
}

TEST(ConfigfsTsm, OtherProvidersAreUnimplemented) {
  const ReportData data = DataReading('1');
  StandIn stand_in{.provider = "arm_cca_guest\n", .outblob = ReportOver(data)};
  const auto evidence = Quote(stand_in, data);
  EXPECT_EQ(evidence.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(evidence.status().message()), HasSubstr("arm_cca_guest"));
}

TEST(ConfigfsTsm, AbsentFolders) {
  EXPECT_EQ(ConfigfsTsmSource::Create("/nonexistent/tsm").status().code(),
            absl::StatusCode::kNotFound);
  // A folder that the kernel does not fill.
  const auto root = TemporaryDirectory::Create("tsm").value();
  const auto source = ConfigfsTsmSource::Create(root.path()).value();
  EXPECT_EQ(source->Quote(DataReading('1')).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace nacre::tee
