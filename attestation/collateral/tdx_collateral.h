// Where a verifier's TDX collateral comes from, offline first: what the owner provisioned, what is
// in the cache and still in force, and only then a service.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "attestation/collateral/pcs_client.h"
#include "attestation/collateral/tdx_bundle.h"

namespace nacre::attestation {

struct TdxCollateralOptions {
  std::string folder;  // provisioned (layout: tdx_bundle.h): itself a bundle, or a folder of them
  std::string cache_folder;                 // written here; empty: nothing is kept
  std::unique_ptr<PcsClient> service;       // null: never asks anyone
  TcbUpdate update = TcbUpdate::kStandard;  // of bundles; the service has its own of this value
  // A cached bundle older than this is asked for again, though it may be in force: Intel publishes
  // out of turn. Should the service then not answer, the cached one still counts.
  int64_t refresh_after_s = 24 * 3600;
};

struct FoundCollateral {
  tee::tdx::Collateral collateral;
  std::string origin;  // the folder or URL, for logs and appraisals
  std::string note;    // why an older one was taken; empty when nothing is to say
};

// Thread-safe.
class TdxCollateralStore {
 public:
  explicit TdxCollateralStore(TdxCollateralOptions options) : options_(std::move(options)) {}

  // Nothing of it is verified here but that it can be read; VerifyTdx does the rest. A provisioned
  // bundle is taken whether or not it is still in force when there is no service, so that the
  // verifier can say what expired. kNotFound when no one has it; else the service's error.
  absl::StatusOr<FoundCollateral> Get(const tee::tdx::CollateralKey& key, int64_t now) const;

 private:
  absl::StatusOr<FoundCollateral> Fetch(const tee::tdx::CollateralKey& key, int64_t now) const;
  std::string CachePath(const tee::tdx::CollateralKey& key) const;

  TdxCollateralOptions options_;
};

}  // namespace nacre::attestation
