#include "tee/sev/policy.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::tee::sev {
namespace {

constexpr uint32_t kHostVmpl = 0xffffffff;

// Appends the checks of one report and remembers whether all of them passed.
class PolicyChecks {
 public:
  PolicyChecks(const Report& report, Product product, const SnpPolicy& policy, Appraisal* appraisal)
      : report_(report), product_(product), policy_(policy), appraisal_(*appraisal) {}

  bool Run() {
    GuestPolicyBits();
    Vmpl();
    AbiAndSvn();
    Tcbs();
    Firmware();
    Platform();
    Lists();
    return passed_;
  }

 private:
  void Add(RefusalClass on_failure, std::string_view name, bool passed, std::string_view expected,
           std::string_view got) {
    passed_ &= appraisal_.Add(on_failure, name, passed, expected, got);
  }

  // A bit of the guest policy that must be clear unless the owner allows it.
  void Allowed(std::string_view name, bool allowed, bool set,
               RefusalClass on_failure = RefusalClass::kPolicy) {
    Add(on_failure, name, allowed || !set, allowed ? "any" : "not allowed",
        set ? "allowed" : "not allowed");
  }

  // A bit that must be set if the owner requires it; not worth a line otherwise.
  void Required(std::string_view name, bool required, bool set) {
    if (!required) return;
    Add(RefusalClass::kPolicy, name, set, "required", set ? "required" : "not required");
  }

  void GuestPolicyBits() {
    const GuestPolicy& guest = report_.policy;
    if (!guest.must_be_one()) {
      Add(RefusalClass::kFormat, "guest policy", false, "reserved bit 17 set", "clear");
    }
    Allowed("debugging", policy_.allow_debug, guest.debug_allowed(), RefusalClass::kPolicyDebug);
    Allowed("migration agent", policy_.allow_migration_agent, guest.migration_agent_allowed());
    Allowed("SMT", policy_.allow_smt, guest.smt_allowed());
    Allowed("CXL devices", policy_.allow_cxl, guest.cxl_allowed());
    Required("single socket", policy_.require_single_socket, guest.single_socket_required());
    Required("AES-256-XTS", policy_.require_aes_256_xts, guest.aes_256_xts_required());
    Required("RAPL disabled", policy_.require_rapl_disabled, guest.rapl_must_be_disabled());
    Required("ciphertext hiding", policy_.require_ciphertext_hiding,
             guest.ciphertext_hiding_required());
    Required("page swap disabled", policy_.require_page_swap_disabled,
             guest.page_swap_must_be_disabled());
  }

  void Vmpl() {
    const std::string got =
        report_.vmpl == kHostVmpl ? "asked for by the host" : StrCat(report_.vmpl);
    Add(RefusalClass::kVmpl, "VMPL", report_.vmpl <= policy_.max_vmpl,
        policy_.max_vmpl == 0 ? "0" : StrCat("at most ", policy_.max_vmpl), got);
  }

  void AbiAndSvn() {
    const GuestPolicy& guest = report_.policy;
    const int got = guest.abi_major() << 8 | guest.abi_minor();
    const int minimum = policy_.min_abi_major << 8 | policy_.min_abi_minor;
    Add(RefusalClass::kPolicy, "guest policy ABI version", got >= minimum,
        StrCat("at least ", policy_.min_abi_major, ".", policy_.min_abi_minor),
        StrCat(guest.abi_major(), ".", guest.abi_minor()));
    Add(RefusalClass::kPolicy, "guest SVN", report_.guest_svn >= policy_.min_guest_svn,
        StrCat("at least ", policy_.min_guest_svn), StrCat(report_.guest_svn));
  }

  void Tcb(std::string_view name, const TcbVersion& tcb,
           const std::optional<TcbComponents>& minimum) {
    if (!minimum) return;
    const TcbComponents components = tcb.Components(product_);
    Add(RefusalClass::kTcbTooOld, name, components.AtLeast(*minimum),
        StrCat("at least ", minimum->ToString()), components.ToString());
  }

  void Tcbs() {
    const struct {
      std::string_view name;
      const TcbVersion& tcb;
      const std::optional<TcbComponents>& own;
    } all[] = {{"reported TCB minimum", report_.reported_tcb, policy_.min_reported_tcb},
               {"committed TCB minimum", report_.committed_tcb, policy_.min_committed_tcb},
               {"launch TCB minimum", report_.launch_tcb, policy_.min_launch_tcb}};
    for (const auto& [name, tcb, own] : all) {
      Tcb(name, tcb, policy_.min_tcb);
      Tcb(name, tcb, own);
    }
  }

  void Firmware() {
    if (!policy_.min_firmware) return;
    const std::string expected = StrCat("at least ", policy_.min_firmware->ToString());
    Add(RefusalClass::kTcbTooOld, "current firmware",
        report_.current_firmware.AtLeast(*policy_.min_firmware), expected,
        report_.current_firmware.ToString());
    Add(RefusalClass::kTcbTooOld, "committed firmware",
        report_.committed_firmware.AtLeast(*policy_.min_firmware), expected,
        report_.committed_firmware.ToString());
  }

  void PlatformBit(std::string_view name, const std::optional<bool>& demanded, bool set) {
    if (!demanded) return;
    Add(RefusalClass::kPolicy, StrCat("platform: ", name), set == *demanded,
        *demanded ? "yes" : "no", set ? "yes" : "no");
  }

  void Platform() {
    const PlatformInfo platform = report_.platform();
    const PlatformDemands& demands = policy_.platform;
    PlatformBit("SMT", demands.smt, platform.smt_enabled());
    PlatformBit("TSME", demands.tsme, platform.tsme_enabled());
    PlatformBit("ECC memory", demands.ecc, platform.ecc_enabled());
    PlatformBit("RAPL disabled", demands.rapl_disabled, platform.rapl_disabled());
    PlatformBit("ciphertext hiding", demands.ciphertext_hiding,
                platform.ciphertext_hiding_enabled());
    PlatformBit("alias check complete", demands.alias_check_complete,
                platform.alias_check_complete());
  }

  template <size_t N>
  void OneOf(RefusalClass on_failure, std::string_view name, const std::array<uint8_t, N>& value,
             const std::vector<std::array<uint8_t, N>>& allowed) {
    if (allowed.empty()) return;
    const bool found = std::find(allowed.begin(), allowed.end(), value) != allowed.end();
    const std::string expected =
        allowed.size() == 1 ? HexEncode(allowed[0]) : StrCat("one of ", allowed.size(), " allowed");
    Add(on_failure, name, found, expected, HexEncode(value));
  }

  void Lists() {
    OneOf(RefusalClass::kChipId, "allowed chip", report_.chip_id, policy_.chip_ids);
    OneOf(RefusalClass::kPolicy, "ID key", report_.id_key_digest, policy_.id_key_digests);
    if (policy_.author_key_digests.empty()) return;
    Add(RefusalClass::kPolicy, "author key in use", report_.author_key_enabled(), "yes",
        report_.author_key_enabled() ? "yes" : "no");
    OneOf(RefusalClass::kPolicy, "author key", report_.author_key_digest,
          policy_.author_key_digests);
  }

  const Report& report_;
  const Product product_;
  const SnpPolicy& policy_;
  Appraisal& appraisal_;
  bool passed_ = true;
};

}  // namespace

bool CheckPolicy(const Report& report, Product product, const SnpPolicy& policy,
                 Appraisal* appraisal) {
  return PolicyChecks(report, product, policy, appraisal).Run();
}

}  // namespace nacre::tee::sev
