#include "tee/emulator/tdx_platform.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/x509_make.h"

namespace nacre::tee::emulator {
namespace {

constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 24 * kHour;
constexpr uint32_t kEvaluationNumber = 18;
constexpr uint8_t kModuleSvn = 6;
constexpr uint8_t kModuleVersion = 1;
constexpr uint8_t kMicrocodeSvn = 3;
constexpr uint16_t kQeSvn = 7;
constexpr uint16_t kQeProdId = 2;
constexpr char kTcbDate[] = "2026-05-13T00:00:00Z";
constexpr char kOldTcbDate[] = "2024-03-13T00:00:00Z";
constexpr char kAdvisory[] = "INTEL-SA-00000";
constexpr auto kHash = crypto::HashAlgorithm::kSha256;

struct FaultName {
  TdxFault fault;
  std::string_view name;
};
constexpr FaultName kFaults[] = {
    {TdxFault::kWrongNonce, "wrong-nonce"},
    {TdxFault::kDebug, "debug"},
    {TdxFault::kRevokedPck, "revoked-pck"},
    {TdxFault::kRevokedIntermediate, "revoked-intermediate"},
    {TdxFault::kRevokedSigner, "revoked-signer"},
    {TdxFault::kExpiredCrl, "expired-crl"},
    {TdxFault::kStaleTcb, "stale-tcb"},
    {TdxFault::kRevokedTcb, "revoked-tcb"},
    {TdxFault::kStaleQe, "stale-qe"},
    {TdxFault::kExpiredCollateral, "expired-collateral"},
};

template <size_t N>
std::array<uint8_t, N> Fill(ByteView bytes) {
  std::array<uint8_t, N> out{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
  return out;
}

std::array<uint8_t, 32> QeSigner() {
  return Fill<32>(crypto::Digest(kHash, AsBytes("nacre emulated quoting enclave")));
}

std::array<uint8_t, 64> PointBytes(const crypto::PrivateKey& key) {
  std::array<uint8_t, 64> out{};
  const auto point = key.public_key().ToEcPoint();
  if (!point.ok()) return out;
  std::copy(point->x.begin(), point->x.end(), out.begin());
  std::copy(point->y.begin(), point->y.end(), out.begin() + 32);
  return out;
}

tdx::LevelVerdict UpToDate() { return {tdx::TcbStatus::kUpToDate, kTcbDate, {}}; }
tdx::LevelVerdict OutOfDate() { return {tdx::TcbStatus::kOutOfDate, kOldTcbDate, {kAdvisory}}; }

tdx::TdxModuleIdentity ModuleIdentity(std::string id) {
  tdx::TdxModuleIdentity out;
  out.id = std::move(id);
  out.module.attributes_mask.fill(0xff);
  out.levels = {{kModuleSvn, UpToDate()}, {2, OutOfDate()}};
  return out;
}

tdx::EnclaveReport QuotingEnclave() {
  tdx::EnclaveReport out;
  out.attributes = {0x15, 0, 0, 0, 0, 0, 0, 0, 0xe7};
  out.mrenclave = Fill<32>(crypto::Digest(kHash, AsBytes("nacre emulated TD QE")));
  out.mrsigner = QeSigner();
  out.isv_prod_id = kQeProdId;
  out.isv_svn = kQeSvn;
  return out;
}

}  // namespace

std::string_view TdxFaultName(TdxFault fault) {
  for (const FaultName& entry : kFaults) {
    if (entry.fault == fault) return entry.name;
  }
  return "?";
}

absl::StatusOr<TdxFault> ParseTdxFault(std::string_view name) {
  std::vector<std::string_view> known;
  for (const FaultName& entry : kFaults) {
    if (entry.name == name) return entry.fault;
    known.push_back(entry.name);
  }
  return absl::InvalidArgumentError(StrCat("fault '", name, "' is none of ", StrJoin(known, ", ")));
}

tdx::TdBody EmulatedTd() {
  tdx::TdBody td;
  td.tee_tcb_svn = {kModuleSvn, kModuleVersion, kMicrocodeSvn};
  td.mrseam = Fill<48>(
      crypto::Digest(crypto::HashAlgorithm::kSha384, AsBytes("nacre emulated TDX module")));
  td.td_attributes = tdx::kTdSeptVeDisable;
  td.xfam = 0x602e7;
  return td;
}

absl::StatusOr<TdxPlatform> TdxPlatform::Create(TdxIdentity identity, TdxPlatformOptions options) {
  if (options.quote_version != 4 && options.quote_version != 5) {
    return absl::InvalidArgumentError(
        StrCat("emulated TDX: quote version ", options.quote_version, ", not 4 or 5"));
  }
  return TdxPlatform(std::move(identity), std::move(options));
}

tdx::Quote TdxPlatform::Unsigned(const ReportData& report_data) const {
  tdx::Quote quote;
  quote.header.version = options_.quote_version;
  quote.header.attestation_key_type = tdx::kKeyTypeEcdsaP256;
  quote.header.tee_type = tdx::kTeeTypeTdx;
  quote.header.qe_vendor_id = tdx::kIntelQeVendorId;
  quote.td = options_.td;
  quote.td->report_data = report_data.bytes;
  if (options_.quote_version == 4) quote.td->td15.reset();
  if (options_.quote_version == 5 && !quote.td->td15) {
    quote.td->td15 = tdx::TdBody::Td15{};
    quote.td->td15->tee_tcb_svn_2 = quote.td->tee_tcb_svn;
  }
  if (Has(TdxFault::kWrongNonce)) quote.td->report_data[0] ^= 1;
  if (Has(TdxFault::kDebug)) quote.td->td_attributes |= tdx::kTdDebug;
  return quote;
}

absl::StatusOr<Bytes> TdxPlatform::Sign(tdx::Quote quote, const QeChange& change) const {
  tdx::QuoteSignature& out = quote.signature;
  ASSIGN_OR_RETURN(const Bytes signature,
                   identity_.attestation_key.SignEcdsa(kHash, tdx::SerializeSignedPart(quote)));
  out.signature = Fill<64>(signature);
  out.attestation_key = PointBytes(identity_.attestation_key);
  out.qe_auth_data.resize(32);
  for (size_t i = 0; i < out.qe_auth_data.size(); ++i) {
    out.qe_auth_data[i] = static_cast<uint8_t>(i);
  }
  out.qe_report = QuotingEnclave();
  const Bytes bound = ByteWriter().Put(out.attestation_key).Put(out.qe_auth_data).Release();
  out.qe_report.report_data = Fill<64>(crypto::Digest(kHash, bound));
  if (change) change(out.qe_report);
  ASSIGN_OR_RETURN(const Bytes qe_signature,
                   identity_.pck.key.SignEcdsa(kHash, SerializeEnclaveReport(out.qe_report)));
  out.qe_report_signature = Fill<64>(qe_signature);
  out.certification_type = tdx::kCertificationPckChain;
  out.certification_data =
      ToBytes(StrCat(identity_.pck.certificate.ToPem(), identity_.intermediate.certificate.ToPem(),
                     identity_.root.certificate.ToPem()));
  return SerializeQuote(quote);
}

absl::StatusOr<Bytes> TdxPlatform::Quote(const ReportData& report_data) const {
  return Sign(Unsigned(report_data));
}

tdx::TcbInfo TdxPlatform::MakeTcbInfo(int64_t now) const {
  tdx::TcbInfo info;
  info.id = "TDX";
  info.version = 3;
  info.issue_date = now - kHour;
  info.next_update = now + 30 * kDay;
  if (Has(TdxFault::kExpiredCollateral)) {
    info.issue_date = now - 31 * kDay;
    info.next_update = now - kDay;
  }
  info.fmspc = identity_.extension.fmspc;
  info.pce_id = identity_.extension.pce_id;
  info.evaluation_data_number = kEvaluationNumber;
  info.tdx_module.emplace();
  info.tdx_module->attributes_mask.fill(0xff);
  info.tdx_module_identities = {ModuleIdentity("TDX_03"), ModuleIdentity("TDX_01")};
  tdx::PlatformLevel level{identity_.extension.sgx_svn, identity_.extension.pce_svn,
                           std::array<uint8_t, 16>{kModuleSvn, 0, kMicrocodeSvn}, UpToDate()};
  if (Has(TdxFault::kStaleTcb)) {
    tdx::PlatformLevel newer = level;
    ++newer.sgx_svn[0];
    info.levels.push_back(newer);
    level.verdict = OutOfDate();
  }
  if (Has(TdxFault::kRevokedTcb)) level.verdict.status = tdx::TcbStatus::kRevoked;
  info.levels.push_back(level);
  return info;
}

tdx::QeIdentity TdxPlatform::MakeQeIdentity(int64_t now) const {
  const tdx::TcbInfo dates = MakeTcbInfo(now);
  tdx::QeIdentity identity;
  identity.id = "TD_QE";
  identity.version = 2;
  identity.issue_date = dates.issue_date;
  identity.next_update = dates.next_update;
  identity.evaluation_data_number = kEvaluationNumber;
  identity.miscselect_mask = 0xffffffff;
  identity.attributes = {0x11};
  identity.attributes_mask = {0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  identity.mrsigner = QeSigner();
  identity.isv_prod_id = kQeProdId;
  identity.levels = {{kQeSvn, UpToDate()}};
  if (Has(TdxFault::kStaleQe)) {
    identity.levels = {{kQeSvn + 1, UpToDate()}, {kQeSvn, OutOfDate()}};
  }
  return identity;
}

absl::StatusOr<std::string> TdxPlatform::SignDocument(std::string_view name,
                                                      std::string_view text) const {
  ASSIGN_OR_RETURN(const Bytes signature, identity_.signing.key.SignEcdsa(kHash, AsBytes(text)));
  return StrCat("{\"", name, "\":", text, ",\"signature\":\"", HexEncode(signature), "\"}");
}

absl::StatusOr<Bytes> TdxPlatform::MakeCrl(bool of_root, const std::vector<Bytes>& serials,
                                           int64_t now, int64_t next_update) const {
  const CertifiedKey& issuer = of_root ? identity_.root : identity_.intermediate;
  return crypto::MakeCrlDer({std::min(now, next_update) - kHour, next_update, serials},
                            issuer.certificate, issuer.key, crypto::SignatureScheme::kEcdsaSha256);
}

absl::StatusOr<tdx::Collateral> TdxPlatform::MakeCollateral(int64_t now) const {
  tdx::Collateral out;
  ASSIGN_OR_RETURN(const std::string tcb_info, FormatTcbInfo(MakeTcbInfo(now)));
  ASSIGN_OR_RETURN(out.tcb_info, SignDocument("tcbInfo", tcb_info));
  ASSIGN_OR_RETURN(const std::string qe_identity, FormatQeIdentity(MakeQeIdentity(now)));
  ASSIGN_OR_RETURN(out.qe_identity, SignDocument("enclaveIdentity", qe_identity));
  out.signing_certificates =
      StrCat(identity_.signing.certificate.ToPem(), identity_.root.certificate.ToPem());
  std::vector<Bytes> by_root;
  std::vector<Bytes> by_intermediate;
  if (Has(TdxFault::kRevokedIntermediate))
    by_root.push_back(identity_.intermediate.certificate.serial());
  if (Has(TdxFault::kRevokedSigner)) by_root.push_back(identity_.signing.certificate.serial());
  if (Has(TdxFault::kRevokedPck)) by_intermediate.push_back(identity_.pck.certificate.serial());
  const int64_t next = Has(TdxFault::kExpiredCrl) ? now - kDay : now + 30 * kDay;
  ASSIGN_OR_RETURN(Bytes root_crl, MakeCrl(true, by_root, now, next));
  ASSIGN_OR_RETURN(Bytes pck_crl, MakeCrl(false, by_intermediate, now, next));
  out.crls = {std::move(root_crl), std::move(pck_crl)};
  return out;
}

}  // namespace nacre::tee::emulator
