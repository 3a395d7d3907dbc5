#include "attestation/harness/emulated_guest.h"

#include "attestation/reference/reference_value.h"
#include "attestation/reference/tdx_reference.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/common/initdata.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/certificates.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation::harness {
namespace {

// A launch that any machine can compute: the emulator's stand-in firmware and small files.
absl::StatusOr<tee::Measurement> MeasureOwnLaunch() {
  ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::Create("nacre-harness"));
  tee::LaunchInputs launch;
  launch.firmware_path = folder.path() + "/firmware";
  launch.kernel_path = folder.path() + "/kernel";
  launch.command_line = "nacre-harness";
  RETURN_IF_ERROR(WriteFile(launch.firmware_path, tee::emulator::BuildStandInFirmware()));
  RETURN_IF_ERROR(WriteFile(launch.kernel_path, AsBytes("the kernel of the attestation harness")));
  return tee::sev::MeasureLaunch(launch);
}

// Registers of a trust domain that started with three events of the harness's own.
constexpr std::string_view kTdxStart[] = {"harness firmware", "harness kernel", "harness initrd"};

tee::tdx::Digest384 Digest(ByteView bytes) {
  const Bytes digest = crypto::Digest(crypto::HashAlgorithm::kSha384, bytes);
  tee::tdx::Digest384 out{};
  std::copy(digest.begin(), digest.end(), out.begin());
  return out;
}

tee::tdx::Digest384 Extended(ByteView event_digest) {
  Bytes bytes(48);
  bytes.insert(bytes.end(), event_digest.begin(), event_digest.end());
  return Digest(bytes);
}

tee::tdx::TdBody OwnTd() {
  tee::tdx::TdBody td = tee::emulator::EmulatedTd();
  td.mrtd = Digest(AsBytes("nacre-harness"));
  for (size_t i = 0; i < std::size(kTdxStart); ++i) {
    td.rtmr[i] = Extended(Digest(AsBytes(kTdxStart[i])));
  }
  return td;
}

Bytes ToVector(const tee::tdx::Digest384& digest) { return Bytes(digest.begin(), digest.end()); }

std::optional<InitData> InitDataOf(const EmulatedOptions& options) {
  if (!options.initdata) return std::nullopt;
  return InitData{"toml", *options.initdata};
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmulatedSnp>> EmulatedSnp::Create(const EmulatedOptions& options) {
  ASSIGN_OR_RETURN(tee::emulator::Identity identity, tee::emulator::LoadIdentity(options.folder));
  ASSIGN_OR_RETURN(tee::Measurement measurement,
                   options.launch ? tee::sev::MeasureLaunch(*options.launch) : MeasureOwnLaunch());
  std::array<uint8_t, 32> host_data{};
  if (options.launch) host_data = options.launch->host_data;
  if (options.initdata) {
    ASSIGN_OR_RETURN(const Bytes digest, tee::InitdataDigest(*options.initdata), "initdata");
    host_data = tee::InitdataHostData(digest);
  }
  ASSIGN_OR_RETURN(
      tee::emulator::Platform platform,
      tee::emulator::Platform::Create(std::move(identity), measurement.digest, host_data,
                                      {.folder = options.folder, .now = options.now}));
  return std::unique_ptr<EmulatedSnp>(
      new EmulatedSnp(options, std::move(measurement), std::move(platform)));
}

absl::StatusOr<Json> EmulatedSnp::Evidence(const tee::ReportData& report_data) {
  ASSIGN_OR_RETURN(tee::sev::SnpEvidence evidence, Sign(report_data));
  return SnpEvidenceToJson({.evidence = std::move(evidence), .hint = std::nullopt});
}

std::optional<InitData> EmulatedSnp::init_data() const { return InitDataOf(options_); }

absl::StatusOr<tee::sev::SnpEvidence> EmulatedSnp::Sign(const tee::ReportData& report_data,
                                                        const Change& change) const {
  tee::Evidence evidence;
  evidence.auxiliary = platform_.certificate_table();
  ASSIGN_OR_RETURN(evidence.report, platform_.SignReport(report_data));
  if (change) {
    ASSIGN_OR_RETURN(tee::sev::Report report, tee::sev::ParseReport(evidence.report));
    change(report);
    const Bytes bytes = tee::sev::SerializeReport(report);
    ASSIGN_OR_RETURN(const Bytes signature,
                     identity().leaf_key.SignEcdsa(crypto::HashAlgorithm::kSha384,
                                                   ByteView(bytes).first(tee::sev::kSignedSize)));
    RETURN_IF_ERROR(tee::sev::SetReportSignature(signature, &report));
    evidence.report = tee::sev::SerializeReport(report);
  }
  return tee::sev::SnpEvidenceFrom(evidence);
}

absl::StatusOr<std::string> EmulatedSnp::Reference(std::string_view name, int64_t now) const {
  ReferenceValue reference;
  reference.name = std::string(name);
  reference.measurement = measurement_;
  reference.created = now;
  return SerializeReferenceValue(reference);
}

absl::StatusOr<std::unique_ptr<EmulatedTdx>> EmulatedTdx::Create(const EmulatedOptions& options) {
  if (!PathExists(options.folder + "/tdx-attestation.key")) {
    ASSIGN_OR_RETURN(const auto made, tee::emulator::MakeTdxIdentity({.now = options.now}));
    RETURN_IF_ERROR(tee::emulator::SaveTdxIdentity(options.folder, made));
  }
  ASSIGN_OR_RETURN(tee::emulator::TdxIdentity identity,
                   tee::emulator::LoadTdxIdentity(options.folder));
  tee::emulator::TdxPlatformOptions platform_options;
  platform_options.td = OwnTd();
  if (options.initdata) {
    ASSIGN_OR_RETURN(const Bytes digest, tee::InitdataDigest(*options.initdata), "initdata");
    platform_options.td.mrconfigid = tee::InitdataMrConfigId(digest);
  }
  ASSIGN_OR_RETURN(auto platform, tee::emulator::TdxPlatform::Create(std::move(identity),
                                                                     std::move(platform_options)));
  return std::unique_ptr<EmulatedTdx>(new EmulatedTdx(options, std::move(platform)));
}

absl::StatusOr<Json> EmulatedTdx::Evidence(const tee::ReportData& report_data) {
  TdxEvidenceMessage message;
  ASSIGN_OR_RETURN(message.quote, platform_.Quote(report_data));
  return TdxEvidenceToJson(message);
}

std::optional<InitData> EmulatedTdx::init_data() const { return InitDataOf(options_); }

absl::StatusOr<std::string> EmulatedTdx::Reference(std::string_view name, int64_t now) const {
  const tee::tdx::TdBody td = OwnTd();
  TdxReferenceValue reference;
  reference.name = std::string(name);
  reference.firmware_sha256 = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes("harness"));
  reference.rtmr_profile = tee::tdx::FormatRtmrProfile({});
  reference.mrtd = ToVector(td.mrtd);
  reference.created = now;
  for (size_t i = 0; i < std::size(kTdxStart); ++i) {
    reference.rtmr[i] = ToVector(td.rtmr[i]);
    reference.events.push_back({.index = static_cast<int>(i),
                                .name = std::string(kTdxStart[i]),
                                .digest = ToVector(Digest(AsBytes(kTdxStart[i])))});
  }
  return SerializeTdxReference(reference);
}

}  // namespace nacre::attestation::harness
