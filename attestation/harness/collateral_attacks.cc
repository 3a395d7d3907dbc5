// Collateral out of its time: what says which machines are revoked, and which firmware is current,
// holds from one moment to another. A broker that uses it outside of them can be kept from
// learning of a revocation by whoever delivers it.
//
// SNP evidence brings its CRL in the same table as its certificates. TDX collateral is the broker's
// own, so those cases need the folder it reads (--collateral), and leave it as they found it.
#include <ctime>
#include <utility>

#include "attestation/collateral/tdx_bundle.h"
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/snp_evidence_case.h"
#include "base/strings.h"
#include "tee/emulator/identity.h"

namespace nacre::attestation::harness {
namespace {

using tee::tdx::Collateral;

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kLongAgo = -60 * kDay;  // documents hold for 30 days
constexpr int64_t kSoon = 2 * kDay;       // not valid yet

// ---- SNP

using MakeCrl = std::function<absl::StatusOr<Bytes>(Lab&, int64_t now)>;
Case SnpCrl(std::string name, std::string what, MakeCrl make) {
  return SnpEvidenceCase(
      std::move(name), std::move(what),
      [make = std::move(make)](Lab& lab, tee::sev::SnpEvidence& evidence) -> absl::Status {
        ASSIGN_OR_RETURN(Bytes crl, make(lab, std::time(nullptr)));
        evidence.certificates.push_back({tee::sev::CertificateKind::kCrl, std::move(crl)});
        return absl::OkStatus();
      });
}

MakeCrl ArkCrl(int64_t from, int64_t to, bool revokes_intermediate = false) {
  return [=](Lab& lab, int64_t now) -> absl::StatusOr<Bytes> {
    crypto::CrlRequest request;
    request.this_update = now + from;
    request.next_update = now + to;
    if (revokes_intermediate) {
      request.revoked_serials = {lab.snp().identity().intermediate.serial()};
    }
    return tee::emulator::MakeArkCrl(lab.snp().folder(), lab.snp().identity(), request);
  };
}

std::vector<Case> SnpCrls() {
  Case current = SnpCrl("snp-crl-current", "good evidence with a current CRL that revokes nothing",
                        ArkCrl(-kDay, kDay));
  current.expected = Accepted("a token");
  return {std::move(current),
          SnpCrl("snp-crl-expired", "a CRL that is over", ArkCrl(-10 * kDay, -kDay)),
          SnpCrl("snp-crl-of-the-future", "a CRL that has not begun", ArkCrl(kDay, 10 * kDay)),
          SnpCrl("snp-crl-revokes", "a CRL that revokes the chain's intermediate",
                 ArkCrl(-kDay, kDay, true)),
          SnpCrl("snp-crl-garbage", "a CRL that is none",
                 [](Lab&, int64_t) { return Bytes(300, 0x30); })};
}

// ---- TDX

// The folder's files, put back at the end.
class FolderAsItWas {
 public:
  static absl::StatusOr<FolderAsItWas> Of(const std::string& folder) {
    ASSIGN_OR_RETURN(Collateral collateral, ReadBundle(folder), "--collateral");
    return FolderAsItWas(folder, std::move(collateral));
  }
  FolderAsItWas(FolderAsItWas&& other) noexcept
      : folder_(std::exchange(other.folder_, "")), collateral_(std::move(other.collateral_)) {}
  FolderAsItWas& operator=(FolderAsItWas&&) = delete;
  ~FolderAsItWas() {
    if (!folder_.empty()) WriteBundle(folder_, collateral_, std::time(nullptr)).IgnoreError();
  }

 private:
  FolderAsItWas(std::string folder, Collateral collateral)
      : folder_(std::move(folder)), collateral_(std::move(collateral)) {}
  std::string folder_;
  Collateral collateral_;
};

absl::StatusOr<Reply> AttestTdx(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin("tdx"));
  ASSIGN_OR_RETURN(Json attestation, lab.HonestOf(lab.tdx(), session, lab.key()));
  return lab.Attest(session, attestation);
}

// `spoil` gets good collateral of now, and collateral that the same machine's maker issued then.
using Spoil = std::function<void(Collateral& good, const Collateral& then)>;
Case TdxCollateral(std::string name, std::string what, int64_t then, Spoil spoil) {
  auto steps = [then, spoil = std::move(spoil)](Lab& lab) -> absl::StatusOr<Reply> {
    const std::string& folder = lab.options().collateral_folder;
    ASSIGN_OR_RETURN(const FolderAsItWas restored_at_the_end, FolderAsItWas::Of(folder));
    const int64_t now = std::time(nullptr);
    ASSIGN_OR_RETURN(Collateral good, lab.tdx().platform().MakeCollateral(now));
    ASSIGN_OR_RETURN(const Collateral other, lab.tdx().platform().MakeCollateral(now + then));
    spoil(good, other);
    RETURN_IF_ERROR(WriteBundle(folder, good, now));
    return AttestTdx(lab);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kTdx, Need::kCollateral},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

void TcbInfo(Collateral& good, const Collateral& then) { good.tcb_info = then.tcb_info; }
void QeIdentity(Collateral& good, const Collateral& then) { good.qe_identity = then.qe_identity; }
void RootCrl(Collateral& good, const Collateral& then) { good.crls.at(0) = then.crls.at(0); }
void PckCrl(Collateral& good, const Collateral& then) { good.crls.at(1) = then.crls.at(1); }
void Everything(Collateral& good, const Collateral& then) { good = then; }

std::vector<Case> TdxInTime() {
  struct Part {
    std::string name, words;
    Spoil spoil;
  };
  std::vector<Case> cases;
  Case fresh = TdxCollateral("tdx-current", "good evidence and collateral issued a moment ago", 0,
                             Everything);
  fresh.expected = Accepted("a token");
  cases.push_back(std::move(fresh));
  for (const Part& part : {Part{"tcb-info", "TCB info", TcbInfo},
                           {"qe-identity", "an identity of the quoting enclave", QeIdentity},
                           {"root-crl", "a CRL of the root", RootCrl},
                           {"pck-crl", "a CRL of the PCK CA", PckCrl},
                           {"collateral", "collateral all of which", Everything}}) {
    const bool all = part.name == "collateral";
    cases.push_back(TdxCollateral(StrCat("tdx-", part.name, "-expired"),
                                  StrCat(part.words, all ? " is over" : " that is over"), kLongAgo,
                                  part.spoil));
    cases.push_back(TdxCollateral(
        StrCat("tdx-", part.name, "-of-the-future"),
        StrCat(part.words, all ? " has not begun" : " that has not begun"), kSoon, part.spoil));
  }
  return cases;
}

}  // namespace

Family CollateralAttacks() {
  std::vector<Case> cases;
  for (auto& more : {SnpCrls(), TdxInTime()}) cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "attack", .name = "collateral", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
