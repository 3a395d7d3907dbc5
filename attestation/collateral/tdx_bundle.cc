#include "attestation/collateral/tdx_bundle.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kStandard = "standard";
constexpr std::string_view kEarly = "early";
constexpr size_t kMaxFile = crypto::kMaxCrlSize;
constexpr std::string_view kPemMark = "-----BEGIN";

constexpr std::string_view kTcbInfo = "/tcb-info.json";
constexpr std::string_view kQeIdentity = "/qe-identity.json";
constexpr std::string_view kSigningChain = "/signing-chain.pem";
constexpr std::string_view kRootCrl = "/root-ca.crl";
constexpr std::string_view kPckCrl = "/pck-ca.crl";
constexpr std::string_view kFetched = "/fetched";

std::string Path(const std::string& folder, std::string_view name) { return StrCat(folder, name); }

absl::StatusOr<Bytes> ReadCrl(const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxFile));
  ASSIGN_OR_RETURN(Bytes der, CrlDer(bytes), path);
  return der;
}

}  // namespace

std::string_view TcbUpdateName(TcbUpdate update) {
  return update == TcbUpdate::kEarly ? kEarly : kStandard;
}

absl::StatusOr<TcbUpdate> ParseTcbUpdate(std::string_view name) {
  if (name == kStandard) return TcbUpdate::kStandard;
  if (name == kEarly) return TcbUpdate::kEarly;
  return absl::InvalidArgumentError(StrCat("update '", name, "' is not standard or early"));
}

std::string BundleName(const tee::tdx::CollateralKey& key, TcbUpdate update) {
  return StrCat("tdx-", HexEncode(key.fmspc), "-", key.platform_ca ? "platform" : "processor", "-",
                TcbUpdateName(update));
}

absl::StatusOr<tee::tdx::Collateral> ReadBundle(const std::string& folder) {
  tee::tdx::Collateral out;
  constexpr size_t kMaxText = tee::tdx::kMaxCollateralSize;
  ASSIGN_OR_RETURN(out.tcb_info, ReadTextFile(Path(folder, kTcbInfo), kMaxText));
  ASSIGN_OR_RETURN(out.qe_identity, ReadTextFile(Path(folder, kQeIdentity), kMaxText));
  ASSIGN_OR_RETURN(out.signing_certificates, ReadTextFile(Path(folder, kSigningChain), kMaxText));
  for (std::string_view name : {kRootCrl, kPckCrl}) {
    ASSIGN_OR_RETURN(Bytes crl, ReadCrl(Path(folder, name)));
    out.crls.push_back(std::move(crl));
  }
  return out;
}

absl::Status WriteBundle(const std::string& folder, const tee::tdx::Collateral& collateral,
                         int64_t fetched) {
  if (collateral.crls.size() != 2) {
    return absl::InvalidArgumentError(StrCat("collateral with ", collateral.crls.size(), " CRLs"));
  }
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(RemoveTree(Path(folder, kFetched)));  // not whole from here to the end
  RETURN_IF_ERROR(WriteFileAtomic(Path(folder, kTcbInfo), AsBytes(collateral.tcb_info)));
  RETURN_IF_ERROR(WriteFileAtomic(Path(folder, kQeIdentity), AsBytes(collateral.qe_identity)));
  RETURN_IF_ERROR(
      WriteFileAtomic(Path(folder, kSigningChain), AsBytes(collateral.signing_certificates)));
  RETURN_IF_ERROR(WriteFileAtomic(Path(folder, kRootCrl), collateral.crls[0]));
  RETURN_IF_ERROR(WriteFileAtomic(Path(folder, kPckCrl), collateral.crls[1]));
  return WriteFileAtomic(Path(folder, kFetched), AsBytes(StrCat(fetched)));
}

absl::StatusOr<int64_t> BundleFetched(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(Path(folder, kFetched), 32));
  int64_t fetched = 0;
  if (!ParseNumber(StripSpace(text), &fetched)) {
    return absl::NotFoundError(StrCat(folder, kFetched, ": no time in it"));
  }
  return fetched;
}

absl::StatusOr<int64_t> ExpiryOf(const tee::tdx::ParsedCollateral& collateral) {
  int64_t expiry = std::min(collateral.tcb_info.next_update, collateral.qe_identity.next_update);
  for (const crypto::Crl& crl : collateral.crls) {
    const auto next = crl.next_update();
    if (!next) {
      return absl::InvalidArgumentError(StrCat("CRL of ", crl.issuer_text(), ": no nextUpdate"));
    }
    expiry = std::min(expiry, *next);
  }
  return expiry;
}

absl::StatusOr<Bytes> CrlDer(ByteView bytes) {
  const std::string_view text = StripSpace(AsText(bytes));
  Bytes der = ToBytes(bytes);
  if (auto hex = HexDecode(text); hex.ok() && !hex->empty()) {
    der = *std::move(hex);
  } else if (text.starts_with(kPemMark)) {
    RETURN_IF_ERROR(crypto::Crl::FromPem(text).status());
    const size_t from = text.find('\n');
    const size_t to = text.find("-----END");
    std::string base64;
    for (char c : text.substr(from, to - from)) {
      if (c > ' ') base64 += c;
    }
    ASSIGN_OR_RETURN(der, Base64Decode(base64));
  }
  RETURN_IF_ERROR(crypto::Crl::FromDer(der).status());
  return der;
}

}  // namespace nacre::attestation
