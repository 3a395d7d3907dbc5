// TDX verification beside the bare ECDSA P-256 verifications it contains, and parsing by itself.
// The machine is an emulated one, whose certificates, collateral and quotes have the shape and size
// of real ones. "Bare" means OpenSSL alone: a key that is already decoded, except for the
// attestation key, which arrives in the quote as a point and must be decoded each time.
#include <benchmark/benchmark.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

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
    out.trust = {{EmulatedRootFromPem(platform->identity().root.ToPem()).value()}};
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

// One P-256 verification over `size` bytes with a decoded key: what each signature check is.
void BareVerification(benchmark::State& state) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  const Bytes message(static_cast<size_t>(state.range(0)), 7);
  Bytes signature(80);
  size_t size = signature.size();
  EVP_MD_CTX* signing = EVP_MD_CTX_new();
  EVP_DigestSignInit(signing, nullptr, EVP_sha256(), nullptr, key);
  EVP_DigestSign(signing, signature.data(), &size, message.data(), message.size());
  for (auto _ : state) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
    if (EVP_DigestVerify(context, signature.data(), size, message.data(), message.size()) != 1) {
      state.SkipWithError("does not verify");
    }
    EVP_MD_CTX_free(context);
  }
  EVP_MD_CTX_free(signing);
  EVP_PKEY_free(key);
}
BENCHMARK(BareVerification)->Arg(384)->Arg(632);

// A key from its 64 bytes, as the attestation key comes.
void BareKeyFromPoint(benchmark::State& state) {
  const Quote quote = ParseQuote(Of(4).quote).value();
  const ByteView point(quote.signature.attestation_key);
  const crypto::EcPoint coordinates{crypto::Curve::kP256, ToBytes(point.first(32)),
                                    ToBytes(point.subspan(32))};
  for (auto _ : state) benchmark::DoNotOptimize(crypto::PublicKey::FromEcPoint(coordinates));
}
BENCHMARK(BareKeyFromPoint);

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

// Those two, four certificates, three CRL signatures and two documents.
void VerifyNoCache(benchmark::State& state) { Verify(state, nullptr); }
BENCHMARK(VerifyNoCache)->Arg(4)->Arg(5);

void ParseCollateralOnly(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ParseCollateral(Of(4).collateral));
}
BENCHMARK(ParseCollateralOnly);

}  // namespace
}  // namespace nacre::tee::tdx

BENCHMARK_MAIN();
