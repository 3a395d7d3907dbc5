// Event logs and TPM quotes against the hashing and the signature check they cannot do without,
// measured in one run.

#include <benchmark/benchmark.h>

#include "crypto/key.h"
#include "tee/eventlog/claims.h"
#include "tee/eventlog/event_data.h"
#include "tee/eventlog/log_writer.h"
#include "tee/tpm/verify.h"

namespace nacre::tee {
namespace {

using eventlog::Bank;
using eventlog::EventLog;
using eventlog::Registers;

constexpr int kEvents = 100;

// As a distribution's boot leaves it: a hundred events of 200 bytes, in two banks.
const Bytes& Log() {
  static const auto* log = [] {
    const std::vector<Bank> banks = {Bank::kSha256, Bank::kSha384};
    ByteWriter out;
    out.Put(eventlog::LogHeader(banks));
    for (uint32_t i = 0; i < kEvents; ++i) {
      const Bytes data(200, static_cast<uint8_t>(i));
      out.Put(eventlog::EncodeMeasuredEvent(i % 8, eventlog::kEfiAction, banks, data, data));
    }
    return new Bytes(out.Release());
  }();
  return *log;
}

void ParseLog(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(EventLog::Parse(Log(), Registers::kPcr));
}
BENCHMARK(ParseLog);

void ReplayLog(benchmark::State& state) {
  const EventLog log = *EventLog::Parse(Log(), Registers::kPcr);
  for (auto _ : state) benchmark::DoNotOptimize(eventlog::Replay(log, Bank::kSha384));
}
BENCHMARK(ReplayLog);

// The extends of a replay alone.
void BareExtends(benchmark::State& state) {
  const Bytes value(96);
  for (auto _ : state) {
    for (int i = 0; i < kEvents; ++i) {
      benchmark::DoNotOptimize(eventlog::BankDigest(Bank::kSha384, value));
    }
  }
}
BENCHMARK(BareExtends);

void CheckData(benchmark::State& state) {
  const EventLog log = *EventLog::Parse(Log(), Registers::kPcr);
  for (auto _ : state) benchmark::DoNotOptimize(eventlog::CheckEventData(log, Bank::kSha384));
}
BENCHMARK(CheckData);

// Nothing but the digests of the events' data.
void BareDigests(benchmark::State& state) {
  const Bytes data(200);
  for (auto _ : state) {
    for (int i = 0; i < kEvents; ++i) {
      benchmark::DoNotOptimize(eventlog::BankDigest(Bank::kSha384, data));
    }
  }
}
BENCHMARK(BareDigests);

struct Quoted {
  crypto::PrivateKey key = *crypto::PrivateKey::GenerateRsa(2048);
  tpm::TpmEvidence evidence;
  Quoted() {
    std::vector<uint32_t> all;
    for (uint32_t pcr = 0; pcr < 24; ++pcr) {
      all.push_back(pcr);
      evidence.pcrs[Bank::kSha256][pcr] = Bytes(32);
    }
    tpm::Attest attest;
    attest.selections = {tpm::PcrSelection::Of(Bank::kSha256, all)};
    attest.pcr_digest = eventlog::BankDigest(Bank::kSha256, Bytes(24 * 32));
    evidence.attest = tpm::SerializeAttest(attest);
    evidence.signature = tpm::SerializeSignature(
        tpm::RawRsaSsa(*key.SignRsaPkcs1(crypto::HashAlgorithm::kSha256, evidence.attest)));
  }
};
const Quoted& Quote() {
  static const auto* quote = new Quoted;
  return *quote;
}

void ParseAttest(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(tpm::ParseAttest(Quote().evidence.attest));
}
BENCHMARK(ParseAttest);

void VerifyQuote(benchmark::State& state) {
  const auto ak = tpm::TrustedAk::Configured("bench", Quote().key.public_key());
  for (auto _ : state) {
    Appraisal appraisal;
    const auto report = tpm::VerifyTpm(Quote().evidence, ak, {}, {}, &appraisal);
    if (!report) state.SkipWithError(appraisal.refusal.c_str());
  }
}
BENCHMARK(VerifyQuote);

void BareRsaVerify(benchmark::State& state) {
  const auto signature = tpm::ParseSignature(Quote().evidence.signature);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Quote().key.public_key().VerifyRsaPkcs1(
        crypto::HashAlgorithm::kSha256, Quote().evidence.attest, signature->rsa));
  }
}
BENCHMARK(BareRsaVerify);

}  // namespace
}  // namespace nacre::tee

BENCHMARK_MAIN();
