#include "tee/common/report_data.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/appraisal.h"

namespace nacre::tee {

absl::StatusOr<ReportData> ReportData::FromBytes(ByteView value) {
  if (value.size() > kReportDataSize) {
    return absl::InvalidArgumentError(
        StrCat("report data: ", value.size(), " bytes, at most ", kReportDataSize));
  }
  ReportData out;
  std::copy(value.begin(), value.end(), out.bytes.begin());
  return out;
}

bool CheckReportData(const std::array<uint8_t, kReportDataSize>& got, const ReportData& expected,
                     Appraisal* appraisal) {
  return appraisal->Add(RefusalClass::kReportData, "report data",
                        ConstantTimeEqual(got, expected.bytes), HexEncode(expected.bytes),
                        HexEncode(got), "the evidence was not made for this session");
}

}  // namespace nacre::tee
