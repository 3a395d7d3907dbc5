// Collateral of one kind of TDX platform as a folder of plain files, the same for a cache and for
// what an owner provisions by hand:
//
//   tcb-info.json       body of PCS "/tdx/certification/v4/tcb?fmspc=..."
//   qe-identity.json    body of PCS "/tdx/certification/v4/qe/identity"
//   signing-chain.pem   the decoded header "TCB-Info-Issuer-Chain", further signers after it
//   root-ca.crl         CRL of the Intel SGX Root CA (DER, PEM or hex of DER)
//   pck-ca.crl          CRL of the PCK Platform or Processor CA (likewise)
//   fetched             only in a cache: seconds since 1970, decimal; written last, so a folder
//                       without it is not whole
//
// A folder of several kinds has one such folder for each, named by BundleName().
#pragma once

#include <cstdint>
#include <string>

#include "tee/tdx/collateral.h"
#include "tee/tdx/verify.h"

namespace nacre::attestation {

// Which of Intel's two release trains: "standard" is behind by some months, in which vendors ship.
enum class TcbUpdate { kStandard, kEarly };
std::string_view TcbUpdateName(TcbUpdate update);  // "standard", "early"
absl::StatusOr<TcbUpdate> ParseTcbUpdate(std::string_view name);

// "tdx-50806f000000-platform-standard"
std::string BundleName(const tee::tdx::CollateralKey& key, TcbUpdate update);

// kNotFound naming the first file that is missing; kInvalidArgument for a CRL that is none.
absl::StatusOr<tee::tdx::Collateral> ReadBundle(const std::string& folder);
// Makes the folder when it is absent.
absl::Status WriteBundle(const std::string& folder, const tee::tdx::Collateral& collateral,
                         int64_t fetched);
// When WriteBundle was told it was fetched; kNotFound for a folder that is not whole.
absl::StatusOr<int64_t> BundleFetched(const std::string& folder);

// The earliest next update of its parts, seconds since 1970.
absl::StatusOr<int64_t> ExpiryOf(const tee::tdx::ParsedCollateral& collateral);

// DER of a CRL that is DER, PEM, or hex of DER: services differ. kInvalidArgument otherwise.
absl::StatusOr<Bytes> CrlDer(ByteView bytes);

}  // namespace nacre::attestation
