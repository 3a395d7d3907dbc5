// Verify with mutations: the input is good evidence, changed. Whatever is accepted still says what
// was signed, and claims nothing new.
#include <cstdlib>

#include "base/encoding.h"
#include "base/fuzz_testing.h"
#include "crypto/keys_testing.h"
#include "tee/eventlog/log_writer.h"
#include "tee/tpm/evidence_json.h"

namespace nacre::tee::tpm {
namespace {

// Made for this file: the same in every run, so that a corpus stays good.
const crypto::PrivateKey& Key() {
  static const auto* key = new crypto::PrivateKey(*crypto::PrivateKey::FromPem(
      AsBytes("-----BEGIN PRIVATE KEY-----\n"
              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgg7JjI3v9E86m9I+V\n"
              "axUgQMqg+IfgfCoFPts7jqFYvmWhRANCAASRAmqigFKVhw9eMYJV6Te9cNs6VxX8\n"
              "gSe7Xe5iUnnRCzCyJrgzKyU0EXhRyl0V68xOo6ZRGTGUMKdma3Wk3hPi\n"
              "-----END PRIVATE KEY-----\n")));
  return *key;
}

const Bytes& Nonce() {
  static const auto* nonce = new Bytes(ToBytes("nonce"));
  return *nonce;
}

// A log that says Secure Boot is off, and a quote of the registers it leads to.
const TpmEvidence& Good() {
  static const auto* good = [] {
    const std::vector<Bank> banks = {Bank::kSha256};
    const Bytes vendor = *HexDecode("61dfe48bca93d211aa0d00e098032b8c");
    const Bytes variable = eventlog::EncodeUefiVariable(vendor, "SecureBoot", Bytes{0});
    ByteWriter log;
    log.Put(eventlog::LogHeader(banks));
    log.Put(eventlog::EncodeMeasuredEvent(7, eventlog::kEfiVariableDriverConfig, banks, variable,
                                          variable));
    log.Put(eventlog::EncodeMeasuredEvent(7, eventlog::kSeparator, banks, Bytes(4), Bytes(4)));
    auto* out = new TpmEvidence;
    out->event_log = log.Release();
    PcrValues& pcrs = out->pcrs[Bank::kSha256];
    for (uint32_t pcr = 0; pcr < 10; ++pcr) pcrs[pcr] = Bytes(32);
    const auto parsed = eventlog::EventLog::Parse(out->event_log, eventlog::Registers::kPcr);
    pcrs[7] = eventlog::Replay(*parsed, Bank::kSha256)->at(7);
    ByteWriter values;
    Attest attest;
    for (const auto& [pcr, value] : pcrs) values.Put(value);
    attest.extra_data = Nonce();
    attest.selections = {PcrSelection::Of(Bank::kSha256, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})};
    attest.pcr_digest = eventlog::BankDigest(Bank::kSha256, values.bytes());
    out->attest = SerializeAttest(attest);
    const Bytes raw = *Key().SignEcdsa(crypto::HashAlgorithm::kSha256, out->attest);
    out->signature = SerializeSignature({SignatureKind::kEcdsa,
                                         Bank::kSha256,
                                         {},
                                         Bytes(raw.begin(), raw.begin() + 32),
                                         Bytes(raw.begin() + 32, raw.end())});
    return out;
  }();
  return *good;
}

// u16 sizes of attest, signature and log, then these; PCRs follow, 32 bytes each.
TpmEvidence Split(ByteView data) {
  ByteReader reader(data);
  TpmEvidence out;
  for (Bytes* part : {&out.attest, &out.signature, &out.event_log}) {
    const auto size = reader.U16Le("size");
    const auto bytes = reader.Take(size.value_or(0), "part");
    if (bytes.ok()) *part = ToBytes(*bytes);
  }
  for (uint32_t pcr = 0; pcr < 24 && reader.remaining() >= 32; ++pcr) {
    out.pcrs[Bank::kSha256][pcr] = ToBytes(*reader.Take(32, "PCR"));
  }
  return out;
}

void Try(ByteView data) {
  const TpmEvidence evidence = Split(data);
  const auto ak = TrustedAk::Configured("fuzz", Key().public_key());
  Appraisal appraisal;
  const auto report = VerifyTpm(evidence, ak, Nonce(), {}, &appraisal);
  if (report.has_value() != appraisal.affirmed()) std::abort();
  if (report.has_value() == appraisal.claims.empty()) std::abort();
  if (!report) {
    if (appraisal.refusal_class == RefusalClass::kNone) std::abort();
    return;
  }
  if (evidence.attest != Good().attest || report->pcrs != Good().pcrs.at(Bank::kSha256)) {
    std::abort();
  }
  const auto secure_boot = appraisal.claims.find("secure_boot");
  if (secure_boot != appraisal.claims.end() && secure_boot->second != "off") std::abort();
}

std::vector<std::string> Seeds() {
  ByteWriter out;
  for (const Bytes* part : {&Good().attest, &Good().signature, &Good().event_log}) {
    out.U16Le(static_cast<uint16_t>(part->size())).Put(*part);
  }
  for (const auto& [pcr, value] : Good().pcrs.at(Bank::kSha256)) out.Put(value);
  return {ToString(out.bytes())};
}

NACRE_FUZZ_TARGET(TpmVerify, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tpm
