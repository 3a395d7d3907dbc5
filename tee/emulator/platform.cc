#include "tee/emulator/platform.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/random.h"
#include "tee/sev/launch_digest.h"

namespace nacre::tee::emulator {
namespace {

struct CpuModel {
  uint8_t family;
  uint8_t model;
  uint8_t stepping;
};

CpuModel ModelOf(sev::Product product) {
  switch (product) {
    case sev::Product::kMilan:
      return {0x19, 0x01, 1};
    case sev::Product::kGenoa:
      return {0x19, 0x11, 1};
    case sev::Product::kTurin:
      return {0x1a, 0x02, 1};
  }
  return {};
}

// A guest without debugging or migration, on a platform with SMT and ECC, whose key is the VCEK.
sev::Report BlankReport(const Identity& identity, const LaunchInputs& inputs,
                        const Bytes& measurement) {
  sev::Report report;
  report.version = 3;
  report.policy.value = 0x30000;
  report.signature_algorithm = 1;
  report.platform_info = 0x25;
  for (auto* tcb :
       {&report.current_tcb, &report.reported_tcb, &report.committed_tcb, &report.launch_tcb}) {
    *tcb = identity.tcb;
  }
  std::copy(measurement.begin(), measurement.end(), report.measurement.begin());
  report.host_data = inputs.host_data;
  const Bytes id = crypto::RandomBytes(report.report_id.size());
  std::copy(id.begin(), id.end(), report.report_id.begin());
  report.report_id_ma.fill(0xff);
  const CpuModel cpu = ModelOf(identity.product);
  report.cpuid_family = cpu.family;
  report.cpuid_model = cpu.model;
  report.cpuid_stepping = cpu.stepping;
  report.chip_id = identity.chip_id;
  report.current_firmware = {.build = 29, .minor = 55, .major = 1};
  report.committed_firmware = report.current_firmware;
  return report;
}

}  // namespace

absl::StatusOr<Platform> Platform::Create(Identity identity, const LaunchInputs& inputs) {
  if (inputs.mode != LaunchMode::kSnp) {
    return absl::InvalidArgumentError(
        StrCat("launch mode is ", LaunchModeName(inputs.mode), "; only snp guests have reports"));
  }
  ASSIGN_OR_RETURN(const Measurement measurement, sev::MeasureLaunch(inputs));
  ASSIGN_OR_RETURN(Bytes table, IdentityTable(identity));
  sev::Report blank = BlankReport(identity, inputs, measurement.digest);
  return Platform(std::move(identity), blank, std::move(table));
}

absl::StatusOr<Bytes> Platform::SignReport(const ReportData& report_data) const {
  sev::Report report = blank_;
  report.report_data = report_data.bytes;
  const Bytes unsigned_report = sev::SerializeReport(report);
  ASSIGN_OR_RETURN(const Bytes signature,
                   identity_.vcek_key.SignEcdsa(crypto::HashAlgorithm::kSha384,
                                                ByteView(unsigned_report).first(sev::kSignedSize)));
  RETURN_IF_ERROR(sev::SetReportSignature(signature, &report));
  return sev::SerializeReport(report);
}

Frame Platform::Answer(const Frame& request) const {
  const auto fail = [&request](std::string_view why) {
    return Frame{FrameType::kError, request.id, ToBytes(why)};
  };
  if (request.type != FrameType::kQuoteRequest) return fail("not a quote request");
  if (request.payload.size() != kReportDataSize) return fail("report data is not 64 bytes");
  const auto report_data = ReportData::FromBytes(request.payload);
  if (!report_data.ok()) return fail(Message(report_data.status()));
  auto report = SignReport(*report_data);
  if (!report.ok()) return fail(Message(report.status()));
  Bytes payload = *std::move(report);
  payload.insert(payload.end(), table_.begin(), table_.end());
  return Frame{FrameType::kQuoteReply, request.id, std::move(payload)};
}

}  // namespace nacre::tee::emulator
