#include "tee/tdx/pck_chain.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/chain_refusal.h"

namespace nacre::tee::tdx {
namespace {

using crypto::Certificate;

constexpr std::string_view kPckName = "Intel SGX PCK Certificate";
constexpr std::string_view kPlatformCa = "Intel SGX PCK Platform CA";
constexpr std::string_view kProcessorCa = "Intel SGX PCK Processor CA";
constexpr size_t kChainLength = 3;

absl::Status Chain(std::string_view message) { return RefusedError(RefusalClass::kChain, message); }

absl::Status CheckNames(const Certificate& pck, const Certificate& intermediate) {
  const std::string leaf = pck.subject_common_name().value_or("?");
  const std::string ca = intermediate.subject_common_name().value_or("?");
  if (leaf != kPckName) return Chain(StrCat("the first certificate is '", leaf, "', no PCK"));
  if (ca != kPlatformCa && ca != kProcessorCa) {
    return Chain(StrCat("the second certificate is '", ca, "', no PCK CA"));
  }
  return absl::OkStatus();
}

bool InForce(const crypto::Crl& crl, int64_t now) {
  const auto next = crl.next_update();
  return next && crl.this_update() <= now && now < *next;
}

const crypto::Crl* Newest(const Certificate& issuer, const std::vector<crypto::Crl>& crls,
                          int64_t now) {
  const crypto::Crl* best = nullptr;
  for (const crypto::Crl& crl : crls) {
    if (!crl.IsFrom(issuer)) continue;
    const auto rank = [now](const crypto::Crl& c) {
      return std::make_pair(InForce(c, now), c.this_update());
    };
    if (best == nullptr || rank(*best) < rank(crl)) best = &crl;
  }
  return best;
}

}  // namespace

absl::StatusOr<PckChain> VerifyPckChain(ByteView certification_data, const TdxTrust& trust,
                                        int64_t now) {
  while (!certification_data.empty() && certification_data.back() == 0) {
    certification_data = certification_data.first(certification_data.size() - 1);
  }
  auto certificates = Certificate::AllFromPem(AsText(certification_data));
  if (!certificates.ok()) return WithClass(certificates.status(), RefusalClass::kFormat);
  if (certificates->size() != kChainLength) {
    return Chain(StrCat(certificates->size(), " certificates, not PCK, intermediate and root"));
  }
  const Certificate& pck = (*certificates)[0];
  const Certificate& intermediate = (*certificates)[1];
  const Certificate& root = (*certificates)[2];
  const TrustedRoot* trusted = FindRoot(root, trust.roots);
  if (trusted == nullptr) {
    return Chain(StrCat(root.subject_text(), " with certificate sha256:",
                        HexEncode(root.Fingerprint(crypto::HashAlgorithm::kSha256)),
                        " is no trusted root"));
  }
  RETURN_IF_ERROR(CheckNames(pck, intermediate));
  crypto::ChainOptions options;
  options.roots = {root};
  options.intermediates = {intermediate};
  options.time = now;
  ASSIGN_OR_RETURN(const auto path, VerifyChainClassed(pck, options));
  if (path.size() != kChainLength) return Chain("the PCK is not of the intermediate presented");
  return PckChain{pck, intermediate, root, *trusted};
}

absl::Status RevocationChecks::Check(const Certificate& certificate, const Certificate& issuer) {
  const crypto::Crl* crl = Newest(issuer, crls_, now_);
  if (crl == nullptr) {
    return RefusedError(
        crls_.empty() ? RefusalClass::kCrlMissing : RefusalClass::kCrlIssuerMismatch,
        StrCat("no CRL of ", issuer.subject_text(), " among ", crls_.size()));
  }
  const bool known = std::ranges::any_of(verified_, [&](const Verified& verified) {
    return verified.crl == crl && verified.issuer == issuer;
  });
  if (!known) {
    RETURN_IF_ERROR(VerifyCrl(*crl, issuer, now_));
    verified_.push_back({crl, issuer});
  }
  return CheckNotListed(certificate, *crl);
}

absl::Status RevocationChecks::CheckPck(const PckChain& chain) {
  RETURN_IF_ERROR(Check(chain.intermediate, chain.root));
  return Check(chain.pck, chain.intermediate);
}

}  // namespace nacre::tee::tdx
