#include "tee/sev/claims.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/sev/vek.h"

namespace nacre::tee::sev {
namespace {

using Claims = std::map<std::string, std::string>;

void AddTcb(const std::string& name, const TcbVersion& tcb, Product product, Claims& claims) {
  const TcbComponents components = tcb.Components(product);
  if (product == Product::kTurin) claims[name + ".fmc"] = StrCat(components.fmc);
  claims[name + ".bootloader"] = StrCat(components.bootloader);
  claims[name + ".tee"] = StrCat(components.tee);
  claims[name + ".snp"] = StrCat(components.snp);
  claims[name + ".microcode"] = StrCat(components.microcode);
}

void AddBit(const std::string& name, bool set, Claims& claims) {
  claims[name] = set ? "true" : "false";
}

void AddPolicy(const GuestPolicy& policy, Claims& claims) {
  claims["policy"] = FormatHexNumber(policy.value);
  claims["policy.abi"] = StrCat(policy.abi_major(), ".", policy.abi_minor());
  AddBit("policy.smt", policy.smt_allowed(), claims);
  AddBit("policy.migration_agent", policy.migration_agent_allowed(), claims);
  AddBit("policy.debug", policy.debug_allowed(), claims);
  AddBit("policy.single_socket", policy.single_socket_required(), claims);
}

void AddPlatform(const PlatformInfo& platform, Claims& claims) {
  claims["platform_info"] = FormatHexNumber(platform.value);
  AddBit("platform.smt", platform.smt_enabled(), claims);
  AddBit("platform.tsme", platform.tsme_enabled(), claims);
  AddBit("platform.ecc", platform.ecc_enabled(), claims);
  AddBit("platform.alias_check_complete", platform.alias_check_complete(), claims);
}

}  // namespace

void AddReportClaims(const Report& report, Product product, Appraisal* appraisal) {
  Claims& claims = appraisal->claims;
  claims["product"] = std::string(ProductName(product));
  claims["signing_key"] =
      std::string(report.signing_key() == SigningKey::kVlek ? kVlekName : kVcekName);
  claims["report_version"] = StrCat(report.version);
  claims["measurement"] = HexEncode(report.measurement);
  claims["report_data"] = HexEncode(report.report_data);
  claims["host_data"] = HexEncode(report.host_data);
  claims["chip_id"] = HexEncode(report.chip_id);
  claims["id_key_digest"] = HexEncode(report.id_key_digest);
  claims["author_key_digest"] = HexEncode(report.author_key_digest);
  claims["family_id"] = HexEncode(report.family_id);
  claims["image_id"] = HexEncode(report.image_id);
  claims["report_id"] = HexEncode(report.report_id);
  claims["vmpl"] = StrCat(report.vmpl);
  claims["guest_svn"] = StrCat(report.guest_svn);
  claims["current_firmware"] = report.current_firmware.ToString();
  claims["committed_firmware"] = report.committed_firmware.ToString();
  AddPolicy(report.policy, claims);
  AddPlatform(report.platform(), claims);
  AddTcb("reported_tcb", report.reported_tcb, product, claims);
  AddTcb("committed_tcb", report.committed_tcb, product, claims);
  AddTcb("current_tcb", report.current_tcb, product, claims);
  AddTcb("launch_tcb", report.launch_tcb, product, claims);
  if (report.version < 5) return;
  claims["launch_mitigations"] = FormatHexNumber(report.launch_mitigations);
  claims["current_mitigations"] = FormatHexNumber(report.current_mitigations);
}

}  // namespace nacre::tee::sev
