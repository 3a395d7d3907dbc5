// TCB info and QE identity as text: the inverse of tee/tdx/tcb_info.h.

#include "base/encoding.h"
#include "base/json.h"
#include "tee/emulator/tdx_platform.h"

namespace nacre::tee::emulator {
namespace {

Json Components(ByteView svns) {
  Json out = Json::array();
  for (uint8_t svn : svns) out.push_back({{"svn", svn}});
  return out;
}

void PutVerdict(const tdx::LevelVerdict& verdict, Json* level) {
  (*level)["tcbDate"] = verdict.date;
  (*level)["tcbStatus"] = std::string(tdx::TcbStatusName(verdict.status));
  if (!verdict.advisories.empty()) (*level)["advisoryIDs"] = verdict.advisories;
}

Json SvnLevels(const std::vector<tdx::SvnLevel>& levels) {
  Json out = Json::array();
  for (const tdx::SvnLevel& level : levels) {
    Json entry = {{"tcb", {{"isvsvn", level.isv_svn}}}};
    PutVerdict(level.verdict, &entry);
    out.push_back(std::move(entry));
  }
  return out;
}

Json Module(const tdx::TdxModule& module) {
  return {{"mrsigner", HexEncode(module.mrsigner)},
          {"attributes", HexEncode(module.attributes)},
          {"attributesMask", HexEncode(module.attributes_mask)}};
}

template <typename Document>
Json Head(const Document& document) {
  return {{"id", document.id},
          {"version", document.version},
          {"issueDate", crypto::FormatTime(document.issue_date)},
          {"nextUpdate", crypto::FormatTime(document.next_update)},
          {"tcbEvaluationDataNumber", document.evaluation_data_number}};
}

std::string HexLe(uint32_t value) { return HexEncode(ByteWriter().U32Le(value).bytes()); }

}  // namespace

absl::StatusOr<std::string> FormatTcbInfo(const tdx::TcbInfo& info) {
  Json out = Head(info);
  out["fmspc"] = HexEncode(info.fmspc);
  out["pceId"] = HexEncode(info.pce_id);
  out["tcbType"] = info.tcb_type;
  if (info.tdx_module) out["tdxModule"] = Module(*info.tdx_module);
  Json modules = Json::array();
  for (const tdx::TdxModuleIdentity& identity : info.tdx_module_identities) {
    Json entry = Module(identity.module);
    entry["id"] = identity.id;
    entry["tcbLevels"] = SvnLevels(identity.levels);
    modules.push_back(std::move(entry));
  }
  if (!modules.empty()) out["tdxModuleIdentities"] = std::move(modules);
  out["tcbLevels"] = Json::array();
  for (const tdx::PlatformLevel& level : info.levels) {
    Json tcb = {{"sgxtcbcomponents", Components(level.sgx_svn)}, {"pcesvn", level.pce_svn}};
    if (level.tdx_svn) tcb["tdxtcbcomponents"] = Components(*level.tdx_svn);
    Json entry = {{"tcb", std::move(tcb)}};
    PutVerdict(level.verdict, &entry);
    out["tcbLevels"].push_back(std::move(entry));
  }
  return DumpJson(out);
}

absl::StatusOr<std::string> FormatQeIdentity(const tdx::QeIdentity& identity) {
  Json out = Head(identity);
  out["miscselect"] = HexLe(identity.miscselect);
  out["miscselectMask"] = HexLe(identity.miscselect_mask);
  out["attributes"] = HexEncode(identity.attributes);
  out["attributesMask"] = HexEncode(identity.attributes_mask);
  out["mrsigner"] = HexEncode(identity.mrsigner);
  out["isvprodid"] = identity.isv_prod_id;
  out["tcbLevels"] = SvnLevels(identity.levels);
  return DumpJson(out);
}

}  // namespace nacre::tee::emulator
