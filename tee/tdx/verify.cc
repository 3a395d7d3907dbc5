// The steps stand in the order in which they give meaning to each other: a certificate's words
// count for nothing before its chain holds, the attestation key for nothing before the quoting
// enclave vouched for it, and a TCB level for nothing before its document is known to be Intel's
// and about this platform. The first failed step of genuineness ends the verification; demands of
// the owner are then checked all together.

#include "tee/tdx/verify.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/tdx/claims.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kCoordinate = 32;
constexpr size_t kDigest = 32;

// Checks whose outcome may be known from an earlier quote, and what they expect.
constexpr std::string_view kChain = "PCK certificate chain";
constexpr std::string_view kWantChain = "PCK, intermediate and a trusted root";
constexpr std::string_view kExtension = "PCK extension";
constexpr std::string_view kWantExtension = "Intel's SGX extension and a key";
constexpr std::string_view kRevocation = "revocation";
constexpr std::string_view kWantRevocation = "not revoked";
constexpr std::string_view kType = "collateral type";
constexpr std::string_view kWantType = "TDX version 3, TD_QE version 2";
constexpr std::string_view kSignatures = "collateral signatures";
constexpr std::string_view kWantSignatures = "by Intel SGX TCB Signing under the quote's root";
constexpr std::string_view kDates = "collateral dates";
constexpr std::string_view kYes = "yes";

absl::StatusOr<crypto::PublicKey> AttestationKey(const QuoteSignature& signature) {
  const ByteView point(signature.attestation_key);
  return crypto::PublicKey::FromEcPoint({crypto::Curve::kP256, ToBytes(point.first(kCoordinate)),
                                         ToBytes(point.subspan(kCoordinate))});
}

class Verification {
 public:
  Verification(ByteView bytes, const TdxTrust& trust, const TdxPolicy& policy, int64_t now,
               Appraisal* appraisal)
      : bytes_(bytes), trust_(trust), policy_(policy), now_(now), appraisal_(*appraisal) {
    appraisal_.tee = TeeKind::kTdx;
  }

  bool Format() {
    const std::string_view name = "quote format";
    const std::string_view expected = "a TDX quote of version 4 or 5";
    auto quote = ParseQuote(bytes_);
    if (!quote.ok()) return Fail(RefusalClass::kFormat, name, expected, quote.status());
    td_.quote = *std::move(quote);
    if (!td_.quote.td) {
      return appraisal_.Add(RefusalClass::kTypeMismatch, name, false, expected,
                            "an SGX quote of version 3", "this is an SGX quote, not a TDX one");
    }
    if (td_.quote.header.qe_vendor_id != kIntelQeVendorId) {
      return appraisal_.Add(RefusalClass::kFormat, "QE vendor", false, HexEncode(kIntelQeVendorId),
                            HexEncode(td_.quote.header.qe_vendor_id));
    }
    auto key = AttestationKey(td_.quote.signature);
    if (!key.ok()) {
      return Fail(RefusalClass::kFormat, "attestation key", "a point of P-256", key.status());
    }
    attestation_key_ = *std::move(key);
    return appraisal_.Add(name, true, expected, StrCat("version ", td_.quote.header.version));
  }

  bool Chain() {
    const std::string_view name = kChain;
    const std::string_view expected = kWantChain;
    const QuoteSignature& signature = td_.quote.signature;
    if (signature.certification_type != kCertificationPckChain) {
      return appraisal_.Add(RefusalClass::kUnsupportedCertType, name, false, expected,
                            StrCat("certification data of type ", signature.certification_type));
    }
    auto chain = VerifyPckChain(signature.certification_data, trust_, now_);
    if (!chain.ok()) return Fail(RefusalClass::kChain, name, expected, chain.status());
    appraisal_.root = chain->trusted.name;
    appraisal_.emulated = chain->trusted.emulated;
    appraisal_.Add(name, true, expected, chain->trusted.name);
    auto extension = ReadPckExtension(chain->pck);
    auto key = chain->pck.public_key();
    if (!extension.ok() || !key.ok()) {
      return Fail(RefusalClass::kFormat, kExtension, kWantExtension,
                  extension.ok() ? key.status() : extension.status());
    }
    endorsement_ = std::make_shared<Endorsement>(
        Endorsement{*std::move(chain), *extension, *std::move(key), 0, 0});
    td_.pck = endorsement_->pck;
    return AddExtension();
  }

  bool Revocation(RevocationChecks* checks) {
    return Step(RefusalClass::kRevoked, kRevocation, kWantRevocation,
                checks->CheckPck(endorsement_->chain));
  }

  bool QuotingEnclave() {
    const QuoteSignature& signature = td_.quote.signature;
    const Bytes report = SerializeEnclaveReport(signature.qe_report);
    const absl::Status signed_by_pck = endorsement_->pck_key.VerifyEcdsa(
        crypto::HashAlgorithm::kSha256, report, signature.qe_report_signature);
    if (!signed_by_pck.ok()) {
      return appraisal_.Add(RefusalClass::kQeReportSignature, "QE report signature", false,
                            "the PCK's ECDSA P-256 signature", Message(signed_by_pck),
                            "the quoting enclave's report is not signed by the PCK");
    }
    appraisal_.Add("QE report signature", true, "the PCK's ECDSA P-256 signature", "valid");
    Bytes expected = crypto::Digest(
        crypto::HashAlgorithm::kSha256,
        ByteWriter().Put(signature.attestation_key).Put(signature.qe_auth_data).Release());
    expected.resize(2 * kDigest);  // zeros after the digest
    return appraisal_.Add(RefusalClass::kQeReportData, "QE report data",
                          std::ranges::equal(expected, signature.qe_report.report_data),
                          HexEncode(expected), HexEncode(signature.qe_report.report_data),
                          "the quoting enclave vouches for another attestation key");
  }

  bool Signature() {
    const absl::Status status = attestation_key_->VerifyEcdsa(crypto::HashAlgorithm::kSha256,
                                                              bytes_.first(td_.quote.signed_size),
                                                              td_.quote.signature.signature);
    return appraisal_.Add(RefusalClass::kQuoteSignature, "quote signature", status.ok(),
                          "the attestation key's ECDSA P-256 signature",
                          status.ok() ? "valid" : Message(status),
                          "the quote is not signed by its attestation key");
  }

  bool CheckCollateral(const ParsedCollateral& collateral, RevocationChecks* checks) {
    const crypto::Certificate& root = endorsement_->chain.root;
    if (!Step(RefusalClass::kCollateralType, kType, kWantType, CheckCollateralType(collateral)) ||
        !Step(
            RefusalClass::kCollateralSignature, kSignatures, kWantSignatures,
            CheckCollateralSignatures(collateral, root, /*root_known_good=*/true, now_, checks))) {
      return false;
    }
    return AddPlatform(collateral.tcb_info) &&
           Step(RefusalClass::kCollateralExpired, kDates, WantDates(),
                CheckCollateralTime(collateral, now_));
  }

  // Chain, revocation and collateral as they were found good before.
  void UseKnown(std::shared_ptr<const Endorsement> known) {
    endorsement_ = std::move(known);
    td_.pck = endorsement_->pck;
    appraisal_.root = endorsement_->chain.trusted.name;
    appraisal_.emulated = endorsement_->chain.trusted.emulated;
    appraisal_.Add(kChain, true, kWantChain, endorsement_->chain.trusted.name);
    AddExtension();
    appraisal_.Add(kRevocation, true, kWantRevocation, kYes);
  }
  void AddKnownCollateral(const ParsedCollateral& collateral) {
    appraisal_.Add(kType, true, kWantType, kYes);
    appraisal_.Add(kSignatures, true, kWantSignatures, kYes);
    AddPlatform(collateral.tcb_info);
    appraisal_.Add(kDates, true, WantDates(), kYes);
  }
  std::shared_ptr<const Endorsement> NewEndorsement(const ParsedCollateral& collateral) const {
    auto out = std::make_shared<Endorsement>(*endorsement_);
    SetPeriod(collateral, now_, out.get());
    return out;
  }
  ByteView certification_data() const { return td_.quote.signature.certification_data; }
  bool may_be_known() const {
    return td_.quote.signature.certification_type == kCertificationPckChain &&
           certification_data().size() <= EndorsementCache::kMaxCertificationData;
  }

  bool Tcb(const ParsedCollateral& collateral) {
    td_.numbers = {collateral.tcb_info.evaluation_data_number,
                   collateral.qe_identity.evaluation_data_number};
    auto tcb = EvaluateTcb(td_.pck, *td_.quote.td, td_.quote.signature.qe_report,
                           collateral.tcb_info, collateral.qe_identity);
    const std::string_view name = "TCB level";
    const std::string_view expected = "quoting enclave, TDX module and platform that Intel knows";
    if (!tcb.ok()) return Fail(RefusalClass::kTcbNotSupported, name, expected, tcb.status());
    td_.tcb = *std::move(tcb);
    return appraisal_.Add(RefusalClass::kRevoked, name, td_.tcb.status != TcbStatus::kRevoked,
                          expected, TcbStatusName(td_.tcb.status),
                          "the platform's TCB level is revoked");
  }

  bool Policy() {
    AddTdxClaims(td_, endorsement_->chain.pck, &appraisal_);
    return CheckTdxPolicy(*td_.quote.td, td_.pck, td_.tcb, td_.numbers, policy_, &appraisal_);
  }

  VerifiedTd Release() { return std::move(td_); }

 private:
  bool Fail(RefusalClass otherwise, std::string_view name, std::string_view expected,
            const absl::Status& status) {
    return appraisal_.AddError(otherwise, name, expected, status);
  }
  bool Step(RefusalClass otherwise, std::string_view name, std::string_view expected,
            const absl::Status& status) {
    if (!status.ok()) return Fail(otherwise, name, expected, status);
    return appraisal_.Add(name, true, expected, kYes);
  }
  bool AddExtension() {
    return appraisal_.Add(kExtension, true, kWantExtension,
                          StrCat("FMSPC ", HexEncode(td_.pck.fmspc)));
  }
  bool AddPlatform(const TcbInfo& info) {
    const auto platform = [](ByteView fmspc, ByteView pce_id) {
      return StrCat("FMSPC ", HexEncode(fmspc), ", PCE-ID ", HexEncode(pce_id));
    };
    return appraisal_.Add(RefusalClass::kFmspcMismatch, "collateral platform",
                          info.fmspc == td_.pck.fmspc && info.pce_id == td_.pck.pce_id,
                          platform(td_.pck.fmspc, td_.pck.pce_id),
                          platform(info.fmspc, info.pce_id));
  }
  std::string WantDates() const { return StrCat("current at ", crypto::FormatTime(now_)); }

  ByteView bytes_;
  const TdxTrust& trust_;
  const TdxPolicy& policy_;
  int64_t now_;
  Appraisal& appraisal_;
  VerifiedTd td_;
  std::optional<crypto::PublicKey> attestation_key_;
  std::shared_ptr<const Endorsement> endorsement_;
};

}  // namespace

std::optional<VerifiedTd> VerifyTdx(ByteView quote, const ParsedCollateral& collateral,
                                    const TdxTrust& trust, const TdxPolicy& policy, int64_t now,
                                    Appraisal* appraisal, EndorsementCache* cache) {
  Verification steps(quote, trust, policy, now, appraisal);
  if (!steps.Format()) return std::nullopt;
  std::string key;
  std::shared_ptr<const Endorsement> known;
  if (cache != nullptr && steps.may_be_known()) {
    key = EndorsementCache::Key(steps.certification_data(), collateral, trust);
    known = cache->Find(key, now);
  }
  RevocationChecks revocation(collateral.crls, now);
  if (known) {
    steps.UseKnown(known);
  } else if (!steps.Chain() || !steps.Revocation(&revocation)) {
    return std::nullopt;
  }
  if (!steps.QuotingEnclave() || !steps.Signature()) return std::nullopt;
  if (known) {
    steps.AddKnownCollateral(collateral);
  } else {
    if (!steps.CheckCollateral(collateral, &revocation)) return std::nullopt;
    if (!key.empty()) cache->Store(key, steps.NewEndorsement(collateral));
  }
  if (!steps.Tcb(collateral) || !steps.Policy()) return std::nullopt;
  return steps.Release();
}

std::optional<VerifiedTd> VerifyTdx(ByteView quote, const Collateral& collateral,
                                    const TdxTrust& trust, const TdxPolicy& policy, int64_t now,
                                    Appraisal* appraisal) {
  const auto parsed = ParseCollateral(collateral);
  if (!parsed.ok()) {
    appraisal->tee = TeeKind::kTdx;
    appraisal->AddError(RefusalClass::kFormat, "collateral format", "collateral of Intel's PCS",
                        parsed.status());
    return std::nullopt;
  }
  return VerifyTdx(quote, *parsed, trust, policy, now, appraisal);
}

absl::StatusOr<CollateralKey> CollateralKeyOf(ByteView quote) {
  ASSIGN_OR_RETURN(const Quote parsed, ParseQuote(quote));
  ByteView pem = parsed.signature.certification_data;
  while (!pem.empty() && pem.back() == 0) pem = pem.first(pem.size() - 1);
  ASSIGN_OR_RETURN(const auto certificates, crypto::Certificate::AllFromPem(AsText(pem)));
  ASSIGN_OR_RETURN(const PckExtension extension, ReadPckExtension(certificates[0]));
  ASSIGN_OR_RETURN(const std::string issuer, certificates[0].issuer_common_name());
  return CollateralKey{extension.fmspc, extension.pce_id,
                       issuer.find("Processor") == std::string::npos};
}

}  // namespace nacre::tee::tdx
