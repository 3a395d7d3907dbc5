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

constexpr int64_t kDay = 24 * 3600;

// A guest without debugging or migration, on a platform with SMT and ECC.
sev::Report BlankReport(const Identity& identity, ByteView measurement,
                        const std::array<uint8_t, 32>& host_data, const PlatformOptions& options) {
  sev::Report report;
  report.version = options.report_version;
  report.policy.value = 0x30000;
  report.signature_algorithm = 1;
  report.platform_info = 0x25;
  report.key_info = identity.endorsement == Endorsement::kVlek ? 1u << 2 : 0;
  for (auto* tcb :
       {&report.current_tcb, &report.reported_tcb, &report.committed_tcb, &report.launch_tcb}) {
    *tcb = identity.tcb;
  }
  std::copy(measurement.begin(), measurement.end(), report.measurement.begin());
  report.host_data = host_data;
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
  if (options.report_version >= 5) report.launch_mitigations = report.current_mitigations = 0xb;
  return report;
}

// One SNP firmware level less.
sev::TcbVersion Older(const Identity& identity) {
  sev::TcbComponents tcb = identity.tcb.Components(identity.product);
  tcb.snp = static_cast<uint8_t>(tcb.snp - 1);
  return sev::TcbVersion::FromComponents(identity.product, tcb);
}

void SpoilReport(const std::set<SnpFault>& faults, const Identity& identity, sev::Report* report) {
  if (faults.contains(SnpFault::kDebugPolicy)) report->policy.value |= 1u << 19;
  if (faults.contains(SnpFault::kSwappedChip)) report->chip_id[0] ^= 0xff;
  if (!faults.contains(SnpFault::kStaleTcb) && !faults.contains(SnpFault::kMismatchedTcb)) return;
  report->reported_tcb = report->committed_tcb = report->launch_tcb = Older(identity);
}

}  // namespace

absl::StatusOr<Platform> Platform::Create(Identity identity, const LaunchInputs& inputs,
                                          const PlatformOptions& options) {
  if (inputs.mode != LaunchMode::kSnp) {
    return absl::InvalidArgumentError(
        StrCat("launch mode is ", LaunchModeName(inputs.mode), "; only snp guests have reports"));
  }
  ASSIGN_OR_RETURN(const Measurement measurement, sev::MeasureLaunch(inputs));
  return Create(std::move(identity), measurement.digest, inputs.host_data, options);
}

absl::StatusOr<Platform> Platform::Create(Identity identity, ByteView measurement,
                                          const std::array<uint8_t, 32>& host_data,
                                          const PlatformOptions& options) {
  if (options.report_version != 3 && options.report_version != 5) {
    return absl::InvalidArgumentError(
        StrCat("reports of version ", options.report_version, " are not emulated; 3 and 5 are"));
  }
  if (measurement.size() != sev::kMeasurementSize) {
    return absl::InvalidArgumentError(
        StrCat("a measurement of ", measurement.size(), " bytes, not ", sev::kMeasurementSize));
  }
  sev::Report blank = BlankReport(identity, measurement, host_data, options);
  SpoilReport(options.faults, identity, &blank);
  Platform platform(std::move(identity), blank, options);
  RETURN_IF_ERROR(platform.Recertify());
  auto entries = IdentityCertificates(platform.identity_);
  if (platform.Has(SnpFault::kRevokedChain) || platform.Has(SnpFault::kExpiredCollateral)) {
    ASSIGN_OR_RETURN(Bytes crl, platform.MakeCrl());
    entries.push_back({sev::CertificateKind::kCrl, std::move(crl)});
  }
  ASSIGN_OR_RETURN(platform.table_, sev::BuildCertificateTable(entries));
  return platform;
}

// The leaf as the faults want it.
absl::Status Platform::Recertify() {
  if (!Has(SnpFault::kStaleTcb) && !Has(SnpFault::kExpiredLeaf)) return absl::OkStatus();
  LeafTerms terms{identity_.tcb, identity_.leaf.not_before(), identity_.leaf.not_after()};
  if (Has(SnpFault::kStaleTcb)) terms.tcb = Older(identity_);
  if (Has(SnpFault::kExpiredLeaf)) {
    terms.not_after = options_.now - 1;
    terms.not_before = std::min(terms.not_before, options_.now - kDay);
  }
  ASSIGN_OR_RETURN(identity_.leaf, CertifyLeaf(options_.folder, identity_, terms));
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Platform::MakeCrl() const {
  crypto::CrlRequest request{options_.now - kDay, options_.now + 30 * kDay, {}};
  if (Has(SnpFault::kExpiredCollateral)) request.next_update = options_.now - 1;
  if (Has(SnpFault::kRevokedChain)) {
    request.revoked_serials.push_back(identity_.intermediate.serial());
  }
  return MakeArkCrl(options_.folder, identity_, request);
}

absl::StatusOr<std::vector<sev::CertificateEntry>> Platform::MakeCollateral() const {
  auto entries = IdentityCertificates(identity_);
  entries.erase(entries.begin());
  ASSIGN_OR_RETURN(Bytes crl, MakeCrl());
  entries.push_back({sev::CertificateKind::kCrl, std::move(crl)});
  return entries;
}

absl::StatusOr<Bytes> Platform::SignReport(const ReportData& report_data) const {
  sev::Report report = blank_;
  report.report_data = report_data.bytes;
  if (Has(SnpFault::kWrongNonce)) report.report_data.back() ^= 1;
  const Bytes unsigned_report = sev::SerializeReport(report);
  ASSIGN_OR_RETURN(Bytes signature,
                   identity_.leaf_key.SignEcdsa(crypto::HashAlgorithm::kSha384,
                                                ByteView(unsigned_report).first(sev::kSignedSize)));
  if (Has(SnpFault::kBadSignature)) signature.back() ^= 1;
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
