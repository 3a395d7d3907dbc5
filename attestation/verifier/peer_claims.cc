#include "attestation/verifier/peer_claims.h"

#include "base/encoding.h"
#include "base/json_members.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

// Little-endian, as the quote has it.
std::string HexOf(uint64_t value, int size = 8) {
  Bytes bytes;
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  return HexEncode(bytes);
}

Json TdxHeader(const tee::tdx::QuoteHeader& header) {
  return {{"version", HexOf(header.version, 2)},
          {"att_key_type", HexOf(header.attestation_key_type, 2)},
          {"tee_type", HexOf(header.tee_type, 4)},
          {"vendor_id", HexEncode(header.qe_vendor_id)},
          {"user_data", HexEncode(header.user_data)}};
}

Json TdxBody(const tee::tdx::TdBody& td) {
  Json body = {{"tcb_svn", HexEncode(td.tee_tcb_svn)},
               {"mr_seam", HexEncode(td.mrseam)},
               {"mrsigner_seam", HexEncode(td.mrsignerseam)},
               {"seam_attributes", HexEncode(td.seamattributes)},
               {"td_attributes", HexOf(td.td_attributes)},
               {"xfam", HexOf(td.xfam)},
               {"mr_td", HexEncode(td.mrtd)},
               {"mr_config_id", HexEncode(td.mrconfigid)},
               {"mr_owner", HexEncode(td.mrowner)},
               {"mr_owner_config", HexEncode(td.mrownerconfig)},
               {"report_data", HexEncode(td.report_data)}};
  for (size_t i = 0; i < td.rtmr.size(); ++i) body[StrCat("rtmr_", i)] = HexEncode(td.rtmr[i]);
  if (td.td15) {
    body["tee_tcb_svn2"] = HexEncode(td.td15->tee_tcb_svn_2);
    body["mr_servicetd"] = HexEncode(td.td15->mrservicetd);
  }
  return body;
}

// What newer policies read: the report's own structure.
Json SnpNested(const tee::sev::Report& report, const tee::sev::TcbComponents& tcb) {
  const tee::sev::GuestPolicy& policy = report.policy;
  return JsonMembers()
      .Set("measurement", HexEncode(report.measurement))
      .Set("reported_tcb", JsonMembers()
                               .Set("bootloader", tcb.bootloader)
                               .Set("tee", tcb.tee)
                               .Set("snp", tcb.snp)
                               .Set("microcode", tcb.microcode)
                               .Build())
      .Set("policy", JsonMembers()
                         .Set("abi_major", policy.abi_major())
                         .Set("abi_minor", policy.abi_minor())
                         .Set("smt_allowed", policy.smt_allowed())
                         .Set("migrate_ma_allowed", policy.migration_agent_allowed())
                         .Set("debug_allowed", policy.debug_allowed())
                         .Set("single_socket_required", policy.single_socket_required())
                         .Build())
      .Set("plat_info", JsonMembers()
                            .Set("smt_enabled", (report.platform_info & 1) != 0)
                            .Set("tsme_enabled", (report.platform_info & 2) != 0)
                            .Build())
      .Build();
}

}  // namespace

Json SnpPeerClaims(const tee::sev::Report& report) {
  const tee::sev::Product product = ReportProduct(report).value_or(tee::sev::Product::kMilan);
  const tee::sev::TcbComponents tcb = report.reported_tcb.Components(product);
  return JsonMembers()
      .Set("policy_abi_major", report.policy.abi_major())
      .Set("policy_abi_minor", report.policy.abi_minor())
      .Set("policy_smt_allowed", report.policy.smt_allowed())
      .Set("policy_migrate_ma", report.policy.migration_agent_allowed())
      .Set("policy_debug_allowed", report.policy.debug_allowed())
      .Set("policy_single_socket", report.policy.single_socket_required())
      .Set("reported_tcb_bootloader", tcb.bootloader)
      .Set("reported_tcb_tee", tcb.tee)
      .Set("reported_tcb_snp", tcb.snp)
      .Set("reported_tcb_microcode", tcb.microcode)
      .Set("platform_smt_enabled", (report.platform_info & 1) != 0)
      .Set("platform_tsme_enabled", (report.platform_info & 2) != 0)
      .Set("measurement", HexEncode(report.measurement))
      .Set("chip_id", HexEncode(report.chip_id))
      .Set("evidence", SnpNested(report, tcb))
      .Build();
}

Json TdxPeerClaims(const tee::tdx::VerifiedTd& verified) {
  const tee::tdx::TdBody& td = *verified.quote.td;
  const auto set = [&td](uint64_t bit) { return (td.td_attributes & bit) != 0; };
  return {{"quote", {{"header", TdxHeader(verified.quote.header)}, {"body", TdxBody(td)}}},
          {"td_attributes",
           {{"debug", set(tee::tdx::kTdDebug)},
            {"septve_disable", set(tee::tdx::kTdSeptVeDisable)},
            {"protection_keys", set(tee::tdx::kTdPks)},
            {"key_locker", set(tee::tdx::kTdKl)},
            {"perfmon", set(tee::tdx::kTdPerfmon)}}},
          {"report_data", HexEncode(td.report_data)},
          {"init_data", HexEncode(td.mrconfigid)},
          {"tcb_status", TcbStatusName(verified.tcb.status)},
          {"tcb_date", verified.tcb.platform.date},
          {"tcb_eval_num", verified.numbers.tcb_info},
          // Collateral that is out of date does not verify.
          {"collateral_expiration_status", "0"},
          {"advisory_ids", verified.tcb.advisories}};
}

Json TextPeerClaims(const tee::Appraisal& appraisal, const std::map<uint32_t, Bytes>& pcrs) {
  Json out = Json::object();
  for (const auto& [name, value] : appraisal.claims) out[name] = value;
  // A TPM's own stand beside its other claims, a virtual one's in an object of their own.
  Json& registers = appraisal.tee == tee::TeeKind::kTpm ? out : out["tpm"] = Json::object();
  for (const auto& [index, value] : pcrs) {
    registers[StrCat("pcr", index < 10 ? "0" : "", index)] = HexEncode(value);
  }
  return out;
}

}  // namespace nacre::attestation
