// The steps stand in the order in which they give meaning to each other: a certificate's words
// count for nothing before its chain holds, the attestation key for nothing before the quoting
// enclave vouched for it, and a TCB level for nothing before its document is known to be Intel's
// and about this platform. The first failed step of genuineness ends the verification; demands of
// the owner are then checked all together.

#include "tee/tdx/verify.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kCoordinate = 32;
constexpr size_t kDigest = 32;

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
    const std::string_view name = "PCK certificate chain";
    const std::string_view expected = "PCK, intermediate and a trusted root";
    const QuoteSignature& signature = td_.quote.signature;
    if (signature.certification_type != kCertificationPckChain) {
      return appraisal_.Add(RefusalClass::kUnsupportedCertType, name, false, expected,
                            StrCat("certification data of type ", signature.certification_type));
    }
    auto chain = VerifyPckChain(signature.certification_data, trust_, now_);
    if (!chain.ok()) return Fail(RefusalClass::kChain, name, expected, chain.status());
    chain_ = *std::move(chain);
    appraisal_.root = chain_->trusted.name;
    appraisal_.emulated = chain_->trusted.emulated;
    appraisal_.Add(name, true, expected, chain_->trusted.name);
    auto extension = ReadPckExtension(chain_->pck);
    if (!extension.ok()) {
      return Fail(RefusalClass::kFormat, "PCK extension", "Intel's SGX extension",
                  extension.status());
    }
    td_.pck = *extension;
    return appraisal_.Add("PCK extension", true, "Intel's SGX extension",
                          StrCat("FMSPC ", HexEncode(td_.pck.fmspc)));
  }

  bool Revocation(const std::vector<crypto::Crl>& crls) {
    return Step(RefusalClass::kRevoked, "revocation", "not revoked",
                CheckPckRevocation(*chain_, crls, now_));
  }

  bool QuotingEnclave() {
    const QuoteSignature& signature = td_.quote.signature;
    const Bytes report = SerializeEnclaveReport(signature.qe_report);
    const auto pck_key = chain_->pck.public_key();
    const absl::Status signed_by_pck =
        !pck_key.ok() ? pck_key.status()
                      : pck_key->VerifyEcdsa(crypto::HashAlgorithm::kSha256, report,
                                             signature.qe_report_signature);
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

  bool CheckCollateral(const ParsedCollateral& collateral) {
    if (!Step(RefusalClass::kCollateralType, "collateral type", "TDX version 3, TD_QE version 2",
              CheckCollateralType(collateral)) ||
        !Step(RefusalClass::kCollateralSignature, "collateral signatures",
              "by Intel SGX TCB Signing under the quote's root",
              CheckCollateralSignatures(collateral, chain_->root, now_))) {
      return false;
    }
    const TcbInfo& info = collateral.tcb_info;
    const auto platform = [](ByteView fmspc, ByteView pce_id) {
      return StrCat("FMSPC ", HexEncode(fmspc), ", PCE-ID ", HexEncode(pce_id));
    };
    if (!appraisal_.Add(RefusalClass::kFmspcMismatch, "collateral platform",
                        info.fmspc == td_.pck.fmspc && info.pce_id == td_.pck.pce_id,
                        platform(td_.pck.fmspc, td_.pck.pce_id),
                        platform(info.fmspc, info.pce_id))) {
      return false;
    }
    return Step(RefusalClass::kCollateralExpired, "collateral dates",
                StrCat("current at ", crypto::FormatTime(now_)),
                CheckCollateralTime(collateral, now_));
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
    AddClaims();
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
    return appraisal_.Add(name, true, expected, "yes");
  }

  void AddClaims() {
    auto& claims = appraisal_.claims;
    const TdBody& td = *td_.quote.td;
    claims["mrtd"] = HexEncode(td.mrtd);
    claims["measurement"] = claims["mrtd"];
    for (size_t i = 0; i < td.rtmr.size(); ++i) claims[StrCat("rtmr", i)] = HexEncode(td.rtmr[i]);
    claims["mrconfigid"] = HexEncode(td.mrconfigid);
    claims["mrowner"] = HexEncode(td.mrowner);
    claims["mrownerconfig"] = HexEncode(td.mrownerconfig);
    claims["mrseam"] = HexEncode(td.mrseam);
    claims["report_data"] = HexEncode(td.report_data);
    claims["td_attributes"] = FormatHexNumber(td.td_attributes);
    claims["debug"] = td.debug() ? "true" : "false";
    claims["xfam"] = FormatHexNumber(td.xfam);
    claims["tee_tcb_svn"] = HexEncode(td.tee_tcb_svn);
    if (td.td15) {
      claims["tee_tcb_svn_2"] = HexEncode(td.td15->tee_tcb_svn_2);
      claims["mrservicetd"] = HexEncode(td.td15->mrservicetd);
    }
    claims["quote_version"] = StrCat(td_.quote.header.version);
    claims["trailing_bytes"] = StrCat(td_.quote.trailing);
    AddPlatformClaims();
  }

  void AddPlatformClaims() {
    auto& claims = appraisal_.claims;
    const PckExtension& pck = td_.pck;
    claims["fmspc"] = HexEncode(pck.fmspc);
    claims["pce_id"] = HexEncode(pck.pce_id);
    claims["pck_serial"] = HexEncode(chain_->pck.serial());
    claims["tcb.sgx_components"] = HexEncode(pck.sgx_svn);
    claims["tcb.pcesvn"] = StrCat(pck.pce_svn);
    claims["tcb.status"] = TcbStatusName(td_.tcb.status);
    claims["tcb.date"] = td_.tcb.platform.date;
    claims["tcb.platform"] = TcbStatusName(td_.tcb.platform.status);
    claims["tcb.qe"] = TcbStatusName(td_.tcb.qe.status);
    claims["tcb.module"] = td_.tcb.module.id;
    if (td_.tcb.module.verdict) {
      StrAppend(&claims["tcb.module"], " ", TcbStatusName(td_.tcb.module.verdict->status));
    }
    claims["tcb.advisories"] = StrJoin(td_.tcb.advisories, ",");
    claims["tcb.evaluation_data_number"] = StrCat(td_.numbers.tcb_info);
    const auto flag = [&](const char* name, const std::optional<bool>& value) {
      if (value) claims[name] = *value ? "true" : "false";
    };
    flag("platform.dynamic", pck.dynamic_platform);
    flag("platform.cached_keys", pck.cached_keys);
    flag("platform.smt", pck.smt_enabled);
  }

  ByteView bytes_;
  const TdxTrust& trust_;
  const TdxPolicy& policy_;
  int64_t now_;
  Appraisal& appraisal_;
  VerifiedTd td_;
  std::optional<crypto::PublicKey> attestation_key_;
  std::optional<PckChain> chain_;
};

}  // namespace

std::optional<VerifiedTd> VerifyTdx(ByteView quote, const ParsedCollateral& collateral,
                                    const TdxTrust& trust, const TdxPolicy& policy, int64_t now,
                                    Appraisal* appraisal) {
  Verification steps(quote, trust, policy, now, appraisal);
  const bool genuine = steps.Format() && steps.Chain() && steps.Revocation(collateral.crls) &&
                       steps.QuotingEnclave() && steps.Signature() &&
                       steps.CheckCollateral(collateral) && steps.Tcb(collateral);
  if (!genuine || !steps.Policy()) return std::nullopt;
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
