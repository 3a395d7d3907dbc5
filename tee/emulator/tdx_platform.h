// The emulated quoting of one TDX guest, and the collateral that Intel would publish about its
// machine: quotes of version 4 and 5, TCB info, QE identity and CRLs, all under the identity's own
// root. Faults spoil one thing each, for tests and demonstrations of refusals.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "tee/common/report_data.h"
#include "tee/emulator/tdx_identity.h"
#include "tee/tdx/collateral.h"
#include "tee/tdx/quote.h"
#include "tee/tdx/tcb_info.h"

namespace nacre::tee::emulator {

enum class TdxFault {
  kWrongNonce,           // quotes carry other report data than asked for
  kDebug,                // quotes of a TD under debug
  kRevokedPck,           // CRLs
  kRevokedIntermediate,  //
  kRevokedSigner,        //
  kExpiredCrl,           //
  kStaleTcb,             // TCB info knows a newer level
  kRevokedTcb,           //
  kStaleQe,              // QE identity knows a newer level
  kExpiredCollateral,    // TCB info and QE identity
};
// "wrong-nonce", "debug", "revoked-pck", ...
std::string_view TdxFaultName(TdxFault fault);
absl::StatusOr<TdxFault> ParseTdxFault(std::string_view name);

struct TdxPlatformOptions {
  uint16_t quote_version = 4;  // 5: a TD 1.5 body
  tdx::TdBody td;              // EmulatedTd() and the guest's measurements
  std::set<TdxFault> faults;
};

// A TD on a current TDX module 1.5 with the usual attributes; measurements are zero.
tdx::TdBody EmulatedTd();

class TdxPlatform {
 public:
  // `options.quote_version` is 4 or 5: kInvalidArgument otherwise.
  static absl::StatusOr<TdxPlatform> Create(TdxIdentity identity, TdxPlatformOptions options);

  // What a guest gets.
  absl::StatusOr<Bytes> Quote(const ReportData& report_data) const;
  // What a verifier needs; documents are issued an hour before `now` and hold for 30 days.
  absl::StatusOr<tdx::Collateral> MakeCollateral(int64_t now) const;

  // The parts, to be changed and put together by hand.
  // Any header and body, signed: attestation key, QE report (after `change`), its signature and the
  // PCK chain are filled in.
  using QeChange = std::function<void(tdx::EnclaveReport&)>;
  absl::StatusOr<Bytes> Sign(tdx::Quote quote, const QeChange& change = {}) const;
  tdx::Quote Unsigned(const ReportData& report_data) const;
  tdx::TcbInfo MakeTcbInfo(int64_t now) const;
  tdx::QeIdentity MakeQeIdentity(int64_t now) const;
  // {"<name>": <text>, "signature": ...} with `text` as it is.
  absl::StatusOr<std::string> SignDocument(std::string_view name, std::string_view text) const;
  absl::StatusOr<Bytes> MakeCrl(bool of_root, const std::vector<Bytes>& serials, int64_t now,
                                int64_t next_update) const;

  const TdxIdentity& identity() const { return identity_; }

 private:
  TdxPlatform(TdxIdentity identity, TdxPlatformOptions options)
      : identity_(std::move(identity)), options_(std::move(options)) {}
  bool Has(TdxFault fault) const { return options_.faults.contains(fault); }

  TdxIdentity identity_;
  TdxPlatformOptions options_;
};

// JSON of the documents' inner objects, as Intel writes them.
absl::StatusOr<std::string> FormatTcbInfo(const tdx::TcbInfo& info);
absl::StatusOr<std::string> FormatQeIdentity(const tdx::QeIdentity& identity);

}  // namespace nacre::tee::emulator
