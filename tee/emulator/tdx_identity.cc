#include "tee/emulator/tdx_identity.h"

#include "base/file.h"
#include "base/strings.h"
#include "crypto/x509_make.h"

namespace nacre::tee::emulator {
namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kCaLifetime = 25 * 365 * kDay;
constexpr int64_t kPckLifetime = 7 * 365 * kDay;
constexpr size_t kMaxFile = 64 << 10;
constexpr auto kScheme = crypto::SignatureScheme::kEcdsaSha256;

crypto::CertificateRequest Request(std::string common_name, int64_t now, int64_t lifetime) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", std::move(common_name)},
                     {"O", "Nacre TEE emulator"},
                     {"L", "Santa Clara"},
                     {"ST", "CA"},
                     {"C", "US"}};
  request.not_before = now - kDay;
  request.not_after = now + lifetime;
  return request;
}

crypto::CertificateRequest CaRequest(std::string common_name, int64_t now, int path_length) {
  crypto::CertificateRequest request = Request(std::move(common_name), now, kCaLifetime);
  request.is_ca = true;
  request.path_length = path_length;
  return request;
}

absl::StatusOr<crypto::PrivateKey> NewKey() {
  return crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
}

// A new key; without an issuer it certifies itself.
absl::StatusOr<CertifiedKey> Certify(const crypto::CertificateRequest& request,
                                     const CertifiedKey* issuer) {
  ASSIGN_OR_RETURN(auto key, NewKey());
  ASSIGN_OR_RETURN(auto certificate,
                   crypto::MakeCertificate(request, key.public_key(),
                                           issuer == nullptr ? nullptr : &issuer->certificate,
                                           issuer == nullptr ? key : issuer->key, kScheme));
  return CertifiedKey{std::move(certificate), std::move(key)};
}

std::string PathOf(const std::string& folder, std::string_view name, std::string_view extension) {
  return StrCat(folder, "/tdx-", name, extension);
}

absl::Status SaveKey(const std::string& folder, std::string_view name,
                     const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(const SecretBytes pem, key.ToPem());
  return WriteFileAtomic(PathOf(folder, name, ".key"), pem.view(), 0600);
}

absl::Status Save(const std::string& folder, std::string_view name, const CertifiedKey& pair) {
  RETURN_IF_ERROR(
      WriteFileAtomic(PathOf(folder, name, ".pem"), AsBytes(pair.certificate.ToPem()), 0644));
  return SaveKey(folder, name, pair.key);
}

absl::StatusOr<crypto::PrivateKey> LoadKey(const std::string& folder, std::string_view name) {
  ASSIGN_OR_RETURN(const Bytes pem, ReadFile(PathOf(folder, name, ".key"), kMaxFile));
  return crypto::PrivateKey::FromPem(pem);
}

absl::StatusOr<CertifiedKey> Load(const std::string& folder, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(PathOf(folder, name, ".pem"), kMaxFile));
  ASSIGN_OR_RETURN(auto certificate, crypto::Certificate::FromPem(pem));
  ASSIGN_OR_RETURN(auto key, LoadKey(folder, name));
  ASSIGN_OR_RETURN(const crypto::PublicKey certified, certificate.public_key());
  if (key.public_key() != certified) {
    return absl::InvalidArgumentError(
        StrCat(certificate.subject_text(), ": key and certificate do not match"));
  }
  return CertifiedKey{std::move(certificate), std::move(key)};
}

}  // namespace

tdx::PckExtension EmulatedPck() {
  tdx::PckExtension out;
  out.sgx_svn = {3, 3, 2, 2, 4, 1, 0, 5};
  out.cpu_svn = {3, 3, 2, 2, 4, 1, 0, 5};
  out.pce_svn = 13;
  out.fmspc = {0x4e, 0x61, 0x63, 0x72, 0x65, 0x00};
  out.sgx_type = tdx::SgxType::kScalable;
  out.platform_instance_id.emplace();
  out.dynamic_platform = true;
  out.cached_keys = true;
  out.smt_enabled = true;
  return out;
}

absl::StatusOr<TdxIdentity> MakeTdxIdentity(const TdxIdentityOptions& options) {
  const int64_t now = options.now;
  ASSIGN_OR_RETURN(auto root, Certify(CaRequest("Intel SGX Root CA", now, 1), nullptr));
  const std::string ca =
      options.processor_ca ? "Intel SGX PCK Processor CA" : "Intel SGX PCK Platform CA";
  ASSIGN_OR_RETURN(auto intermediate, Certify(CaRequest(ca, now, 0), &root));
  ASSIGN_OR_RETURN(auto signing,
                   Certify(Request("Intel SGX TCB Signing", now, kPckLifetime), &root));
  crypto::CertificateRequest leaf = Request("Intel SGX PCK Certificate", now, kPckLifetime);
  leaf.extensions = {{tdx::kOidSgxExtension, tdx::SerializePckExtension(options.pck)}};
  ASSIGN_OR_RETURN(auto pck, Certify(leaf, &intermediate));
  ASSIGN_OR_RETURN(auto attestation_key, NewKey());
  return TdxIdentity{std::move(root), std::move(intermediate),    std::move(signing),
                     std::move(pck),  std::move(attestation_key), options.pck};
}

absl::Status SaveTdxIdentity(const std::string& folder, const TdxIdentity& identity) {
  if (PathExists(PathOf(folder, "attestation", ".key"))) {
    return absl::AlreadyExistsError(StrCat(folder, " already holds an emulated TDX machine"));
  }
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  RETURN_IF_ERROR(Save(folder, "root", identity.root));
  RETURN_IF_ERROR(Save(folder, "intermediate", identity.intermediate));
  RETURN_IF_ERROR(Save(folder, "signing", identity.signing));
  RETURN_IF_ERROR(Save(folder, "pck", identity.pck));
  // Last: it marks a complete identity.
  return SaveKey(folder, "attestation", identity.attestation_key);
}

absl::StatusOr<TdxIdentity> LoadTdxIdentity(const std::string& folder) {
  ASSIGN_OR_RETURN(auto root, Load(folder, "root"));
  ASSIGN_OR_RETURN(auto intermediate, Load(folder, "intermediate"));
  ASSIGN_OR_RETURN(auto signing, Load(folder, "signing"));
  ASSIGN_OR_RETURN(auto pck, Load(folder, "pck"));
  ASSIGN_OR_RETURN(auto attestation_key, LoadKey(folder, "attestation"));
  ASSIGN_OR_RETURN(const auto extension, tdx::ReadPckExtension(pck.certificate));
  return TdxIdentity{std::move(root), std::move(intermediate),    std::move(signing),
                     std::move(pck),  std::move(attestation_key), extension};
}

}  // namespace nacre::tee::emulator
