#include "tee/tdx/pck_chain.h"

#include <algorithm>
#include <mutex>

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

// Intermediate and root, which are the same in the quotes of millions of machines: the text of
// their PEM and what it parses to. Reading one certificate costs OpenSSL as much as two
// verifications. A hostile quote can push others out, no more.
class ParsedAuthorities {
 public:
  absl::StatusOr<std::vector<Certificate>> Parse(std::string_view pem) {
    if (StripSpace(pem).empty()) return std::vector<Certificate>();
    {
      std::lock_guard lock(mutex_);
      for (const Entry& entry : entries_) {
        if (entry.pem == pem) return entry.certificates;
      }
    }
    ASSIGN_OR_RETURN(auto certificates, Certificate::AllFromPem(pem));
    std::lock_guard lock(mutex_);
    if (entries_.size() < kCapacity) entries_.emplace_back();
    Entry& entry = entries_[next_++ % kCapacity];
    entry = {std::string(pem), certificates};
    return certificates;
  }

 private:
  struct Entry {
    std::string pem;
    std::vector<Certificate> certificates;
  };
  static constexpr size_t kCapacity = 16;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  size_t next_ = 0;
};

// As Certificate::AllFromPem, all but the first from what was read before.
absl::StatusOr<std::vector<Certificate>> ParseChain(std::string_view pem) {
  static auto* authorities = new ParsedAuthorities;
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  const size_t end = std::min(pem.find(kEnd), pem.size() - std::min(pem.size(), kEnd.size()));
  const size_t first = std::min(end + kEnd.size(), pem.size());
  ASSIGN_OR_RETURN(auto out, Certificate::AllFromPem(pem.substr(0, first)));
  ASSIGN_OR_RETURN(const auto others, authorities->Parse(pem.substr(first)));
  out.insert(out.end(), others.begin(), others.end());
  return out;
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
  auto certificates = ParseChain(AsText(certification_data));
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

absl::Status CheckRevocation(const Certificate& certificate, const Certificate& issuer,
                             const std::vector<crypto::Crl>& crls, int64_t now) {
  if (const crypto::Crl* crl = Newest(issuer, crls, now)) {
    return CheckNotRevoked(certificate, issuer, *crl, now);
  }
  return RefusedError(crls.empty() ? RefusalClass::kCrlMissing : RefusalClass::kCrlIssuerMismatch,
                      StrCat("no CRL of ", issuer.subject_text(), " among ", crls.size()));
}

absl::Status CheckPckRevocation(const PckChain& chain, const std::vector<crypto::Crl>& crls,
                                int64_t now) {
  RETURN_IF_ERROR(CheckRevocation(chain.intermediate, chain.root, crls, now));
  return CheckRevocation(chain.pck, chain.intermediate, crls, now);
}

}  // namespace nacre::tee::tdx
