#include "tee/emulator/one_shot.h"

#include "base/file.h"
#include "base/strings.h"
#include "tee/emulator/platform.h"
#include "tee/emulator/tdx_platform.h"

namespace nacre::tee::emulator {
namespace {

absl::StatusOr<Platform> SnpPlatform(const OneShotOptions& options) {
  PlatformOptions platform{.folder = options.folder, .now = options.now};
  if (options.version != 0) platform.report_version = static_cast<uint32_t>(options.version);
  ASSIGN_OR_RETURN(platform.faults, ParseSnpFaults(options.faults));
  if (options.endorsement == Endorsement::kVlek) {
    RETURN_IF_ERROR(AddVlek(options.folder, options.now));
  }
  ASSIGN_OR_RETURN(Identity identity, LoadIdentity(options.folder, options.endorsement));
  if (options.launch) return Platform::Create(std::move(identity), *options.launch, platform);
  return Platform::Create(std::move(identity), Bytes(sev::kMeasurementSize), {}, platform);
}

absl::StatusOr<OneShot> SnpOneShot(const OneShotOptions& options) {
  ASSIGN_OR_RETURN(const Platform platform, SnpPlatform(options));
  OneShot out;
  ASSIGN_OR_RETURN(out.evidence, platform.SignReport(options.report_data));
  const Bytes& table = platform.certificate_table();
  out.evidence.insert(out.evidence.end(), table.begin(), table.end());
  ASSIGN_OR_RETURN(const auto entries, platform.MakeCollateral());
  const Identity& identity = platform.identity();
  out.collateral["root.pem"] = ToBytes(identity.ark.ToPem());
  out.collateral["intermediate.pem"] = ToBytes(identity.intermediate.ToPem());
  for (const sev::CertificateEntry& entry : entries) {
    if (entry.kind == sev::CertificateKind::kCrl) out.collateral["crl.der"] = entry.data;
  }
  return out;
}

absl::StatusOr<TdxIdentity> LoadOrMakeTdxIdentity(const std::string& folder, int64_t now) {
  if (PathExists(folder + "/tdx-attestation.key")) return LoadTdxIdentity(folder);
  ASSIGN_OR_RETURN(TdxIdentity identity, MakeTdxIdentity({.now = now}));
  RETURN_IF_ERROR(SaveTdxIdentity(folder, identity));
  return identity;
}

absl::StatusOr<OneShot> TdxOneShot(const OneShotOptions& options) {
  if (options.launch) {
    return absl::InvalidArgumentError("a launch document is for SNP; TDX measures nothing here");
  }
  TdxPlatformOptions platform_options;
  platform_options.td = EmulatedTd();
  if (options.version != 0) {
    platform_options.quote_version = static_cast<uint16_t>(options.version);
  }
  for (std::string_view name : FaultNames(options.faults)) {
    ASSIGN_OR_RETURN(const TdxFault fault, ParseTdxFault(name));
    platform_options.faults.insert(fault);
  }
  ASSIGN_OR_RETURN(TdxIdentity identity, LoadOrMakeTdxIdentity(options.folder, options.now));
  ASSIGN_OR_RETURN(const TdxPlatform platform,
                   TdxPlatform::Create(std::move(identity), std::move(platform_options)));
  OneShot out;
  ASSIGN_OR_RETURN(out.evidence, platform.Quote(options.report_data));
  ASSIGN_OR_RETURN(const tdx::Collateral collateral, platform.MakeCollateral(options.now));
  out.collateral["root.pem"] = ToBytes(platform.identity().root.certificate.ToPem());
  out.collateral["tcb_info.json"] = ToBytes(collateral.tcb_info);
  out.collateral["qe_identity.json"] = ToBytes(collateral.qe_identity);
  out.collateral["signing.pem"] = ToBytes(collateral.signing_certificates);
  for (size_t i = 0; i < collateral.crls.size(); ++i) {
    out.collateral[StrCat("crl-", i, ".der")] = collateral.crls[i];
  }
  return out;
}

}  // namespace

absl::StatusOr<OneShot> MakeOneShot(const OneShotOptions& options) {
  if (options.tee == TeeKind::kSnp) return SnpOneShot(options);
  if (options.tee == TeeKind::kTdx) return TdxOneShot(options);
  return absl::InvalidArgumentError(StrCat(TeeName(options.tee), " is not emulated here"));
}

}  // namespace nacre::tee::emulator
