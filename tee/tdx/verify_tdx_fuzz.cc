// The whole verification of a genuine quote with genuine collateral after changes that the input
// describes. Nothing may crash, and what is accepted must still say what the genuine ones said:
// only bytes without meaning (PEM's line ends, space in JSON outside the signed text) are free.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/strings.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/verify.h"

namespace nacre::tee::tdx {
namespace {

constexpr int64_t kNow = 1'800'000'000;

struct Genuine {
  Bytes quote;
  Collateral collateral;
  TdxTrust trust;
  TdBody td;
};

const Genuine& Of(uint16_t version) {
  static const auto make = [](uint16_t v) {
    auto identity = emulator::MakeTdxIdentity({.now = kNow});
    const auto platform =
        emulator::TdxPlatform::Create(*std::move(identity), {v, emulator::EmulatedTd(), {}});
    auto* out =
        new Genuine{platform->Quote({}).value(),
                    platform->MakeCollateral(kNow).value(),
                    {{EmulatedRootFromPem(platform->identity().root.certificate.ToPem()).value()}},
                    {}};
    out->td = *ParseQuote(out->quote)->td;
    return out;
  };
  static const Genuine* const four = make(4);
  static const Genuine* const five = make(5);
  return version == 4 ? *four : *five;
}

// Three bytes each: where (16 bits, scaled to the size) and what to add.
template <typename Data>
void Change(ByteView edits, Data* data) {
  for (size_t i = 0; i + 2 < edits.size() && !data->empty(); i += 3) {
    const size_t at = (static_cast<size_t>(edits[i]) << 8 | edits[i + 1]) % data->size();
    (*data)[at] = static_cast<typename Data::value_type>((*data)[at] + edits[i + 2]);
  }
}

void Try(ByteView data) {
  if (data.empty()) return;
  const Genuine& genuine = Of((data[0] & 1) == 0 ? 4 : 5);
  Bytes quote = genuine.quote;
  Collateral collateral = genuine.collateral;
  const ByteView edits = data.subspan(1);
  switch (data[0] >> 1 & 7) {
    case 0:
      Change(edits, &collateral.tcb_info);
      break;
    case 1:
      Change(edits, &collateral.qe_identity);
      break;
    case 2:
      Change(edits, &collateral.signing_certificates);
      break;
    case 3:
      Change(edits, &collateral.crls[data[0] >> 4 & 1]);
      break;
    case 4:  // the beginning of a quote
      quote.resize((edits.size() * 257) % (quote.size() + 1));
      break;
    default:
      Change(edits, &quote);
  }
  Appraisal appraisal;
  const auto td = VerifyTdx(quote, collateral, genuine.trust, {}, kNow, &appraisal);
  if (td.has_value() != appraisal.affirmed() ||
      td.has_value() != (appraisal.refusal_class == RefusalClass::kNone)) {
    std::abort();
  }
  if (td && (*td->quote.td != genuine.td || td->tcb.status != TcbStatus::kUpToDate)) std::abort();
}

std::vector<std::string> Seeds() {
  std::vector<std::string> out;
  for (int part : {0, 3, 5, 6, 9, 10, 22}) {  // each part once, both versions
    out.push_back(StrCat(static_cast<char>(part), std::string("\x01\x02\x01\x40\x00\xff", 6)));
  }
  return out;
}

NACRE_FUZZ_TARGET(VerifyTdx, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tdx
