#include "tee/common/report_data.h"

#include <algorithm>

#include "base/strings.h"

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

}  // namespace nacre::tee
