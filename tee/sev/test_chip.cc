#include "tee/sev/test_chip.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/sev/vek.h"

namespace nacre::tee::sev {
namespace {

constexpr auto kScheme = crypto::SignatureScheme::kEcdsaSha384;

crypto::PrivateKey NewKey() { return crypto::PrivateKey::GenerateEc(crypto::Curve::kP384).value(); }

std::string Or(const std::string& value, const std::string& fallback) {
  return value.empty() ? fallback : value;
}

Bytes DerText(std::string_view text) {
  ByteWriter out;
  out.U8(0x16).U8(static_cast<uint8_t>(text.size())).Put(text);
  return out.Release();
}

Bytes DerByte(uint8_t value) { return value < 0x80 ? Bytes{2, 1, value} : Bytes{2, 2, 0, value}; }

crypto::CertificateRequest CaRequest(const std::string& name, uint8_t serial) {
  crypto::CertificateRequest request;
  request.subject = {{"O", "Test"}, {"CN", name}};
  request.serial = {serial};
  request.not_before = kTestNow - 2 * kTestYear;
  request.not_after = kTestNow + 10 * kTestYear;
  request.is_ca = true;
  return request;
}

}  // namespace

TestChip::TestChip(const TestChipOptions& options)
    : options_(options), root_key_(NewKey()), intermediate_key_(NewKey()), leaf_key_(NewKey()) {
  for (size_t i = 0; i < HardwareIdSize(options.product); ++i) {
    chip_id_[i] = static_cast<uint8_t>(2 + i);  // begins like a DER INTEGER
  }
  const std::string product(ProductName(options.product));
  root_ = crypto::MakeCertificate(CaRequest(Or(options.root_name, "ARK-" + product), 11),
                                  root_key_.public_key(), nullptr, root_key_, kScheme)
              .value();
  const std::string middle = (options.vlek ? "SEV-VLEK-" : "SEV-") + product;
  intermediate_ =
      crypto::MakeCertificate(CaRequest(Or(options.intermediate_name, middle), 12),
                              intermediate_key_.public_key(), &*root_, root_key_, kScheme)
          .value();
  crypto::CertificateRequest leaf;
  leaf.subject = {{"CN", Or(options.leaf_name, options.vlek ? "SEV-VLEK" : "SEV-VCEK")}};
  leaf.serial = options.leaf_serial;
  leaf.not_before = options.leaf_not_before;
  leaf.not_after = options.leaf_not_after;
  leaf.extensions = LeafExtensions();
  leaf_ = crypto::MakeCertificate(leaf, leaf_key_.public_key(), &*intermediate_, intermediate_key_,
                                  kScheme)
              .value();
}

std::vector<crypto::CustomExtension> TestChip::LeafExtensions() const {
  const auto tcb = TcbVersion::FromComponents(options_.product, options_.tcb);
  std::vector<crypto::CustomExtension> all = options_.replaced_extensions;
  all.push_back({kOidProductName,
                 DerText(Or(options_.product_name, std::string(ProductName(options_.product))))});
  for (const SplExtension& spl : SplExtensions(options_.product)) {
    all.push_back({spl.oid, DerByte(tcb.raw[spl.tcb_index])});
  }
  if (options_.vlek) {
    all.push_back({kOidCspId, DerText(options_.csp_id)});
  } else {
    const size_t size = HardwareIdSize(options_.product);
    ByteWriter id;
    if (options_.wrapped_hardware_id) id.U8(4).U8(static_cast<uint8_t>(size));
    id.Put(ByteView(chip_id_).first(size));
    all.push_back({kOidHardwareId, id.Release()});
  }
  std::set<std::string> seen = options_.without_extensions;
  std::vector<crypto::CustomExtension> out;
  for (auto& extension : all) {
    if (seen.insert(extension.oid).second) out.push_back(std::move(extension));
  }
  return out;
}

Bytes TestChip::Report(const std::function<void(sev::Report&)>& change) const {
  sev::Report report;
  report.version = 3;
  report.policy.value = 0x30000;
  report.signature_algorithm = 1;
  report.key_info = options_.vlek ? 1 << 2 : 0;
  const auto tcb = TcbVersion::FromComponents(options_.product, options_.tcb);
  report.current_tcb = report.reported_tcb = report.committed_tcb = report.launch_tcb = tcb;
  report.cpuid_family = options_.product == Product::kTurin ? 0x1a : 0x19;
  report.cpuid_model = options_.product == Product::kGenoa ? 0x11 : 0x01;
  if (!options_.vlek) report.chip_id = chip_id_;
  change(report);
  const Bytes bytes = SerializeReport(report);
  const auto signature =
      leaf_key_.SignEcdsa(crypto::HashAlgorithm::kSha384, ByteView(bytes).first(kSignedSize));
  SetReportSignature(signature.value(), &report).IgnoreError();
  return SerializeReport(report);
}

SnpEvidence TestChip::Evidence(const std::function<void(sev::Report&)>& change) const {
  return {Report(change),
          {{leaf_kind(), leaf_->der()},
           {CertificateKind::kAsk, intermediate_->der()},
           {CertificateKind::kArk, root_->der()}}};
}

SnpTrust TestChip::Trust() const {
  TrustedRoot root{"test root", options_.product, root_->SpkiDigest(crypto::HashAlgorithm::kSha384),
                   false};
  SnpTrust trust;
  trust.roots = {root};
  return trust;
}

CertificateEntry TestChip::Crl(const std::vector<Bytes>& serials, bool by_root,
                               int64_t next_update) const {
  const crypto::CrlRequest request{kTestNow - 2000, next_update, serials};
  return {CertificateKind::kCrl,
          crypto::MakeCrlDer(request, by_root ? *root_ : *intermediate_,
                             by_root ? root_key_ : intermediate_key_, kScheme)
              .value()};
}

}  // namespace nacre::tee::sev
