#include "attestation/verifier/peer_claims.h"

#include "base/encoding.h"
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
  return {{"measurement", HexEncode(report.measurement)},
          {"reported_tcb",
           {{"bootloader", tcb.bootloader},
            {"tee", tcb.tee},
            {"snp", tcb.snp},
            {"microcode", tcb.microcode}}},
          {"policy",
           {{"abi_major", report.policy.abi_major()},
            {"abi_minor", report.policy.abi_minor()},
            {"smt_allowed", report.policy.smt_allowed()},
            {"migrate_ma_allowed", report.policy.migration_agent_allowed()},
            {"debug_allowed", report.policy.debug_allowed()},
            {"single_socket_required", report.policy.single_socket_required()}}},
          {"plat_info",
           {{"smt_enabled", (report.platform_info & 1) != 0},
            {"tsme_enabled", (report.platform_info & 2) != 0}}}};
}

}  // namespace

Json SnpPeerClaims(const tee::sev::Report& report) {
  const tee::sev::Product product = ReportProduct(report).value_or(tee::sev::Product::kMilan);
  const tee::sev::TcbComponents tcb = report.reported_tcb.Components(product);
  return {{"policy_abi_major", report.policy.abi_major()},
          {"policy_abi_minor", report.policy.abi_minor()},
          {"policy_smt_allowed", report.policy.smt_allowed()},
          {"policy_migrate_ma", report.policy.migration_agent_allowed()},
          {"policy_debug_allowed", report.policy.debug_allowed()},
          {"policy_single_socket", report.policy.single_socket_required()},
          {"reported_tcb_bootloader", tcb.bootloader},
          {"reported_tcb_tee", tcb.tee},
          {"reported_tcb_snp", tcb.snp},
          {"reported_tcb_microcode", tcb.microcode},
          {"platform_smt_enabled", (report.platform_info & 1) != 0},
          {"platform_tsme_enabled", (report.platform_info & 2) != 0},
          {"measurement", HexEncode(report.measurement)},
          {"chip_id", HexEncode(report.chip_id)},
          {"evidence", SnpNested(report, tcb)}};
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
