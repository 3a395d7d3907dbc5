#include "tee/tdx/endorsement.h"

#include <algorithm>
#include <limits>

#include "crypto/digest.h"

namespace nacre::tee::tdx {
namespace {

using crypto::Certificate;

// The moments at which some comparison of the verification changes its outcome.
class Moments {
 public:
  explicit Moments(int64_t now) : now_(now) {}
  void Add(int64_t first_second_of_change) {
    if (first_second_of_change <= now_) {
      from_ = std::max(from_, first_second_of_change);
    } else {
      until_ = std::min(until_, first_second_of_change);
    }
  }
  void Add(const Certificate& certificate) {
    Add(certificate.not_before());
    Add(certificate.not_after());
  }
  int64_t from() const { return from_; }
  int64_t until() const { return until_; }

 private:
  int64_t now_;
  int64_t from_ = std::numeric_limits<int64_t>::min();
  int64_t until_ = std::numeric_limits<int64_t>::max();
};

}  // namespace

void SetPeriod(const ParsedCollateral& collateral, int64_t now, Endorsement* endorsement) {
  Moments moments(now);
  const PckChain& chain = endorsement->chain;
  for (const Certificate* one : {&chain.pck, &chain.intermediate, &chain.root}) moments.Add(*one);
  for (const Certificate& signer : collateral.signers) moments.Add(signer);
  for (const crypto::Crl& crl : collateral.crls) {
    moments.Add(crl.this_update());
    if (const auto next = crl.next_update()) moments.Add(*next);
  }
  for (int64_t moment : {collateral.tcb_info.issue_date, collateral.tcb_info.next_update,
                         collateral.qe_identity.issue_date, collateral.qe_identity.next_update}) {
    moments.Add(moment);
  }
  endorsement->not_before = moments.from();
  endorsement->not_after = moments.until();
}

std::string EndorsementCache::Key(ByteView certification_data, const ParsedCollateral& collateral,
                                  const TdxTrust& trust) {
  // All but the first item are of fixed size, and it comes last.
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  hasher.Update(collateral.digest);
  hasher.Update(ByteWriter().U64Le(trust.roots.size()).bytes());
  for (const TrustedRoot& root : trust.roots) {
    const uint8_t emulated = root.emulated ? 1 : 0;
    const Bytes name = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(root.name));
    hasher.Update(ByteWriter()
                      .Put(name)
                      .U64Le(root.certificate_sha256.size())
                      .Put(root.certificate_sha256)
                      .U64Le(root.spki_sha256.size())
                      .Put(root.spki_sha256)
                      .U8(emulated)
                      .bytes());
  }
  hasher.Update(certification_data);
  return ToString(hasher.Finish());
}

}  // namespace nacre::tee::tdx
