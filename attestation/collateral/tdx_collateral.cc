#include "attestation/collateral/tdx_collateral.h"

#include <optional>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using tee::tdx::CollateralKey;

struct Local {
  FoundCollateral found;
  int64_t expiry = 0;
};

// A bundle that can be read, is about this kind of platform, and says until when it holds.
std::optional<Local> ReadLocal(const std::string& folder, const CollateralKey& key) {
  auto collateral = ReadBundle(folder);
  if (!collateral.ok()) return std::nullopt;
  const auto parsed = tee::tdx::ParseCollateral(*collateral);
  if (!parsed.ok() || parsed->tcb_info.fmspc != key.fmspc) return std::nullopt;
  const auto expiry = ExpiryOf(*parsed);
  if (!expiry.ok()) return std::nullopt;
  return Local{{*std::move(collateral), folder, ""}, *expiry};
}

}  // namespace

std::string TdxCollateralStore::CachePath(const CollateralKey& key) const {
  return StrCat(options_.cache_folder, "/", BundleName(key, options_.update));
}

absl::StatusOr<FoundCollateral> TdxCollateralStore::Fetch(const CollateralKey& key,
                                                          int64_t now) const {
  FoundCollateral found;
  ASSIGN_OR_RETURN(found.collateral, options_.service->Fetch(key, now));
  found.origin = options_.service->url();
  if (options_.cache_folder.empty()) return found;
  // What cannot be kept can still be used.
  const absl::Status kept = WriteBundle(CachePath(key), found.collateral, now);
  if (!kept.ok()) found.note = StrCat("not cached: ", Message(kept));
  return found;
}

absl::StatusOr<FoundCollateral> TdxCollateralStore::Get(const CollateralKey& key,
                                                        int64_t now) const {
  std::optional<Local> local;
  if (!options_.folder.empty()) {
    local = ReadLocal(StrCat(options_.folder, "/", BundleName(key, options_.update)), key);
    if (!local) local = ReadLocal(options_.folder, key);
    if (local && now < local->expiry) return local->found;
  }
  if (!options_.cache_folder.empty()) {
    const std::string path = CachePath(key);
    const auto fetched = BundleFetched(path);
    auto cached = fetched.ok() ? ReadLocal(path, key) : std::nullopt;
    const bool in_force = cached && now < cached->expiry;
    const bool fresh = in_force && *fetched <= now && now - *fetched < options_.refresh_after_s;
    if (fresh || (in_force && !options_.service)) return cached->found;
    if (cached && (in_force || !local)) local = std::move(cached);
  }
  if (!options_.service) {
    if (local) return local->found;
    return absl::NotFoundError(
        StrCat("no TDX collateral for FMSPC ", HexEncode(key.fmspc), " at hand"));
  }
  auto found = Fetch(key, now);
  if (found.ok() || !local) return found;
  local->found.note = StrCat("older collateral, because ", Message(found.status()));
  return local->found;
}

}  // namespace nacre::attestation
