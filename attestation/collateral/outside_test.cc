// Intel's real collateral, served by a stand-in for a PCCS, fetched, cached, and good for the real
// quotes of the same platforms (tee/testing/outside.h).

#include <gtest/gtest.h>

#include "attestation/collateral/stand_in_service.h"
#include "attestation/collateral/tdx_collateral.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "tee/tdx/outside_data.h"

namespace nacre::attestation {
namespace {

using tee::outside::Tally;
using tee::outside::Text;

class OutsideCollateral : public tee::tdx::OutsideTdx {
 protected:
  // The certificates of the folder with these names.
  static std::string Chain(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
      for (const Json& vector : OfKind("intel-ca-cert")) {
        if (Text(vector.at("expected"), "subject_cn") != name) continue;
        const Bytes der = tee::outside::ReadData(tee::outside::FileOf(vector, "certificate"));
        out += crypto::Certificate::FromDer(der).value().ToPem();
      }
    }
    return out;
  }

  // The CRL of this issuer that is in force at `now`.
  static Bytes CrlOf(const std::string& issuer, int64_t now) {
    for (const Json& vector : OfKind("tdx-collateral-crl")) {
      const Json& stated = vector.at("expected");
      if (Text(vector.at("what"), "issuer") == issuer &&
          tee::outside::Time(Text(stated, "this_update")) <= now &&
          now < tee::outside::Time(Text(stated, "next_update"))) {
        return tee::outside::ReadData(tee::outside::FileOf(vector, "X.509 CRL"));
      }
    }
    return {};
  }

  static bool Fetched(const Json& vector, const Json& pair, int64_t now) {
    const Json subjects = vector.at("expected").at("pck_chain_subjects");
    tee::tdx::Collateral real;
    real.tcb_info = Document(Text(pair, "tcb_info"));
    real.qe_identity = Document(Text(pair, "qe_identity"));
    real.signing_certificates = Chain({"Intel SGX TCB Signing", subjects.at(2)});
    real.crls = {CrlOf(subjects.at(2), now), CrlOf(subjects.at(1), now)};
    const StandInService service(real, Chain({subjects.at(1), subjects.at(2)}));
    PcsOptions pcs;
    pcs.url = service.url();
    const auto folder = TemporaryDirectory::Create("collateral").value();
    TdxCollateralOptions options;
    options.cache_folder = folder.path();
    options.service = PcsClient::Create(std::move(pcs)).value();
    const TdxCollateralStore store(std::move(options));
    const Bytes quote = QuoteBytes(vector);
    const auto key = tee::tdx::CollateralKeyOf(quote).value();
    for (const int requests : {4, 4}) {  // the second from the cache
      const auto found = store.Get(key, now);
      if (!found.ok() || service.requests() != requests) {
        ADD_FAILURE() << found.status();
        return false;
      }
      tee::Appraisal appraisal;
      const bool verified =
          tee::tdx::VerifyTdx(quote, found->collateral, {}, tee::tdx::AnyPolicy(), now, &appraisal)
              .has_value();
      const bool supported = !Text(pair, "overall_status").starts_with("ERROR");
      if (verified != supported) return false;
    }
    return true;
  }
};

TEST_F(OutsideCollateral, RealCollateralThroughAService) {
  Tally tally("tdx collateral through a service");
  for (const Json& vector : OfKind("tdx-quote")) {
    for (const Json& pair : vector.at("expected").at("tcb_evaluations")) {
      const auto now = Moment(vector, Text(pair, "tcb_info"), Text(pair, "qe_identity"));
      if (!now) continue;
      tally.Count(Fetched(vector, pair, *now),
                  StrCat(Text(vector, "id"), " with ", Text(pair, "tcb_info")));
    }
  }
}

}  // namespace
}  // namespace nacre::attestation
