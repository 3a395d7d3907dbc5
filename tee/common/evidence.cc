#include "tee/common/evidence.h"

#include "base/strings.h"

namespace nacre::tee {

std::string_view TeeName(TeeKind kind) {
  switch (kind) {
    case TeeKind::kSnp:
      return "snp";
    case TeeKind::kTdx:
      return "tdx";
    case TeeKind::kTpm:
      return "tpm";
  }
  return "unknown";
}

absl::StatusOr<TeeKind> ParseTeeName(std::string_view name) {
  for (TeeKind kind : {TeeKind::kSnp, TeeKind::kTdx, TeeKind::kTpm}) {
    if (name == TeeName(kind)) return kind;
  }
  return absl::InvalidArgumentError(StrCat("TEE '", name, "' is not snp, tdx or tpm"));
}

}  // namespace nacre::tee
