// From patch levels to a TCB status, as Intel's "Get TDX TCB Info" and quote verification describe:
// quoting enclave, TDX module and platform are matched each by itself, then merged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tee/tdx/pck_extension.h"
#include "tee/tdx/quote.h"
#include "tee/tdx/tcb_info.h"

namespace nacre::tee::tdx {

struct ModuleMatch {
  std::string id;  // "TDX_01"; "tdxModule" for version 1.0, which has no levels of its own
  std::optional<LevelVerdict> verdict;
};

struct TcbEvaluation {
  LevelVerdict platform;
  ModuleMatch module;
  LevelVerdict qe;
  TcbStatus status = TcbStatus::kRevoked;  // all three merged
  std::vector<std::string> advisories;     // of all three, sorted, each once
};

// MRSIGNER and ISVPRODID equal, MISCSELECT and ATTRIBUTES under their masks (kQeIdentityMismatch),
// and the first level whose SVN the report's is not below (kTcbNotSupported when there is none).
absl::StatusOr<LevelVerdict> MatchQuotingEnclave(const EnclaveReport& qe,
                                                 const QeIdentity& identity);

// The module that launched the TD: by tee_tcb_svn[1], signer and attributes under the mask, level
// by tee_tcb_svn[0]. kTdxModuleMismatch, or kTcbNotSupported when no level matches.
absl::StatusOr<ModuleMatch> MatchModule(const TdBody& td, const TcbInfo& info);

// The first level that no SVN of the platform is below: all SGX components, PCESVN, and TDX
// components from index 0 for TDX module 1.0, from index 2 for later ones (whose own SVN and
// version, 0 and 1, the module's identity judges). kTcbNotSupported when there is none.
absl::StatusOr<LevelVerdict> MatchPlatform(const PckExtension& pck, const TdBody& td,
                                           const TcbInfo& info);

// All of the above, in that order, merged. The first error of them.
absl::StatusOr<TcbEvaluation> EvaluateTcb(const PckExtension& pck, const TdBody& td,
                                          const EnclaveReport& qe, const TcbInfo& info,
                                          const QeIdentity& identity);

// `part` (a module's or an enclave's status) added to the platform's: Revoked wins, OutOfDate makes
// it OutOfDate or OutOfDateConfigurationNeeded.
TcbStatus MergeStatus(TcbStatus platform, TcbStatus part);

}  // namespace nacre::tee::tdx
