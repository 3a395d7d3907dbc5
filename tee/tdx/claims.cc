#include "tee/tdx/claims.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"

namespace nacre::tee::tdx {
namespace {

void AddTd(const Quote& quote, std::map<std::string, std::string>& claims) {
  const TdBody& td = *quote.td;
  claims["mrtd"] = HexEncode(td.mrtd);
  claims["measurement"] = claims["mrtd"];
  for (size_t i = 0; i < td.rtmr.size(); ++i) claims[StrCat("rtmr", i)] = HexEncode(td.rtmr[i]);
  claims["mrconfigid"] = HexEncode(td.mrconfigid);
  claims["mrowner"] = HexEncode(td.mrowner);
  claims["mrownerconfig"] = HexEncode(td.mrownerconfig);
  claims["mrseam"] = HexEncode(td.mrseam);
  claims["report_data"] = HexEncode(td.report_data);
  claims["td_attributes"] = FormatHexNumber(td.td_attributes);
  claims["debug"] = td.debug() ? "true" : "false";
  claims["xfam"] = FormatHexNumber(td.xfam);
  claims["tee_tcb_svn"] = HexEncode(td.tee_tcb_svn);
  if (td.td15) {
    claims["tee_tcb_svn_2"] = HexEncode(td.td15->tee_tcb_svn_2);
    claims["mrservicetd"] = HexEncode(td.td15->mrservicetd);
  }
  claims["quote_version"] = StrCat(quote.header.version);
  claims["trailing_bytes"] = StrCat(quote.trailing);
}

void AddPlatform(const VerifiedTd& verified, const crypto::Certificate& certificate,
                 std::map<std::string, std::string>& claims) {
  const PckExtension& pck = verified.pck;
  claims["fmspc"] = HexEncode(pck.fmspc);
  claims["pce_id"] = HexEncode(pck.pce_id);
  claims["pck_serial"] = HexEncode(certificate.serial());
  claims["tcb.sgx_components"] = HexEncode(pck.sgx_svn);
  claims["tcb.pcesvn"] = StrCat(pck.pce_svn);
  claims["tcb.status"] = TcbStatusName(verified.tcb.status);
  claims["tcb.date"] = verified.tcb.platform.date;
  claims["tcb.platform"] = TcbStatusName(verified.tcb.platform.status);
  claims["tcb.qe"] = TcbStatusName(verified.tcb.qe.status);
  claims["tcb.module"] = verified.tcb.module.id;
  if (verified.tcb.module.verdict) {
    StrAppend(&claims["tcb.module"], " ", TcbStatusName(verified.tcb.module.verdict->status));
  }
  claims["tcb.advisories"] = StrJoin(verified.tcb.advisories, ",");
  claims["tcb.evaluation_data_number"] = StrCat(verified.numbers.tcb_info);
  const auto flag = [&](const char* name, const std::optional<bool>& value) {
    if (value) claims[name] = *value ? "true" : "false";
  };
  flag("platform.dynamic", pck.dynamic_platform);
  flag("platform.cached_keys", pck.cached_keys);
  flag("platform.smt", pck.smt_enabled);
}

}  // namespace

void AddTdxClaims(const VerifiedTd& td, const crypto::Certificate& pck, Appraisal* appraisal) {
  AddTd(td.quote, appraisal->claims);
  AddPlatform(td, pck, appraisal->claims);
}

}  // namespace nacre::tee::tdx
