#include "tee/evidence_binding.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/sev/report.h"

namespace nacre::tee {
namespace {

constexpr size_t kTdReportDataOffset = 520;  // in a TD's body, of 1.0 and 1.5 alike

absl::StatusOr<ByteView> SnpReportData(ByteView report) {
  const auto parsed = sev::ParseReport(report);
  if (!parsed.ok()) return absl::DataLossError(StrCat(Message(parsed.status())));
  return report.subspan(0x50, kReportDataSize);
}

// Of a version 4 quote, whose body follows the header of 48 bytes, or of a version 5 one, where 6
// bytes that describe the body stand between.
absl::StatusOr<ByteView> TdxReportData(ByteView quote) {
  ByteReader reader(quote);
  const auto version = reader.U16Le("version");
  const size_t body = version.ok() && *version == 4 ? 48 : version.ok() && *version == 5 ? 54 : 0;
  if (body == 0 || quote.size() < body + kTdReportDataOffset + kReportDataSize) {
    return absl::DataLossError("not a TDX quote of version 4 or 5");
  }
  return quote.subspan(body + kTdReportDataOffset, kReportDataSize);
}

}  // namespace

absl::Status CheckBinding(const Evidence& evidence, const ReportData& report_data) {
  ByteView got;
  if (evidence.kind == TeeKind::kSnp) {
    ASSIGN_OR_RETURN(got, SnpReportData(evidence.report));
  } else if (evidence.kind == TeeKind::kTdx) {
    ASSIGN_OR_RETURN(got, TdxReportData(evidence.report));
  } else {
    return absl::DataLossError("neither an SNP report nor a TDX quote");
  }
  if (std::equal(got.begin(), got.end(), report_data.bytes.begin(), report_data.bytes.end())) {
    return absl::OkStatus();
  }
  return absl::DataLossError(StrCat(evidence.kind == TeeKind::kSnp ? "the report" : "the quote",
                                    " is for other report data"));
}

}  // namespace nacre::tee
