// TDX quotes: cut, changed, signed by somebody else, of a TD that its host may look into.
#include <ctime>

#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/protocol/binding.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "tee/emulator/tdx_identity.h"

namespace nacre::attestation::harness {
namespace {

using tee::emulator::TdxIdentity;
using tee::emulator::TdxPlatform;
using tee::tdx::Quote;

constexpr int64_t kDay = 24 * 3600;

absl::StatusOr<Reply> AttestQuote(Lab& lab, const GuestSession& session, ByteView quote,
                                  const Json& log = nullptr) {
  Json evidence = {{"quote", Base64Encode(quote)}, {"cc_eventlog", log}};
  ASSIGN_OR_RETURN(Json attestation, lab.With(session, std::move(evidence), lab.tdx().init_data()));
  return lab.Attest(session, attestation);
}

// The quote of an honest TD for this session, spoilt as bytes.
using ChangeBytes = std::function<void(Bytes&)>;
Case QuoteBytes(std::string name, std::string what, ChangeBytes change) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("tdx"));
    ASSIGN_OR_RETURN(const tee::ReportData report_data,
                     BindReportData(session.nonce, lab.key().jwk, ""));
    ASSIGN_OR_RETURN(Bytes quote, lab.tdx().platform().Quote(report_data));
    change(quote);
    return AttestQuote(lab, session, quote);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kTdx},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

// Changed before it is signed, by the trusted machine or by one of the attacker's own.
using ChangeQuote = std::function<void(Quote&)>;
using MakeIdentity = std::function<absl::StatusOr<TdxIdentity>(Lab&)>;
Case SignedQuote(std::string name, std::string what, ChangeQuote change, MakeIdentity identity = {},
                 TdxPlatform::QeChange qe_change = {}) {
  auto steps = [change = std::move(change), identity = std::move(identity),
                qe_change = std::move(qe_change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("tdx"));
    ASSIGN_OR_RETURN(const tee::ReportData report_data,
                     BindReportData(session.nonce, lab.key().jwk, ""));
    Quote quote = lab.tdx().platform().Unsigned(report_data);
    if (change) change(quote);
    const TdxPlatform* platform = &lab.tdx().platform();
    std::optional<TdxPlatform> own;
    if (identity) {
      ASSIGN_OR_RETURN(TdxIdentity made, identity(lab));
      ASSIGN_OR_RETURN(TdxPlatform other, TdxPlatform::Create(std::move(made), {}));
      own = std::move(other);
      platform = &*own;
    }
    ASSIGN_OR_RETURN(const Bytes bytes, platform->Sign(std::move(quote), qe_change));
    return AttestQuote(lab, session, bytes);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kTdx},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

absl::StatusOr<TdxIdentity> SelfMade(Lab&) {
  return tee::emulator::MakeTdxIdentity({.now = std::time(nullptr)});
}

// The machine's own PCK key, certified for another time by its own intermediate.
MakeIdentity PckInTime(int64_t from, int64_t to) {
  return [from, to](Lab& lab) -> absl::StatusOr<TdxIdentity> {
    const std::string folder = lab.tdx().folder();
    ASSIGN_OR_RETURN(TdxIdentity identity, tee::emulator::LoadTdxIdentity(folder));
    const int64_t now = std::time(nullptr);
    crypto::CertificateRequest request;
    request.subject = {{"CN", "Intel SGX PCK Certificate"}};
    request.not_before = now + from;
    request.not_after = now + to;
    request.extensions = {
        {tee::tdx::kOidSgxExtension, tee::tdx::SerializePckExtension(identity.extension)}};
    ASSIGN_OR_RETURN(identity.pck.certificate,
                     crypto::MakeCertificate(
                         request, identity.pck.key.public_key(), &identity.intermediate.certificate,
                         identity.intermediate.key, crypto::SignatureScheme::kEcdsaSha256));
    return identity;
  };
}

// The trusted chain with an attestation key that its quoting enclave never made.
absl::StatusOr<TdxIdentity> ForeignPckKey(Lab& lab) {
  ASSIGN_OR_RETURN(TdxIdentity identity, tee::emulator::LoadTdxIdentity(lab.tdx().folder()));
  ASSIGN_OR_RETURN(identity.pck.key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  return identity;
}

void Set32(Bytes& bytes, size_t offset, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[offset + static_cast<size_t>(i)] = (value >> (8 * i)) & 0xff;
}

// Where the signature data begins in a quote of version 4.
constexpr size_t kSignatureSize = tee::tdx::kQuoteHeaderSize + tee::tdx::kTd10BodySize;

std::vector<Case> Cut() {
  std::vector<Case> cases;
  for (size_t size : {0u, 1u, 47u, 48u, 400u, 631u, 632u, 635u, 636u, 700u, 1200u}) {
    cases.push_back(QuoteBytes(StrCat("cut-at-", size),
                               StrCat("a quote cut after ", size, " bytes"),
                               [size](Bytes& quote) { quote.resize(size); }));
  }
  cases.push_back(QuoteBytes("cut-by-one", "a quote without its last byte",
                             [](Bytes& quote) { quote.pop_back(); }));
  return cases;
}

std::vector<Case> Changed() {
  return {QuoteBytes("body-changed", "one bit of the TD's measurement changed",
                     [](Bytes& quote) { quote[200] ^= 1; }),
          QuoteBytes("signature-changed", "one bit of the quote's signature changed",
                     [](Bytes& quote) { quote[kSignatureSize + 4 + 10] ^= 1; }),
          QuoteBytes("attestation-key-changed", "one bit of the attestation key changed",
                     [](Bytes& quote) { quote[kSignatureSize + 4 + 64 + 10] ^= 1; }),
          QuoteBytes("qe-report-changed", "one bit of the quoting enclave's report changed",
                     [](Bytes& quote) { quote[kSignatureSize + 4 + 128 + 6 + 70] ^= 1; }),
          QuoteBytes("version-3", "a quote of version 3", [](Bytes& quote) { quote[0] = 3; }),
          QuoteBytes("version-5-without-its-body", "a quote that says it is of version 5",
                     [](Bytes& quote) { quote[0] = 5; }),
          QuoteBytes("of-sgx", "a quote that says it is SGX's",
                     [](Bytes& quote) { Set32(quote, 4, 0); }),
          QuoteBytes("key-type", "a quote with another type of key",
                     [](Bytes& quote) { quote[2] = 3; }),
          QuoteBytes("size-huge", "signature data of 4 GiB by its own word",
                     [](Bytes& quote) { Set32(quote, kSignatureSize, 0xffffffff); }),
          QuoteBytes("certification-size-huge", "certification data of 4 GiB by its own word",
                     [](Bytes& quote) { Set32(quote, kSignatureSize + 4 + 128 + 2, 0xffffffff); }),
          QuoteBytes("zeros", "a quote of zeros",
                     [](Bytes& quote) { std::fill(quote.begin(), quote.end(), 0); })};
}

std::vector<Case> Signed() {
  return {SignedQuote("debug", "a TD that its host may debug",
                      [](Quote& quote) { quote.td->td_attributes |= tee::tdx::kTdDebug; }),
          SignedQuote("measurement-changed", "a TD whose firmware nobody registered",
                      [](Quote& quote) { quote.td->mrtd[0] ^= 1; }),
          SignedQuote("kernel-changed", "a TD whose kernel nobody registered",
                      [](Quote& quote) { quote.td->rtmr[1][0] ^= 1; }),
          SignedQuote("report-data-changed", "a TD's quote over other report data",
                      [](Quote& quote) { quote.td->report_data[0] ^= 1; }),
          SignedQuote("unknown-module", "a TD on a TDX module that no collateral knows",
                      [](Quote& quote) { quote.td->mrsignerseam[0] ^= 1; }),
          SignedQuote("stale-tcb", "a TD on a TDX module of SVN 0",
                      [](Quote& quote) { quote.td->tee_tcb_svn.fill(0); }),
          SignedQuote("self-made", "a machine whose chain the attacker made", {}, SelfMade),
          SignedQuote("foreign-pck-key", "a quoting enclave that the machine's PCK did not sign",
                      {}, ForeignPckKey),
          SignedQuote("pck-expired", "a PCK certificate that is over", {},
                      PckInTime(-10 * kDay, -kDay)),
          SignedQuote("pck-of-the-future", "a PCK certificate that has not begun", {},
                      PckInTime(kDay, 10 * kDay)),
          SignedQuote("debug-quoting-enclave", "a quoting enclave under debug", {}, {},
                      [](tee::tdx::EnclaveReport& report) { report.attributes[0] |= 2; }),
          SignedQuote("another-enclave", "a quoting enclave of another signer", {}, {},
                      [](tee::tdx::EnclaveReport& report) { report.mrsigner[0] ^= 1; })};
}

Case Log(std::string name, std::string what, Json log) {
  auto steps = [log = std::move(log)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("tdx"));
    ASSIGN_OR_RETURN(const tee::ReportData report_data,
                     BindReportData(session.nonce, lab.key().jwk, ""));
    ASSIGN_OR_RETURN(const Bytes quote, lab.tdx().platform().Quote(report_data));
    return AttestQuote(lab, session, quote, log);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kTdx},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

std::vector<Case> Logs() {
  return {Log("log-garbage", "an event log that is none", Base64Encode(Bytes(200, 0x41))),
          Log("log-not-base64", "an event log that is no base64", "%%%%"),
          Log("log-huge", "an event log of a megabyte of zeros", Base64Encode(Bytes(1 << 20, 0))),
          Log("log-number", "an event log that is a number", 5)};
}

}  // namespace

Family TdxAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Cut(), Changed(), Signed(), Logs()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "tdx", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
