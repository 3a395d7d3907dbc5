// Quotes, which the guest and its host choose: what parses can be written, and gives the same bytes
// up to where its own lengths say it ends.
#include <algorithm>
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/quote.h"
#include "tee/tdx/verify.h"

namespace nacre::tee::tdx {
namespace {

void Try(ByteView data) {
  (void)CollateralKeyOf(data);
  const auto quote = ParseQuote(data);
  if (!quote.ok()) return;
  if (quote->size + quote->trailing != data.size() || quote->signed_size > quote->size ||
      quote->td.has_value() == quote->sgx.has_value()) {
    std::abort();
  }
  const ByteView whole = data.first(quote->size);
  if (!std::ranges::equal(SerializeQuote(*quote), whole) ||
      !std::ranges::equal(SerializeSignedPart(*quote), whole.first(quote->signed_size))) {
    std::abort();
  }
}

std::vector<std::string> Seeds() {
  std::vector<std::string> out;
  for (uint16_t version : {4, 5}) {
    auto identity = emulator::MakeTdxIdentity({.now = 1'800'000'000});
    const auto platform =
        emulator::TdxPlatform::Create(*std::move(identity), {version, emulator::EmulatedTd(), {}});
    out.push_back(ToString(platform->Quote({}).value()));
    out.push_back(out.back() + "trailing");
    Quote quote = ParseQuote(AsBytes(out[0])).value();
    if (version == 5) {  // TD 1.0 in a version 5 quote
      quote.header.version = 5;
      out.push_back(ToString(SerializeQuote(quote)));
      quote.header.version = 3;
      quote.header.tee_type = kTeeTypeSgx;
      quote.td.reset();
      quote.sgx = quote.signature.qe_report;
      out.push_back(ToString(SerializeQuote(quote)));
    }
  }
  return out;
}

NACRE_FUZZ_TARGET(TdxQuote, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tdx
