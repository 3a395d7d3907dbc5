#include "attestation/collateral/pcs_client.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "net/url.h"
#include "tee/common/chain_refusal.h"

namespace nacre::attestation {
namespace {

using crypto::Certificate;
using tee::tdx::Collateral;
using tee::tdx::CollateralKey;

constexpr int kOk = 200;
constexpr int kNotFound = 404;
constexpr std::string_view kTcbChain = "TCB-Info-Issuer-Chain";
constexpr std::string_view kIdentityChain = "SGX-Enclave-Identity-Issuer-Chain";
constexpr std::string_view kPckCrlChain = "SGX-PCK-CRL-Issuer-Chain";
constexpr std::string_view kRootCrlPath = "/sgx/certification/v4/rootcacrl";

// The pinned root among the certificates of a chain.
absl::StatusOr<Certificate> RootOf(const std::vector<Certificate>& chain,
                                   const tee::tdx::TdxTrust& trust) {
  for (const Certificate& certificate : chain) {
    if (FindRoot(certificate, trust.roots) != nullptr) return certificate;
  }
  return absl::UnauthenticatedError("the issuer chain ends in no trusted root");
}

// The PCK CA's CRL is by the CA that its chain brings, and that CA is the root's.
absl::Status CheckPckCrl(ByteView der, const std::string& chain_pem, const Certificate& root,
                         int64_t now) {
  ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::Crl::FromDer(der));
  ASSIGN_OR_RETURN(const auto chain, Certificate::AllFromPem(chain_pem), "issuer chain");
  crypto::ChainOptions options;
  options.roots = {root};
  options.time = now;
  for (const Certificate& issuer : chain) {
    if (!crl.IsFrom(issuer)) continue;
    RETURN_IF_ERROR(tee::VerifyChainClassed(issuer, options).status());
    return tee::VerifyCrl(crl, issuer, now);
  }
  return absl::UnauthenticatedError("the issuer chain does not bring the CRL's issuer");
}

absl::Status CheckDocuments(const Collateral& collateral, const std::string& pck_crl_chain,
                            const CollateralKey& key, const tee::tdx::TdxTrust& trust,
                            int64_t now) {
  ASSIGN_OR_RETURN(const auto parsed, tee::tdx::ParseCollateral(collateral));
  ASSIGN_OR_RETURN(const auto chain, Certificate::AllFromPem(collateral.signing_certificates));
  ASSIGN_OR_RETURN(const Certificate root, RootOf(chain, trust));
  RETURN_IF_ERROR(CheckCollateralType(parsed));
  tee::tdx::RevocationChecks revocation(parsed.crls, now);
  RETURN_IF_ERROR(CheckCollateralSignatures(parsed, root, false, now, &revocation));
  RETURN_IF_ERROR(CheckCollateralTime(parsed, now));
  if (parsed.tcb_info.fmspc != key.fmspc || parsed.tcb_info.pce_id != key.pce_id) {
    return absl::UnauthenticatedError(StrCat("TCB info of FMSPC ", HexEncode(parsed.tcb_info.fmspc),
                                             ", asked for ", HexEncode(key.fmspc)));
  }
  return Annotate(CheckPckCrl(collateral.crls[1], pck_crl_chain, root, now), "PCK CRL");
}

absl::Status CheckFetched(const Collateral& collateral, const std::string& pck_crl_chain,
                          const CollateralKey& key, const tee::tdx::TdxTrust& trust, int64_t now) {
  const absl::Status status = CheckDocuments(collateral, pck_crl_chain, key, trust, now);
  if (status.ok() || absl::IsUnauthenticated(status)) return status;
  return absl::DataLossError(status.message());
}

}  // namespace

absl::StatusOr<std::unique_ptr<PcsClient>> PcsClient::Create(PcsOptions options) {
  while (options.url.ends_with('/')) options.url.pop_back();
  if (options.root_crl_url.empty()) options.root_crl_url = StrCat(options.url, kRootCrlPath);
  RETURN_IF_ERROR(net::ParseUrl(options.url).status(), "collateral service");
  RETURN_IF_ERROR(net::ParseUrl(options.root_crl_url).status(), "collateral service");
  ASSIGN_OR_RETURN(auto http, net::HttpClient::Create(options.http), "collateral service");
  return std::unique_ptr<PcsClient>(new PcsClient(std::move(options), std::move(http)));
}

absl::StatusOr<net::HttpResponse> PcsClient::Get(const std::string& url) const {
  ASSIGN_OR_RETURN(net::HttpResponse response, http_->Send({.url = url}), url);
  if (response.status == kOk) return response;
  const std::string message = StrCat(url, ": HTTP status ", response.status);
  if (response.status == kNotFound) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

absl::StatusOr<std::string> PcsClient::GetDocument(const std::string& path,
                                                   std::string_view chain_header,
                                                   std::string* chain) const {
  const std::string url = StrCat(options_.url, path);
  ASSIGN_OR_RETURN(net::HttpResponse response, Get(url));
  const auto decoded = net::PercentDecode(response.Header(chain_header));
  if (!decoded.ok() || decoded->empty()) {
    return absl::DataLossError(StrCat(url, ": no issuer chain in header ", chain_header));
  }
  if (response.body.empty()) return absl::DataLossError(StrCat(url, ": an empty answer"));
  *chain = *decoded;
  if (!chain->ends_with('\n')) *chain += '\n';
  return std::move(response.body);
}

absl::StatusOr<Collateral> PcsClient::Fetch(const CollateralKey& key, int64_t now) const {
  const std::string update = StrCat("update=", TcbUpdateName(options_.update));
  Collateral out;
  std::string identity_chain;
  std::string crl_chain;
  ASSIGN_OR_RETURN(
      out.tcb_info,
      GetDocument(StrCat("/tdx/certification/v4/tcb?fmspc=", HexEncode(key.fmspc), "&", update),
                  kTcbChain, &out.signing_certificates));
  ASSIGN_OR_RETURN(out.qe_identity,
                   GetDocument(StrCat("/tdx/certification/v4/qe/identity?", update), kIdentityChain,
                               &identity_chain));
  if (identity_chain != out.signing_certificates) out.signing_certificates += identity_chain;
  ASSIGN_OR_RETURN(const std::string pck_crl,
                   GetDocument(StrCat("/sgx/certification/v4/pckcrl?ca=",
                                      key.platform_ca ? "platform" : "processor", "&encoding=der"),
                               kPckCrlChain, &crl_chain));
  ASSIGN_OR_RETURN(const net::HttpResponse root_crl, Get(options_.root_crl_url));
  for (const std::string& body : {root_crl.body, pck_crl}) {
    auto der = CrlDer(AsBytes(body));
    if (!der.ok()) return absl::DataLossError(StrCat(options_.url, ": ", Message(der.status())));
    out.crls.push_back(*std::move(der));
  }
  RETURN_IF_ERROR(CheckFetched(out, crl_chain, key, options_.trust, now), options_.url);
  return out;
}

}  // namespace nacre::attestation
