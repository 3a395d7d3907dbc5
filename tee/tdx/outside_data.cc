#include "tee/tdx/outside_data.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::tee::tdx {

using outside::FileOf;
using outside::ReadData;
using outside::Text;
using outside::Time;

TdxPolicy AnyPolicy() {
  TdxPolicy policy;
  policy.allow_debug = true;
  policy.require_sept_ve_disable = false;
  policy.require_same_evaluation_number = false;
  policy.accepted_statuses = {TcbStatus::kUpToDate,
                              TcbStatus::kSwHardeningNeeded,
                              TcbStatus::kConfigurationNeeded,
                              TcbStatus::kConfigurationAndSwHardeningNeeded,
                              TcbStatus::kOutOfDate,
                              TcbStatus::kOutOfDateConfigurationNeeded,
                              TcbStatus::kTdRelaunchAdvised,
                              TcbStatus::kTdRelaunchAdvisedConfigurationNeeded};
  return policy;
}

Bytes OutsideTdx::QuoteBytes(const Json& vector) {
  return ReadData(FileOf(vector, "quote, exact length"));
}

std::string OutsideTdx::Document(const std::string& id) {
  return ToString(ReadData(FileOf(VectorById(id).value(), "Intel PCS JSON")));
}

Collateral OutsideTdx::MakeCollateral(const std::string& tcb_info_id,
                                      const std::string& qe_identity_id) {
  Collateral out;
  out.tcb_info = Document(tcb_info_id);
  out.qe_identity = Document(qe_identity_id);
  for (const Json& vector : OfKind("intel-ca-cert")) {
    const Bytes der = ReadData(FileOf(vector, "certificate"));
    out.signing_certificates += crypto::Certificate::FromDer(der).value().ToPem();
  }
  for (const Json& vector : OfKind("tdx-collateral-crl")) {
    out.crls.push_back(ReadData(FileOf(vector, "X.509 CRL")));
  }
  return out;
}

std::optional<int64_t> OutsideTdx::Moment(const Json& vector, const std::string& tcb_info_id,
                                          const std::string& qe_identity_id) {
  int64_t from = Time(Text(vector.at("expected"), "pck_not_before"));
  int64_t until = Time(Text(vector.at("expected"), "pck_not_after"));
  for (const std::string& id : {tcb_info_id, qe_identity_id}) {
    const Json stated = VectorById(id).value().at("expected");
    from = std::max(from, Time(Text(stated, "issueDate")));
    until = std::min(until, Time(Text(stated, "nextUpdate")) - 1);
  }
  const Json subjects = vector.at("expected").at("pck_chain_subjects");
  std::vector<int64_t> moments = {from};
  for (const Json& crl : OfKind("tdx-collateral-crl")) {
    moments.push_back(Time(Text(crl.at("expected"), "this_update")));
  }
  for (const int64_t moment : moments) {
    if (moment < from || moment > until) continue;
    bool covered[2] = {};
    for (const Json& crl : OfKind("tdx-collateral-crl")) {
      const Json& stated = crl.at("expected");
      if (moment < Time(Text(stated, "this_update")) || moment >= Time(Text(stated, "next_update")))
        continue;
      for (size_t i : {1, 2}) covered[i - 1] |= crl.at("what").at("issuer") == subjects.at(i);
    }
    if (covered[0] && covered[1]) return moment;
  }
  return std::nullopt;
}

}  // namespace nacre::tee::tdx
