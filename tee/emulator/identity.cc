#include "tee/emulator/identity.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "crypto/x509_make.h"
#include "tee/sev/certificates.h"
#include "tee/sev/vek.h"

namespace nacre::tee::emulator {
namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kCaLifetime = 25 * 365 * kDay;
constexpr int64_t kVekLifetime = 7 * 365 * kDay;
constexpr size_t kMaxFile = 64 * 1024;
constexpr auto kScheme = crypto::SignatureScheme::kRsaPssSha384;

crypto::NameParts Name(std::string common_name) {
  return {{"OU", "Engineering"},       {"C", "US"},
          {"L", "Santa Clara"},        {"ST", "CA"},
          {"O", "Nacre TEE emulator"}, {"CN", std::move(common_name)}};
}

// Minimal INTEGER from 0 to 255.
Bytes DerByte(uint8_t value) {
  if (value < 0x80) return {0x02, 1, value};
  return {0x02, 2, 0, value};
}

Bytes DerIa5(std::string_view text) {
  ByteWriter out;
  out.U8(0x16).U8(static_cast<uint8_t>(text.size())).Put(text);
  return out.Release();
}

std::vector<crypto::CustomExtension> VekExtensions(sev::Product product, const sev::TcbVersion& tcb,
                                                   ByteView hardware_id) {
  const bool turin = product == sev::Product::kTurin;
  const std::string name =
      StrCat(sev::ProductName(product), product == sev::Product::kMilan ? "-B0" : "");
  std::vector<crypto::CustomExtension> out;
  out.push_back({"1.3.6.1.4.1.3704.1.1", DerByte(turin ? 1 : 0)});  // structVersion
  out.push_back({sev::kOidProductName, DerIa5(name)});
  for (const sev::SplExtension& spl : sev::SplExtensions(product)) {
    out.push_back({spl.oid, DerByte(tcb.raw[spl.tcb_index])});
  }
  out.push_back({sev::kOidHardwareId, ToBytes(hardware_id)});
  return out;
}

crypto::CertificateRequest CaRequest(std::string name, uint32_t serial, int64_t now) {
  crypto::CertificateRequest request;
  request.subject = Name(std::move(name));
  request.serial = {static_cast<uint8_t>(serial >> 16), static_cast<uint8_t>(serial >> 8),
                    static_cast<uint8_t>(serial)};
  request.not_before = now - kDay;
  request.not_after = now + kCaLifetime;
  request.is_ca = true;
  return request;
}

absl::Status WriteKey(const std::string& path, const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(const SecretBytes pem, key.ToPem());
  return WriteFileAtomic(path, pem.view(), 0600);
}

absl::Status WriteCertificate(const std::string& path, const crypto::Certificate& certificate) {
  return WriteFileAtomic(path, AsBytes(certificate.ToPem()), 0644);
}

// A chip id as in a report: Turin uses the first 8 bytes.
std::array<uint8_t, 64> NewChipId(sev::Product product) {
  std::array<uint8_t, 64> id{};
  const Bytes random = crypto::RandomBytes(sev::HardwareIdSize(product));
  std::copy(random.begin(), random.end(), id.begin());
  return id;
}

absl::StatusOr<crypto::Certificate> ReadCertificate(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(path, kMaxFile));
  return crypto::Certificate::FromPem(pem);
}

}  // namespace

absl::Status CreateIdentity(const std::string& folder, const IdentityOptions& options) {
  if (PathExists(folder + "/vcek.key")) {
    return absl::AlreadyExistsError(StrCat(folder, " already holds an emulated chip"));
  }
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  ASSIGN_OR_RETURN(const auto ark_key, crypto::PrivateKey::GenerateRsa(options.rsa_bits));
  ASSIGN_OR_RETURN(const auto ask_key, crypto::PrivateKey::GenerateRsa(options.rsa_bits));
  ASSIGN_OR_RETURN(const auto vcek_key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP384));

  const std::string product(sev::ProductName(options.product));
  ASSIGN_OR_RETURN(const auto ark,
                   crypto::MakeCertificate(CaRequest("ARK-" + product, 0x010000, options.now),
                                           ark_key.public_key(), nullptr, ark_key, kScheme));
  auto ask_request = CaRequest("SEV-" + product, 0x010001, options.now);
  ask_request.path_length = 0;
  ASSIGN_OR_RETURN(const auto ask, crypto::MakeCertificate(ask_request, ask_key.public_key(), &ark,
                                                           ark_key, kScheme));

  const auto tcb = sev::TcbVersion::FromComponents(options.product, options.tcb);
  const auto chip_id = NewChipId(options.product);
  crypto::CertificateRequest request;
  request.subject = Name(std::string(sev::kVcekName));
  request.serial = {0};
  request.not_before = options.now - kDay;
  request.not_after = options.now + kVekLifetime;
  request.extensions = VekExtensions(options.product, tcb,
                                     ByteView(chip_id).first(sev::HardwareIdSize(options.product)));
  ASSIGN_OR_RETURN(const auto vcek,
                   crypto::MakeCertificate(request, vcek_key.public_key(), &ask, ask_key, kScheme));

  RETURN_IF_ERROR(WriteCertificate(folder + "/ark.pem", ark));
  RETURN_IF_ERROR(WriteCertificate(folder + "/ask.pem", ask));
  RETURN_IF_ERROR(WriteCertificate(folder + "/vcek.pem", vcek));
  RETURN_IF_ERROR(WriteKey(folder + "/ark.key", ark_key));
  RETURN_IF_ERROR(WriteKey(folder + "/ask.key", ask_key));
  return WriteKey(folder + "/vcek.key", vcek_key);  // last: it marks a complete identity
}

absl::StatusOr<Identity> LoadIdentity(const std::string& folder) {
  ASSIGN_OR_RETURN(auto ark, ReadCertificate(folder + "/ark.pem"));
  ASSIGN_OR_RETURN(auto ask, ReadCertificate(folder + "/ask.pem"));
  ASSIGN_OR_RETURN(auto vcek, ReadCertificate(folder + "/vcek.pem"));
  ASSIGN_OR_RETURN(const auto pem, ReadFile(folder + "/vcek.key", kMaxFile));
  ASSIGN_OR_RETURN(auto key, crypto::PrivateKey::FromPem(pem));
  ASSIGN_OR_RETURN(const auto certified, vcek.public_key());
  if (!(key.public_key() == certified)) {
    return absl::InvalidArgumentError(StrCat(folder, ": vcek.key and vcek.pem do not match"));
  }
  ASSIGN_OR_RETURN(const std::string issuer, vcek.issuer_common_name());
  ASSIGN_OR_RETURN(const auto product,
                   sev::ParseProductName(issuer.starts_with("SEV-") ? issuer.substr(4) : ""),
                   StrCat(folder, "/vcek.pem: issuer ", issuer));
  ASSIGN_OR_RETURN(const auto extensions, sev::ReadVekExtensions(vcek, product));
  Identity identity{product,         extensions.tcb, {}, std::move(ark), std::move(ask),
                    std::move(vcek), std::move(key)};
  std::copy(extensions.hardware_id.begin(), extensions.hardware_id.end(), identity.chip_id.begin());
  return identity;
}

absl::StatusOr<Bytes> IdentityTable(const Identity& identity) {
  return sev::BuildCertificateTable({{sev::CertificateKind::kVcek, identity.vcek.der()},
                                     {sev::CertificateKind::kAsk, identity.ask.der()},
                                     {sev::CertificateKind::kArk, identity.ark.der()}});
}

}  // namespace nacre::tee::emulator
