#include "tee/sev/policy.h"

#include "base/strings.h"

namespace nacre::tee::sev {
namespace {

constexpr uint32_t kHostVmpl = 0xffffffff;

// A guest policy bit that must be clear, or set, unless the owner does not mind.
bool CheckBit(std::string_view name, bool demanded, bool met, std::string_view expected,
              std::string_view got, Appraisal* appraisal) {
  const bool passed = !demanded || met;
  return appraisal->Add(name, passed, demanded ? expected : "any", got);
}

bool CheckTcb(std::string_view name, const TcbVersion& tcb, Product product,
              const TcbComponents& minimum, Appraisal* appraisal) {
  const TcbComponents components = tcb.Components(product);
  return appraisal->Add(name, components.AtLeast(minimum), StrCat("at least ", minimum.ToString()),
                        components.ToString());
}

bool CheckVmpl(const Report& report, const SnpPolicy& policy, Appraisal* appraisal) {
  const std::string got = report.vmpl == kHostVmpl ? "asked for by the host" : StrCat(report.vmpl);
  return appraisal->Add("VMPL", report.vmpl <= policy.max_vmpl,
                        policy.max_vmpl == 0 ? "0" : StrCat("at most ", policy.max_vmpl), got);
}

bool CheckAbi(const Report& report, const SnpPolicy& policy, Appraisal* appraisal) {
  const int got = report.policy.abi_major() << 8 | report.policy.abi_minor();
  const int minimum = policy.min_abi_major << 8 | policy.min_abi_minor;
  return appraisal->Add("guest policy ABI version", got >= minimum,
                        StrCat("at least ", policy.min_abi_major, ".", policy.min_abi_minor),
                        StrCat(report.policy.abi_major(), ".", report.policy.abi_minor()));
}

}  // namespace

bool CheckPolicy(const Report& report, Product product, const SnpPolicy& policy,
                 Appraisal* appraisal) {
  const GuestPolicy& guest = report.policy;
  const auto allowed = [](bool bit) { return bit ? "allowed" : "not allowed"; };
  bool ok = CheckBit("debugging", !policy.allow_debug, !guest.debug_allowed(), "not allowed",
                     allowed(guest.debug_allowed()), appraisal);
  ok &= CheckBit("migration agent", !policy.allow_migration_agent, !guest.migration_agent_allowed(),
                 "not allowed", allowed(guest.migration_agent_allowed()), appraisal);
  ok &= CheckBit("SMT", !policy.allow_smt, !guest.smt_allowed(), "not allowed",
                 allowed(guest.smt_allowed()), appraisal);
  ok &=
      CheckBit("single socket", policy.require_single_socket, guest.single_socket_required(),
               "required", guest.single_socket_required() ? "required" : "not required", appraisal);
  ok &= CheckVmpl(report, policy, appraisal);
  ok &= CheckAbi(report, policy, appraisal);
  ok &= appraisal->Add("guest SVN", report.guest_svn >= policy.min_guest_svn,
                       StrCat("at least ", policy.min_guest_svn), StrCat(report.guest_svn));
  if (policy.min_tcb) {
    ok &=
        CheckTcb("reported TCB minimum", report.reported_tcb, product, *policy.min_tcb, appraisal);
    ok &= CheckTcb("committed TCB minimum", report.committed_tcb, product, *policy.min_tcb,
                   appraisal);
    ok &= CheckTcb("launch TCB minimum", report.launch_tcb, product, *policy.min_tcb, appraisal);
  }
  return ok;
}

}  // namespace nacre::tee::sev
