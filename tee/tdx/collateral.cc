#include "tee/tdx/collateral.h"

#include "base/strings.h"
#include "tee/common/chain_refusal.h"

namespace nacre::tee::tdx {
namespace {

using crypto::Certificate;

constexpr std::string_view kSignerName = "Intel SGX TCB Signing";

absl::Status Missing(std::string_view what) {
  return RefusedError(RefusalClass::kCollateralMissing, StrCat("no ", what));
}

absl::Status ParseAuthorities(const Collateral& from, ParsedCollateral* out) {
  auto certificates = Certificate::AllFromPem(from.signing_certificates);
  RETURN_IF_ERROR(WithClass(certificates.status(), RefusalClass::kFormat), "signing certificates");
  for (Certificate& certificate : *certificates) {
    const auto name = certificate.subject_common_name();
    if (name.ok() && *name == kSignerName) out->signers.push_back(std::move(certificate));
  }
  if (out->signers.empty()) return Missing(StrCat("certificate '", kSignerName, "'"));
  for (const Bytes& der : from.crls) {
    auto crl = crypto::Crl::FromDer(der);
    RETURN_IF_ERROR(WithClass(crl.status(), RefusalClass::kFormat));
    out->crls.push_back(*std::move(crl));
  }
  return absl::OkStatus();
}

// Every part with its length before it, so that no two collaterals give the same bytes.
Bytes DigestOf(const Collateral& from) {
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  const auto put = [&hasher](ByteView part) {
    hasher.Update(ByteWriter().U64Le(part.size()).bytes());
    hasher.Update(part);
  };
  put(AsBytes(from.tcb_info));
  put(AsBytes(from.qe_identity));
  put(AsBytes(from.signing_certificates));
  for (const Bytes& crl : from.crls) put(crl);
  return hasher.Finish();
}

absl::Status CheckPeriod(std::string_view what, int64_t issued, int64_t next, int64_t now) {
  if (now < issued) {
    return RefusedError(
        RefusalClass::kCollateralNotYetValid,
        StrCat(what, ": issued ", crypto::FormatTime(issued), ", after ", crypto::FormatTime(now)));
  }
  if (now >= next) {
    return RefusedError(RefusalClass::kCollateralExpired,
                        StrCat(what, ": next update was due ", crypto::FormatTime(next)));
  }
  return absl::OkStatus();
}

// The signer whose chain holds now. Renewals keep the key, so any of them will do.
absl::StatusOr<const Certificate*> FindSigner(const std::vector<Certificate>& signers,
                                              const Certificate& root, bool root_known_good,
                                              int64_t now) {
  crypto::ChainOptions options;
  options.roots = {root};
  options.roots_known_good = root_known_good;
  options.time = now;
  absl::Status last = Missing("signing certificate");
  for (const Certificate& signer : signers) {
    const auto path = VerifyChainClassed(signer, options);
    if (path.ok()) return &signer;
    last = path.status();
  }
  return Annotate(last, "TCB signing certificate");
}

absl::Status CheckSignature(const SignedJson& document, const Certificate& signer) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key, signer.public_key());
  const absl::Status status = key.VerifyEcdsa(crypto::HashAlgorithm::kSha256,
                                              AsBytes(document.signed_text), document.signature);
  if (status.ok()) return status;
  return RefusedError(RefusalClass::kCollateralSignature,
                      StrCat("not signed by ", signer.subject_text()));
}

}  // namespace

absl::StatusOr<ParsedCollateral> ParseCollateral(Collateral collateral) {
  if (collateral.tcb_info.empty()) return Missing("TCB info");
  if (collateral.qe_identity.empty()) return Missing("QE identity");
  if (collateral.signing_certificates.empty()) return Missing("TCB signing certificate");
  ParsedCollateral out;
  out.source = std::make_shared<const Collateral>(std::move(collateral));
  ASSIGN_OR_RETURN(out.signed_tcb_info, ParseSignedJson(out.source->tcb_info, "tcbInfo"));
  ASSIGN_OR_RETURN(out.tcb_info, ParseTcbInfo(out.signed_tcb_info.body));
  ASSIGN_OR_RETURN(out.signed_qe_identity,
                   ParseSignedJson(out.source->qe_identity, "enclaveIdentity"));
  ASSIGN_OR_RETURN(out.qe_identity, ParseQeIdentity(out.signed_qe_identity.body));
  RETURN_IF_ERROR(ParseAuthorities(*out.source, &out));
  out.digest = DigestOf(*out.source);
  return out;
}

absl::Status CheckCollateralType(const ParsedCollateral& collateral) {
  const TcbInfo& info = collateral.tcb_info;
  if (info.id != "TDX" || info.version != 3) {
    return RefusedError(RefusalClass::kCollateralType,
                        StrCat("TCB info of id '", info.id, "' version ", info.version));
  }
  const QeIdentity& identity = collateral.qe_identity;
  if (identity.id != "TD_QE" || identity.version != 2) {
    return RefusedError(RefusalClass::kCollateralType,
                        StrCat("QE identity of id '", identity.id, "' version ", identity.version));
  }
  return absl::OkStatus();
}

absl::Status CheckCollateralSignatures(const ParsedCollateral& collateral, const Certificate& root,
                                       bool root_known_good, int64_t now,
                                       RevocationChecks* revocation) {
  ASSIGN_OR_RETURN(const Certificate* signer,
                   FindSigner(collateral.signers, root, root_known_good, now));
  RETURN_IF_ERROR(revocation->Check(*signer, root));
  RETURN_IF_ERROR(CheckSignature(collateral.signed_tcb_info, *signer), "TCB info");
  return Annotate(CheckSignature(collateral.signed_qe_identity, *signer), "QE identity");
}

absl::Status CheckCollateralTime(const ParsedCollateral& collateral, int64_t now) {
  RETURN_IF_ERROR(CheckPeriod("TCB info", collateral.tcb_info.issue_date,
                              collateral.tcb_info.next_update, now));
  return CheckPeriod("QE identity", collateral.qe_identity.issue_date,
                     collateral.qe_identity.next_update, now);
}

}  // namespace nacre::tee::tdx
