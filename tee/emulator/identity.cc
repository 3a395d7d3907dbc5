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

// `owner`: the hardware id of a VCEK, the cspID of a VLEK.
std::vector<crypto::CustomExtension> VekExtensions(sev::Product product, Endorsement endorsement,
                                                   const sev::TcbVersion& tcb, ByteView owner) {
  const bool turin = product == sev::Product::kTurin;
  const bool vcek = endorsement == Endorsement::kVcek;
  const std::string name =
      StrCat(sev::ProductName(product), vcek && product == sev::Product::kMilan ? "-B0" : "");
  std::vector<crypto::CustomExtension> out;
  out.push_back({"1.3.6.1.4.1.3704.1.1", DerByte(turin ? 1 : 0)});  // structVersion
  out.push_back({sev::kOidProductName, DerIa5(name)});
  for (const sev::SplExtension& spl : sev::SplExtensions(product)) {
    out.push_back({spl.oid, DerByte(tcb.raw[spl.tcb_index])});
  }
  if (vcek) {
    out.push_back({sev::kOidHardwareId, ToBytes(owner)});
  } else {
    out.push_back({sev::kOidCspId, DerIa5(AsText(owner))});
  }
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

absl::StatusOr<crypto::PrivateKey> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(const auto pem, ReadFile(path, kMaxFile));
  return crypto::PrivateKey::FromPem(pem);
}

// Names of one kind's files and subjects.
struct Names {
  std::string_view leaf_file;
  std::string_view ca_file;
  std::string_view leaf_subject;
  std::string_view ca_prefix;  // before the product
};
const Names& NamesOf(Endorsement endorsement) {
  static const Names kVcekNames{"vcek", "ask", sev::kVcekName, "SEV-"};
  static const Names kVlekNames{"vlek", "asvk", sev::kVlekName, "SEV-VLEK-"};
  return endorsement == Endorsement::kVcek ? kVcekNames : kVlekNames;
}

struct Authority {
  const crypto::Certificate& certificate;
  const crypto::PrivateKey& key;
};

absl::StatusOr<crypto::Certificate> MakeIntermediate(Endorsement endorsement,
                                                     std::string_view product,
                                                     const crypto::PublicKey& key,
                                                     const Authority& ark, int64_t now) {
  const uint32_t serial = endorsement == Endorsement::kVcek ? 0x010001 : 0x010002;
  auto request = CaRequest(StrCat(NamesOf(endorsement).ca_prefix, product), serial, now);
  request.path_length = 0;
  return crypto::MakeCertificate(request, key, &ark.certificate, ark.key, kScheme);
}

struct LeafSubject {
  sev::Product product;
  Endorsement endorsement;
  Bytes owner;
};

absl::StatusOr<crypto::Certificate> MakeLeaf(const LeafSubject& subject, const LeafTerms& terms,
                                             const crypto::PublicKey& key, const Authority& ca) {
  crypto::CertificateRequest request;
  request.subject = Name(std::string(NamesOf(subject.endorsement).leaf_subject));
  request.serial = {0};
  request.not_before = terms.not_before;
  request.not_after = terms.not_after;
  request.extensions =
      VekExtensions(subject.product, subject.endorsement, terms.tcb, subject.owner);
  return crypto::MakeCertificate(request, key, &ca.certificate, ca.key, kScheme);
}

// The product an intermediate's name ends in.
absl::StatusOr<sev::Product> ProductOf(const crypto::Certificate& leaf, std::string_view prefix) {
  ASSIGN_OR_RETURN(const std::string issuer, leaf.issuer_common_name());
  const bool fits = issuer.starts_with(prefix);
  return sev::ParseProductName(fits ? std::string_view(issuer).substr(prefix.size()) : "");
}

}  // namespace

std::string_view EndorsementName(Endorsement endorsement) { return NamesOf(endorsement).leaf_file; }

absl::StatusOr<Endorsement> ParseEndorsement(std::string_view name) {
  for (Endorsement endorsement : {Endorsement::kVcek, Endorsement::kVlek}) {
    if (name == EndorsementName(endorsement)) return endorsement;
  }
  return absl::InvalidArgumentError(StrCat("endorsement '", name, "' is not vcek or vlek"));
}

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
  ASSIGN_OR_RETURN(const auto ask,
                   MakeIntermediate(Endorsement::kVcek, product, ask_key.public_key(),
                                    {ark, ark_key}, options.now));
  const auto chip_id = NewChipId(options.product);
  const LeafSubject subject{options.product, Endorsement::kVcek,
                            ToBytes(ByteView(chip_id).first(sev::HardwareIdSize(options.product)))};
  const LeafTerms terms{sev::TcbVersion::FromComponents(options.product, options.tcb),
                        options.now - kDay, options.now + kVekLifetime};
  ASSIGN_OR_RETURN(const auto vcek,
                   MakeLeaf(subject, terms, vcek_key.public_key(), {ask, ask_key}));

  RETURN_IF_ERROR(WriteCertificate(folder + "/ark.pem", ark));
  RETURN_IF_ERROR(WriteCertificate(folder + "/ask.pem", ask));
  RETURN_IF_ERROR(WriteCertificate(folder + "/vcek.pem", vcek));
  RETURN_IF_ERROR(WriteKey(folder + "/ark.key", ark_key));
  RETURN_IF_ERROR(WriteKey(folder + "/ask.key", ask_key));
  return WriteKey(folder + "/vcek.key", vcek_key);  // last: it marks a complete identity
}

absl::Status AddVlek(const std::string& folder, int64_t now, int rsa_bits,
                     const std::string& csp_id) {
  if (PathExists(folder + "/vlek.key")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Identity chip, LoadIdentity(folder));
  ASSIGN_OR_RETURN(const auto ark_key, ReadKey(folder + "/ark.key"));
  ASSIGN_OR_RETURN(const auto asvk_key, crypto::PrivateKey::GenerateRsa(rsa_bits));
  ASSIGN_OR_RETURN(const auto vlek_key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP384));
  ASSIGN_OR_RETURN(const auto asvk,
                   MakeIntermediate(Endorsement::kVlek, sev::ProductName(chip.product),
                                    asvk_key.public_key(), {chip.ark, ark_key}, now));
  const LeafSubject subject{chip.product, Endorsement::kVlek, ToBytes(csp_id)};
  const LeafTerms terms{chip.tcb, now - kDay, now + kVekLifetime};
  ASSIGN_OR_RETURN(const auto vlek,
                   MakeLeaf(subject, terms, vlek_key.public_key(), {asvk, asvk_key}));
  RETURN_IF_ERROR(WriteCertificate(folder + "/asvk.pem", asvk));
  RETURN_IF_ERROR(WriteCertificate(folder + "/vlek.pem", vlek));
  RETURN_IF_ERROR(WriteKey(folder + "/asvk.key", asvk_key));
  return WriteKey(folder + "/vlek.key", vlek_key);
}

absl::StatusOr<Identity> LoadIdentity(const std::string& folder, Endorsement endorsement) {
  const Names& names = NamesOf(endorsement);
  const std::string leaf_path = StrCat(folder, "/", names.leaf_file);
  ASSIGN_OR_RETURN(auto ark, ReadCertificate(folder + "/ark.pem"));
  ASSIGN_OR_RETURN(auto intermediate, ReadCertificate(StrCat(folder, "/", names.ca_file, ".pem")));
  ASSIGN_OR_RETURN(auto leaf, ReadCertificate(leaf_path + ".pem"));
  ASSIGN_OR_RETURN(auto key, ReadKey(leaf_path + ".key"));
  ASSIGN_OR_RETURN(const auto certified, leaf.public_key());
  if (!(key.public_key() == certified)) {
    return absl::InvalidArgumentError(
        StrCat(leaf_path, ".key and ", names.leaf_file, ".pem do not match"));
  }
  ASSIGN_OR_RETURN(const auto product, ProductOf(leaf, names.ca_prefix), leaf_path + ".pem");
  ASSIGN_OR_RETURN(const auto extensions, sev::ReadVekExtensions(leaf, product));
  Identity identity{
      product,         endorsement,   extensions.tcb, {}, std::move(ark), std::move(intermediate),
      std::move(leaf), std::move(key)};
  std::copy(extensions.hardware_id.begin(), extensions.hardware_id.end(), identity.chip_id.begin());
  return identity;
}

absl::StatusOr<crypto::Certificate> CertifyLeaf(const std::string& folder, const Identity& identity,
                                                const LeafTerms& terms) {
  const Names& names = NamesOf(identity.endorsement);
  ASSIGN_OR_RETURN(const auto key, ReadKey(StrCat(folder, "/", names.ca_file, ".key")));
  ASSIGN_OR_RETURN(const auto extensions, sev::ReadVekExtensions(identity.leaf, identity.product));
  const bool vcek = identity.endorsement == Endorsement::kVcek;
  const LeafSubject subject{identity.product, identity.endorsement,
                            vcek ? extensions.hardware_id : ToBytes(extensions.csp_id)};
  return MakeLeaf(subject, terms, identity.leaf_key.public_key(), {identity.intermediate, key});
}

absl::StatusOr<Bytes> MakeArkCrl(const std::string& folder, const Identity& identity,
                                 const crypto::CrlRequest& request) {
  ASSIGN_OR_RETURN(const auto key, ReadKey(folder + "/ark.key"));
  return crypto::MakeCrlDer(request, identity.ark, key, kScheme);
}

std::vector<sev::CertificateEntry> IdentityCertificates(const Identity& identity) {
  const bool vcek = identity.endorsement == Endorsement::kVcek;
  return {{vcek ? sev::CertificateKind::kVcek : sev::CertificateKind::kVlek, identity.leaf.der()},
          {vcek ? sev::CertificateKind::kAsk : sev::CertificateKind::kAsvk,
           identity.intermediate.der()},
          {sev::CertificateKind::kArk, identity.ark.der()}};
}

absl::StatusOr<Bytes> IdentityTable(const Identity& identity) {
  return sev::BuildCertificateTable(IdentityCertificates(identity));
}

}  // namespace nacre::tee::emulator
