#include "tee/tdx/policy.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"

namespace nacre::tee::tdx {
namespace {

// Attributes under which a TD's secrets are not its own: bits 7:0, of which DEBUG is the known one.
constexpr uint64_t kUnderDebug = 0xff;

class PolicyCheck {
 public:
  PolicyCheck(const TdBody& td, const TdxPolicy& policy, Appraisal* appraisal)
      : td_(td), policy_(policy), appraisal_(*appraisal) {}

  bool Attributes() {
    const bool debug = (td_.td_attributes & kUnderDebug) != 0;
    Demand(RefusalClass::kTdDebug, "debugging", !policy_.allow_debug, !debug, "off",
           debug ? "on" : "off");
    const auto bit = [this](std::string_view name, bool demanded, uint64_t mask, bool wanted) {
      const bool set = (td_.td_attributes & mask) != 0;
      Demand(RefusalClass::kPolicy, name, demanded, set == wanted, wanted ? "set" : "not set",
             set ? "set" : "not set");
    };
    bit("SEPT_VE_DISABLE", policy_.require_sept_ve_disable, kTdSeptVeDisable, true);
    bit("migration", !policy_.allow_migration, kTdMigratable, false);
    bit("performance monitoring", !policy_.allow_perfmon, kTdPerfmon, false);
    bit("protection keys", !policy_.allow_protection_keys, kTdPks, false);
    bit("key locker", !policy_.allow_key_locker, kTdKl, false);
    const bool xfam = (td_.xfam & policy_.xfam_required) == policy_.xfam_required &&
                      (td_.xfam & ~policy_.xfam_allowed) == 0;
    Demand(RefusalClass::kPolicy, "XFAM", true, xfam,
           StrCat("bits ", FormatHexNumber(policy_.xfam_required), " and none beyond ",
                  FormatHexNumber(policy_.xfam_allowed)),
           FormatHexNumber(td_.xfam));
    return ok_;
  }

  bool Tcb(const TcbEvaluation& tcb, const TcbNumbers& numbers) {
    std::vector<std::string_view> accepted;
    for (TcbStatus status : policy_.accepted_statuses) accepted.push_back(TcbStatusName(status));
    const bool status =
        tcb.status != TcbStatus::kRevoked && policy_.accepted_statuses.contains(tcb.status);
    Demand(tcb.status == TcbStatus::kRevoked ? RefusalClass::kRevoked : RefusalClass::kTcbStatus,
           "TCB status", true, status, StrJoin(accepted, " or "), TcbStatusName(tcb.status));
    std::vector<std::string> refused;
    std::ranges::copy_if(
        tcb.advisories, std::back_inserter(refused),
        [this](const std::string& id) { return policy_.refused_advisories.contains(id); });
    Demand(RefusalClass::kTcbStatus, "advisories", !policy_.refused_advisories.empty(),
           refused.empty(), "none that is refused", StrJoin(refused, ", "));
    const uint32_t least = std::min(numbers.tcb_info, numbers.qe_identity);
    Demand(RefusalClass::kTcbEvalNumber, "TCB evaluation data number", true,
           least >= policy_.min_tcb_evaluation_number,
           StrCat("at least ", policy_.min_tcb_evaluation_number), StrCat(least));
    Demand(RefusalClass::kTcbEvalNumber, "TCB evaluation data numbers agree",
           policy_.require_same_evaluation_number, numbers.tcb_info == numbers.qe_identity,
           StrCat(numbers.tcb_info), StrCat(numbers.qe_identity));
    return ok_;
  }

  bool Platform(const PckExtension& pck) {
    const auto flag = [this](std::string_view name, bool allowed, std::optional<bool> value) {
      Demand(RefusalClass::kPolicy, name, !allowed, !value.value_or(false), "no", "yes");
    };
    flag("dynamic platform", policy_.allow_dynamic_platform, pck.dynamic_platform);
    flag("cached keys", policy_.allow_cached_keys, pck.cached_keys);
    flag("SMT", policy_.allow_smt, pck.smt_enabled);
    return ok_;
  }

  bool Identity() {
    const std::string mrseam = HexEncode(td_.mrseam);
    std::vector<std::string> allowed;
    for (const Bytes& value : policy_.allowed_mrseam) allowed.push_back(HexEncode(value));
    Demand(RefusalClass::kMeasurement, "MRSEAM", !allowed.empty(),
           std::ranges::find(allowed, mrseam) != allowed.end(), StrJoin(allowed, " or "), mrseam);
    Register(RefusalClass::kMeasurement, "MRTD", policy_.mrtd, td_.mrtd);
    for (size_t i = 0; i < td_.rtmr.size(); ++i) {
      Register(RefusalClass::kRtmrMismatch, StrCat("RTMR", i), policy_.rtmr[i], td_.rtmr[i]);
    }
    Register(RefusalClass::kMeasurement, "MRCONFIGID", policy_.mrconfigid, td_.mrconfigid);
    Register(RefusalClass::kMeasurement, "MROWNER", policy_.mrowner, td_.mrowner);
    Register(RefusalClass::kMeasurement, "MROWNERCONFIG", policy_.mrownerconfig, td_.mrownerconfig);
    Register(RefusalClass::kMeasurement, "MRSERVICETD", policy_.mrservicetd,
             td_.td15 ? ByteView(td_.td15->mrservicetd) : ByteView());
    Register(RefusalClass::kReportData, "report data", policy_.report_data, td_.report_data);
    return ok_;
  }

 private:
  void Demand(RefusalClass on_failure, std::string_view name, bool demanded, bool passed,
              std::string_view expected, std::string_view got) {
    if (demanded) ok_ &= appraisal_.Add(on_failure, name, passed, expected, got);
  }
  void Register(RefusalClass on_failure, std::string_view name,
                const std::optional<Bytes>& expected, ByteView got) {
    if (!expected) return;
    ok_ &= appraisal_.Add(on_failure, name, ConstantTimeEqual(*expected, got), HexEncode(*expected),
                          HexEncode(got));
  }

  const TdBody& td_;
  const TdxPolicy& policy_;
  Appraisal& appraisal_;
  bool ok_ = true;
};

}  // namespace

bool CheckTdxPolicy(const TdBody& td, const PckExtension& pck, const TcbEvaluation& tcb,
                    const TcbNumbers& numbers, const TdxPolicy& policy, Appraisal* appraisal) {
  PolicyCheck check(td, policy, appraisal);
  check.Attributes();
  check.Tcb(tcb, numbers);
  check.Platform(pck);
  return check.Identity();
}

}  // namespace nacre::tee::tdx
