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
  // Every part but the last has its length before it. The chain stands there as it is: a digest of
  // it would cost more than anything else that is done for a known platform but its signatures.
  ByteWriter out;
  const auto put = [&out](ByteView part) { out.U64Le(part.size()).Put(part); };
  put(collateral.digest);
  out.U64Le(trust.roots.size());
  for (const TrustedRoot& root : trust.roots) {
    put(AsBytes(root.name));
    put(root.certificate_sha256);
    put(root.spki_sha256);
    out.U8(root.emulated ? 1 : 0);
  }
  std::string key;
  key.reserve(out.size() + certification_data.size());
  key.append(AsText(out.bytes())).append(AsText(certification_data));
  return key;
}

}  // namespace nacre::tee::tdx
