#include "tee/tdx/tcb.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tdx {
namespace {

constexpr std::string_view kModule10 = "tdxModule";

template <size_t N>
bool SameUnder(const std::array<uint8_t, N>& mask, const std::array<uint8_t, N>& got,
               const std::array<uint8_t, N>& expected) {
  for (size_t i = 0; i < N; ++i) {
    if ((got[i] & mask[i]) != (expected[i] & mask[i])) return false;
  }
  return true;
}

bool NoneBelow(ByteView got, ByteView level) {
  return std::equal(got.begin(), got.end(), level.begin(), level.end(),
                    [](uint8_t a, uint8_t b) { return a >= b; });
}

const LevelVerdict* FindLevel(const std::vector<SvnLevel>& levels, uint32_t svn) {
  for (const SvnLevel& level : levels) {
    if (svn >= level.isv_svn) return &level.verdict;
  }
  return nullptr;
}

std::string ModuleId(uint8_t version) { return StrCat("TDX_", HexEncode(Bytes{version})); }

// Upper-case hex in ids: TDX_0A.
bool SameId(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

const TdxModuleIdentity* FindIdentity(const TcbInfo& info, uint8_t version) {
  const std::string id = ModuleId(version);
  for (const TdxModuleIdentity& identity : info.tdx_module_identities) {
    if (SameId(identity.id, id)) return &identity;
  }
  return nullptr;
}

absl::Status CheckModule(const TdBody& td, const TdxModule& module) {
  if (td.mrsignerseam != module.mrsigner) {
    return RefusedError(RefusalClass::kTdxModuleMismatch,
                        StrCat("MRSIGNERSEAM is ", HexEncode(td.mrsignerseam), ", not ",
                               HexEncode(module.mrsigner)));
  }
  if (!SameUnder(module.attributes_mask, td.seamattributes, module.attributes)) {
    return RefusedError(
        RefusalClass::kTdxModuleMismatch,
        StrCat("SEAMATTRIBUTES are ", HexEncode(td.seamattributes), ", not ",
               HexEncode(module.attributes), " under mask ", HexEncode(module.attributes_mask)));
  }
  return absl::OkStatus();
}

bool IsOutOfDate(TcbStatus status) {
  return status == TcbStatus::kOutOfDate || status == TcbStatus::kOutOfDateConfigurationNeeded;
}

bool NeedsConfiguration(TcbStatus status) {
  return status == TcbStatus::kConfigurationNeeded ||
         status == TcbStatus::kConfigurationAndSwHardeningNeeded;
}

// The module was updated under a running TD: what launched it is out of date, what runs is not.
bool RelaunchHelps(const TdBody& td, const TcbInfo& info, TcbStatus without_module,
                   const ModuleMatch& module) {
  if (!td.td15 || !module.verdict || module.verdict->status != TcbStatus::kOutOfDate ||
      IsOutOfDate(without_module) || without_module == TcbStatus::kRevoked) {
    return false;
  }
  const TdxModuleIdentity* current = FindIdentity(info, td.td15->tee_tcb_svn_2[1]);
  if (current == nullptr) return false;
  const LevelVerdict* verdict = FindLevel(current->levels, td.td15->tee_tcb_svn_2[0]);
  return verdict != nullptr && verdict->status == TcbStatus::kUpToDate;
}

TcbStatus Merge(const TdBody& td, const TcbInfo& info, const TcbEvaluation& parts) {
  const TcbStatus without_module = MergeStatus(parts.platform.status, parts.qe.status);
  if (RelaunchHelps(td, info, without_module, parts.module)) {
    return NeedsConfiguration(without_module) ? TcbStatus::kTdRelaunchAdvisedConfigurationNeeded
                                              : TcbStatus::kTdRelaunchAdvised;
  }
  if (!parts.module.verdict) return without_module;
  return MergeStatus(without_module, parts.module.verdict->status);
}

}  // namespace

TcbStatus MergeStatus(TcbStatus platform, TcbStatus part) {
  if (platform == TcbStatus::kRevoked || part == TcbStatus::kRevoked) return TcbStatus::kRevoked;
  if (!IsOutOfDate(part)) return platform;
  switch (platform) {
    case TcbStatus::kUpToDate:
    case TcbStatus::kSwHardeningNeeded:
      return TcbStatus::kOutOfDate;
    case TcbStatus::kConfigurationNeeded:
    case TcbStatus::kConfigurationAndSwHardeningNeeded:
      return TcbStatus::kOutOfDateConfigurationNeeded;
    default:
      return platform;
  }
}

absl::StatusOr<LevelVerdict> MatchQuotingEnclave(const EnclaveReport& qe,
                                                 const QeIdentity& identity) {
  const auto mismatch = [](std::string_view what) {
    return RefusedError(RefusalClass::kQeIdentityMismatch, what);
  };
  if (qe.mrsigner != identity.mrsigner) {
    return mismatch(StrCat("MRSIGNER of the quoting enclave is ", HexEncode(qe.mrsigner), ", not ",
                           HexEncode(identity.mrsigner)));
  }
  if (qe.isv_prod_id != identity.isv_prod_id) {
    return mismatch(StrCat("ISVPRODID of the quoting enclave is ", qe.isv_prod_id, ", not ",
                           identity.isv_prod_id));
  }
  if ((qe.miscselect & identity.miscselect_mask) !=
      (identity.miscselect & identity.miscselect_mask)) {
    return mismatch(StrCat("MISCSELECT of the quoting enclave is ", qe.miscselect));
  }
  if (!SameUnder(identity.attributes_mask, qe.attributes, identity.attributes)) {
    return mismatch(StrCat("ATTRIBUTES of the quoting enclave are ", HexEncode(qe.attributes),
                           ", not ", HexEncode(identity.attributes), " under mask ",
                           HexEncode(identity.attributes_mask)));
  }
  if (const LevelVerdict* verdict = FindLevel(identity.levels, qe.isv_svn)) return *verdict;
  return RefusedError(RefusalClass::kTcbNotSupported,
                      StrCat("no level of the QE identity matches ISVSVN ", qe.isv_svn));
}

absl::StatusOr<ModuleMatch> MatchModule(const TdBody& td, const TcbInfo& info) {
  const uint8_t version = td.tee_tcb_svn[1];
  if (version == 0) {
    if (!info.tdx_module) {
      return RefusedError(RefusalClass::kTdxModuleMismatch, "the TCB info has no tdxModule");
    }
    RETURN_IF_ERROR(CheckModule(td, *info.tdx_module));
    return ModuleMatch{std::string(kModule10), std::nullopt};
  }
  const TdxModuleIdentity* identity = FindIdentity(info, version);
  if (identity == nullptr) {
    return RefusedError(RefusalClass::kTdxModuleMismatch,
                        StrCat("the TCB info has no module ", ModuleId(version)));
  }
  RETURN_IF_ERROR(CheckModule(td, identity->module));
  const LevelVerdict* verdict = FindLevel(identity->levels, td.tee_tcb_svn[0]);
  if (verdict == nullptr) {
    return RefusedError(RefusalClass::kTcbNotSupported, StrCat("no level of module ", identity->id,
                                                               " matches SVN ", td.tee_tcb_svn[0]));
  }
  return ModuleMatch{identity->id, *verdict};
}

absl::StatusOr<LevelVerdict> MatchPlatform(const PckExtension& pck, const TdBody& td,
                                           const TcbInfo& info) {
  const size_t from = td.tee_tcb_svn[1] == 0 ? 0 : 2;
  const ByteView tdx = ByteView(td.tee_tcb_svn).subspan(from);
  for (const PlatformLevel& level : info.levels) {
    if (!NoneBelow(pck.sgx_svn, level.sgx_svn) || pck.pce_svn < level.pce_svn) continue;
    if (level.tdx_svn && !NoneBelow(tdx, ByteView(*level.tdx_svn).subspan(from))) continue;
    return level.verdict;
  }
  return RefusedError(
      RefusalClass::kTcbNotSupported,
      StrCat("no TCB level matches SGX components ", HexEncode(pck.sgx_svn), ", PCESVN ",
             pck.pce_svn, ", TDX components ", HexEncode(td.tee_tcb_svn)));
}

absl::StatusOr<TcbEvaluation> EvaluateTcb(const PckExtension& pck, const TdBody& td,
                                          const EnclaveReport& qe, const TcbInfo& info,
                                          const QeIdentity& identity) {
  TcbEvaluation out;
  ASSIGN_OR_RETURN(out.qe, MatchQuotingEnclave(qe, identity));
  ASSIGN_OR_RETURN(out.module, MatchModule(td, info));
  ASSIGN_OR_RETURN(out.platform, MatchPlatform(pck, td, info));
  out.status = Merge(td, info, out);
  std::set<std::string> advisories(out.platform.advisories.begin(), out.platform.advisories.end());
  advisories.insert(out.qe.advisories.begin(), out.qe.advisories.end());
  if (out.module.verdict) {
    advisories.insert(out.module.verdict->advisories.begin(), out.module.verdict->advisories.end());
  }
  out.advisories.assign(advisories.begin(), advisories.end());
  return out;
}

}  // namespace nacre::tee::tdx
