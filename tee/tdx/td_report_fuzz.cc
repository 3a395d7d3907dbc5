// TDREPORTs as a guest or an Azure HCL report brings them: exact round trip.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/tdx/td_report.h"

namespace nacre::tee::tdx {
namespace {

void Try(ByteView data) {
  const auto report = ParseTdReport(data);
  if (!report.ok()) return;
  if (SerializeTdReport(*report) != ToBytes(data)) std::abort();
  (void)CheckTdReportHashes(*report);
}

std::vector<std::string> Seeds() {
  TdReport report;
  report.report_type[0] = 0x81;
  report.td.mrtd.fill(7);
  std::string counted;
  for (size_t i = 0; i < kTdReportSize; ++i) counted += static_cast<char>(i == 0 ? 0x81 : i);
  return {ToString(SerializeTdReport(report)), counted};
}

NACRE_FUZZ_TARGET(TdReport, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tdx
