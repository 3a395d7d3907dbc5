#include "attestation/broker/context.h"

#include <ctime>

#include "attestation/broker/service_keys.h"
#include "attestation/collateral/kds.h"
#include "attestation/collateral/tdx_collateral.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxKeyFile = 64 << 10;

absl::Status OpenRoots(const BrokerConfig& config, AppraiserOptions* options) {
  if (!config.emulated_root.empty()) {
    ASSIGN_OR_RETURN(std::string pem, ReadTextFile(config.emulated_root, kMaxKeyFile),
                     "emulated root");
    ASSIGN_OR_RETURN(tee::sev::TrustedRoot root, tee::sev::EmulatedRootFromPem(pem),
                     "emulated root " + config.emulated_root);
    options->snp.trust.roots.push_back(std::move(root));
  }
  if (!config.emulated_tdx_root.empty()) {
    ASSIGN_OR_RETURN(std::string pem, ReadTextFile(config.emulated_tdx_root, kMaxKeyFile),
                     "emulated TDX root");
    ASSIGN_OR_RETURN(tee::tdx::TrustedRoot root, tee::tdx::EmulatedRootFromPem(pem),
                     "emulated TDX root " + config.emulated_tdx_root);
    options->tdx_trust.roots.push_back(std::move(root));
  }
  return absl::OkStatus();
}

absl::StatusOr<TdxCollateralSource> OpenTdxCollateral(const BrokerConfig& config,
                                                      const tee::tdx::TdxTrust& trust) {
  TdxCollateralOptions options;
  options.folder = config.tdx_collateral;
  options.cache_folder = config.tdx_collateral_cache;
  options.refresh_after_s = static_cast<int64_t>(config.tdx_refresh_hours) * 3600;
  ASSIGN_OR_RETURN(options.update, ParseTcbUpdate(config.tdx_update));
  if (!config.tdx_collateral_url.empty()) {
    PcsOptions pcs;
    pcs.url = config.tdx_collateral_url;
    pcs.root_crl_url = config.tdx_root_crl_url;
    if (pcs.url == kIntelPcsUrl && pcs.root_crl_url.empty()) pcs.root_crl_url = kIntelRootCrlUrl;
    pcs.update = options.update;
    pcs.trust = trust;
    if (!config.tdx_collateral_ca.empty()) {
      ASSIGN_OR_RETURN(pcs.http.trusted_ca_pem, ReadTextFile(config.tdx_collateral_ca, kMaxKeyFile),
                       "[attestation.tdx] ca");
    }
    ASSIGN_OR_RETURN(options.service, PcsClient::Create(std::move(pcs)), "[attestation.tdx] url");
  }
  auto store = std::make_shared<TdxCollateralStore>(std::move(options));
  return TdxCollateralSource([store](const tee::tdx::CollateralKey& key,
                                     int64_t now) -> absl::StatusOr<tee::tdx::Collateral> {
    ASSIGN_OR_RETURN(FoundCollateral found, store->Get(key, now));
    if (!found.note.empty()) Log(LogLevel::kWarning, "tdx-collateral", {{"note", found.note}});
    return std::move(found.collateral);
  });
}

// AMD knows nothing of an emulator's machines, and its CRL speaks of none of their certificates.
bool IsEmulators(const tee::sev::SnpEvidence& evidence, const tee::sev::SnpTrust& trust) {
  for (const tee::sev::CertificateEntry& entry : evidence.certificates) {
    if (entry.kind != tee::sev::CertificateKind::kArk) continue;
    const auto ark = crypto::Certificate::FromDer(entry.data);
    if (!ark.ok()) continue;
    const Bytes key = ark->SpkiDigest(crypto::HashAlgorithm::kSha384);
    for (const tee::sev::TrustedRoot& root : trust.roots) {
      if (root.emulated && root.spki_sha384 == key) return true;
    }
  }
  return false;
}

absl::StatusOr<SnpCollateralSource> OpenSnpCollateral(const BrokerConfig& config,
                                                      const tee::sev::SnpTrust& trust) {
  KdsOptions options;
  if (!config.snp_collateral.empty()) options.folders = {config.snp_collateral};
  options.cache_folder = config.snp_collateral_cache;
  options.url = config.snp_collateral_url;
  if (options.folders.empty() && options.cache_folder.empty() && options.url.empty()) {
    return SnpCollateralSource();
  }
  if (!config.snp_collateral_ca.empty()) {
    ASSIGN_OR_RETURN(options.trusted_ca_pem, ReadTextFile(config.snp_collateral_ca, kMaxKeyFile),
                     "[attestation.snp] ca");
  }
  ASSIGN_OR_RETURN(std::shared_ptr<KdsClient> kds, KdsClient::Create(std::move(options)),
                   "[attestation.snp] url");
  return SnpCollateralSource([kds, trust](const tee::sev::SnpEvidence& evidence, int64_t now,
                                          std::vector<std::string>* missing) {
    if (IsEmulators(evidence, trust)) return evidence;
    return kds->Complete(evidence, std::nullopt, now, missing);
  });
}

absl::StatusOr<std::vector<TrustedTokens>> OpenTrustedTokens(const BrokerConfig& config) {
  std::vector<TrustedTokens> out;
  for (const TrustedIssuer& issuer : config.trusted_issuers) {
    const std::string where = "[token.trusted." + issuer.name + "] keys";
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(issuer.keys, 1 << 20), where);
    ASSIGN_OR_RETURN(KeySet keys, KeySet::Parse(text), where);
    out.push_back({{issuer.issuer, issuer.audience}, std::move(keys)});
  }
  return out;
}

absl::StatusOr<AppraiserOptions> OpenAppraiser(const BrokerConfig& config) {
  AppraiserOptions options;
  RETURN_IF_ERROR(OpenRoots(config, &options));
  options.snp.policy = config.snp;
  options.snp.trust.require_crl = config.snp_require_crl;
  ASSIGN_OR_RETURN(options.snp_collateral, OpenSnpCollateral(config, options.snp.trust));
  options.tdx_policy = config.tdx;
  options.allow_sample = config.allow_sample;
  options.require_rtmr0 = config.require_rtmr0;
  ASSIGN_OR_RETURN(options.tdx_collateral, OpenTdxCollateral(config, options.tdx_trust));
  options.tpm_policy = config.tpm;
  options.azure_policy = {.tpm = config.tpm, .paravisors = config.azure_paravisors};
  for (const std::string& path : config.tpm_keys) {
    ASSIGN_OR_RETURN(std::string pem, ReadTextFile(path, kMaxKeyFile), "trusted TPM key");
    ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKey::FromPem(pem),
                     "trusted TPM key " + path);
    options.trusted_aks.push_back(
        tee::tpm::TrustedAk::Configured(path.substr(path.rfind('/') + 1), std::move(key)));
  }
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BrokerContext>> OpenBrokerContext(const BrokerConfig& config) {
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> master_key, OpenMasterKey(config.storage));
  ASSIGN_OR_RETURN(AppraiserOptions appraiser, OpenAppraiser(config));
  ASSIGN_OR_RETURN(AdminGate admins, AdminGate::Open(config));
  ASSIGN_OR_RETURN(std::vector<TrustedTokens> trusted_tokens, OpenTrustedTokens(config));
  StoreLimits limits;
  limits.max_log_rows = static_cast<int64_t>(config.log_rows);
  limits.max_denials = static_cast<int64_t>(config.denial_rows);
  limits.max_denials_of_guest = static_cast<int64_t>(config.denials_of_guest);
  limits.denial_lifetime_s = static_cast<int64_t>(config.denial_days) * 24 * 3600;
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, OpenDatabase(config.storage));
  ASSIGN_OR_RETURN(std::unique_ptr<Store> store,
                   Store::Open(std::move(database), std::move(master_key), limits));
  ASSIGN_OR_RETURN(SessionSealer sessions, OpenSessionSealer(config, store.get()));
  ASSIGN_OR_RETURN(TokenSigner tokens, OpenTokenSigner(config, store.get()));
  ASSIGN_OR_RETURN(ReferenceSigners signers, ReferenceSigners::Open(config));
  auto references = std::make_unique<ReferenceCatalogue>(store.get(), std::move(signers));
  RETURN_IF_ERROR(references->All().status());
  ASSIGN_OR_RETURN(std::unique_ptr<PolicyCatalogue> policies, PolicyCatalogue::Open(store.get()));
  return std::make_unique<BrokerContext>(
      BrokerContext{.config = config,
                    .store = std::move(store),
                    .references = std::move(references),
                    .policies = std::move(policies),
                    .sessions = std::move(sessions),
                    .tokens = std::move(tokens),
                    .appraiser = Appraiser(std::move(appraiser)),
                    .admins = std::move(admins),
                    .trusted_tokens = std::move(trusted_tokens),
                    .metrics = std::make_unique<Metrics>(),
                    .unix_time = [] { return static_cast<int64_t>(std::time(nullptr)); }});
}

}  // namespace nacre::attestation
