// TDX verification beside the bare ECDSA P-256 verifications it contains, and parsing by itself.
// The promises of SPECIFICATION.md:
//
//   VerifyKnownPlatform  over BareKnownPlatform  at most 1.10
//   VerifyNoCache        over BareNoCache        at most 1.15
//   ParseOnly                                    under 2 us
//
// The machine is an emulated one, whose certificates, collateral and quotes have the shape and size
// of real ones. "Bare" means OpenSSL alone: a key that is already decoded, except for the
// attestation key, which arrives in the quote as a point and must be decoded each time.
#include <benchmark/benchmark.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <utility>
#include <vector>

#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/verify.h"

namespace nacre::tee::tdx {
namespace {

constexpr int64_t kNow = 1'800'000'000;

struct Subject {
  Bytes quote;
  Collateral collateral;
  ParsedCollateral parsed;
  TdxTrust trust;
};

const Subject& Of(int version) {
  const auto make = [](int v) {
    auto identity = emulator::MakeTdxIdentity({.now = kNow}).value();
    const auto platform = emulator::TdxPlatform::Create(
        std::move(identity), {static_cast<uint16_t>(v), emulator::EmulatedTd(), {}});
    Subject out;
    out.quote = platform->Quote({}).value();
    out.collateral = platform->MakeCollateral(kNow).value();
    out.parsed = ParseCollateral(out.collateral).value();
    out.trust = {{EmulatedRootFromPem(platform->identity().root.certificate.ToPem()).value()}};
    return out;
  };
  static const Subject four = make(4);
  static const Subject five = make(5);
  return version == 4 ? four : five;
}

void ParseOnly(benchmark::State& state) {
  const Subject& subject = Of(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(ParseQuote(subject.quote));
}
BENCHMARK(ParseOnly)->Arg(4)->Arg(5);

// P-256 verifications with a decoded key: `Verify` is what each signature check is.
class BareSigner {
 public:
  BareSigner() : key_(EVP_EC_gen("P-256")) {}
  ~BareSigner() { EVP_PKEY_free(key_); }
  BareSigner(const BareSigner&) = delete;
  BareSigner& operator=(const BareSigner&) = delete;

  Bytes Sign(const Bytes& message) const {
    Bytes signature(80);
    size_t size = signature.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_);
    EVP_DigestSign(context, signature.data(), &size, message.data(), message.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return signature;
  }
  bool Verify(const Bytes& message, const Bytes& signature) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key_);
    const bool good = EVP_DigestVerify(context, signature.data(), signature.size(), message.data(),
                                       message.size()) == 1;
    EVP_MD_CTX_free(context);
    return good;
  }

 private:
  EVP_PKEY* key_;
};

// Messages of these sizes, and the attestation key from its 64 bytes as it comes in the quote.
void Bare(benchmark::State& state, std::vector<size_t> sizes) {
  const BareSigner signer;
  std::vector<std::pair<Bytes, Bytes>> signed_messages;
  for (size_t size : sizes) {
    const Bytes message(size, 7);
    signed_messages.emplace_back(message, signer.Sign(message));
  }
  const Quote quote = ParseQuote(Of(4).quote).value();
  const ByteView point(quote.signature.attestation_key);
  const crypto::EcPoint coordinates{crypto::Curve::kP256, ToBytes(point.first(32)),
                                    ToBytes(point.subspan(32))};
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::PublicKey::FromEcPoint(coordinates));
    for (const auto& [message, signature] : signed_messages) {
      if (!signer.Verify(message, signature)) state.SkipWithError("does not verify");
    }
  }
}
// QE report and quote.
void BareKnownPlatform(benchmark::State& state) { Bare(state, {384, 632}); }
BENCHMARK(BareKnownPlatform);
// Those two, four certificates, two CRLs and two documents.
void BareNoCache(benchmark::State& state) {
  Bare(state, {384, 632, 1100, 600, 560, 560, 250, 250, 2500, 600});
}
BENCHMARK(BareNoCache);

void Verify(benchmark::State& state, EndorsementCache* cache) {
  const Subject& subject = Of(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    Appraisal appraisal;
    if (!VerifyTdx(subject.quote, subject.parsed, subject.trust, {}, kNow, &appraisal, cache)) {
      state.SkipWithError(appraisal.refusal.c_str());
    }
  }
}

// Two P-256 verifications: QE report and quote.
void VerifyKnownPlatform(benchmark::State& state) {
  EndorsementCache cache;
  Verify(state, &cache);
}
BENCHMARK(VerifyKnownPlatform)->Arg(4)->Arg(5);

// Those two, four certificates (PCK, intermediate, root, TCB signer), two CRLs and two documents.
void VerifyNoCache(benchmark::State& state) { Verify(state, nullptr); }
BENCHMARK(VerifyNoCache)->Arg(4)->Arg(5);

void ParseCollateralOnly(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ParseCollateral(Of(4).collateral));
}
BENCHMARK(ParseCollateralOnly);

}  // namespace
}  // namespace nacre::tee::tdx

BENCHMARK_MAIN();
