#include "tee/tdx/td_report.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kTcbInfo = 256;  // TEE_TCB_INFO
constexpr size_t kTcbInfoSize = 239;
constexpr size_t kTdInfo = 512;
constexpr size_t kTdInfoSize = 512;
constexpr uint8_t kTypeTdx = 0x81;

// One field at its offset, read into or written from the structure.
struct Reader {
  ByteView bytes;
  template <size_t N>
  void operator()(size_t offset, std::array<uint8_t, N>& field) const {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), N, field.begin());
  }
  void operator()(size_t offset, uint64_t& field) const {
    field = ByteReader(bytes.subspan(offset, 8)).U64Le("field").value_or(0);
  }
};
struct Writer {
  Bytes& bytes;
  template <size_t N>
  void operator()(size_t offset, const std::array<uint8_t, N>& field) const {
    std::copy(field.begin(), field.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void operator()(size_t offset, uint64_t field) const {
    const Bytes value = ByteWriter().U64Le(field).Release();
    std::copy(value.begin(), value.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  }
};

template <typename Fields, typename Report>
void Visit(const Fields& at, Report& report) {
  at(0, report.report_type);
  at(16, report.cpu_svn);
  at(32, report.tee_tcb_info_hash);
  at(80, report.tee_info_hash);
  at(128, report.td.report_data);
  at(224, report.mac);
  at(kTcbInfo, report.tee_tcb_info_valid);
  at(kTcbInfo + 8, report.td.tee_tcb_svn);
  at(kTcbInfo + 24, report.td.mrseam);
  at(kTcbInfo + 72, report.td.mrsignerseam);
  at(kTcbInfo + 120, report.td.seamattributes);
  at(kTcbInfo + 128, report.td.td15->tee_tcb_svn_2);
  at(kTdInfo, report.td.td_attributes);
  at(kTdInfo + 8, report.td.xfam);
  at(kTdInfo + 16, report.td.mrtd);
  at(kTdInfo + 64, report.td.mrconfigid);
  at(kTdInfo + 112, report.td.mrowner);
  at(kTdInfo + 160, report.td.mrownerconfig);
  for (size_t i = 0; i < report.td.rtmr.size(); ++i) {
    at(kTdInfo + 208 + i * 48, report.td.rtmr[i]);
  }
  at(kTdInfo + 400, report.td.td15->mrservicetd);
}

bool HashIs(ByteView part, const Digest384& expected) {
  return std::ranges::equal(crypto::Digest(crypto::HashAlgorithm::kSha384, part), expected);
}

}  // namespace

absl::StatusOr<TdReport> ParseTdReport(ByteView bytes) {
  if (bytes.size() != kTdReportSize) {
    return RefusedError(RefusalClass::kFormat,
                        StrCat("TDREPORT of ", bytes.size(), " bytes, not ", kTdReportSize));
  }
  if (bytes[0] != kTypeTdx) {
    return RefusedError(RefusalClass::kTypeMismatch,
                        StrCat("report type ", static_cast<int>(bytes[0]), ", not 129 (TDX)"));
  }
  TdReport report;
  report.td.td15 = TdBody::Td15{};
  report.raw = ToBytes(bytes);
  Visit(Reader{bytes}, report);
  return report;
}

Bytes SerializeTdReport(const TdReport& report) {
  Bytes out = report.raw;
  out.resize(kTdReportSize);
  TdReport whole = report;
  if (!whole.td.td15) whole.td.td15 = TdBody::Td15{};
  Visit(Writer{out}, std::as_const(whole));
  return out;
}

absl::Status CheckTdReportHashes(const TdReport& report) {
  const Bytes bytes = SerializeTdReport(report);
  const ByteView view(bytes);
  if (!HashIs(view.subspan(kTcbInfo, kTcbInfoSize), report.tee_tcb_info_hash)) {
    return absl::InvalidArgumentError("TDREPORT: TEE_TCB_INFO does not have the hash stated");
  }
  if (!HashIs(view.subspan(kTdInfo, kTdInfoSize), report.tee_info_hash)) {
    return absl::InvalidArgumentError("TDREPORT: TDINFO does not have the hash stated");
  }
  return absl::OkStatus();
}

}  // namespace nacre::tee::tdx
