// Certificates and CRLs as a peer or a network sends them. Whatever our reader accepts OpenSSL must
// accept too, with the same fields.
#include <cstdio>
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/crl.h"
#include "crypto/keys_testing.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "crypto/x509_oracle_testing.h"

namespace nacre::crypto {
namespace {

constexpr int64_t kNow = 1'750'000'000;

const Certificate& Root() {
  static const Certificate* root = [] {
    CertificateRequest request;
    request.subject = {{"CN", "root"}};
    request.not_before = kNow - 1000;
    request.not_after = kNow + 1000;
    request.is_ca = true;
    const PrivateKey& key = EcKey(Curve::kP256);
    return new Certificate(
        *MakeCertificate(request, key.public_key(), nullptr, key, SignatureScheme::kEcdsaSha256));
  }();
  return *root;
}

const Certificate& Leaf() {
  static const Certificate* leaf = [] {
    CertificateRequest request;
    request.subject = {{"O", "Nacre"}, {"CN", "leaf"}};
    request.not_before = kNow - 1000;
    request.not_after = kNow + 1000;
    request.dns_names = {"localhost"};
    request.ip_addresses = {"127.0.0.1"};
    request.extensions = {{"1.3.6.1.4.1.3704.1.4", Bytes(64, 7)}};
    return new Certificate(*MakeCertificate(request, EcKey(Curve::kP384).public_key(), &Root(),
                                            EcKey(Curve::kP256), SignatureScheme::kEcdsaSha256));
  }();
  return *leaf;
}

void MustAgree(const std::string& difference) {
  if (difference.empty()) return;
  std::fprintf(stderr, "OpenSSL reads it differently: %s\n", difference.c_str());
  std::abort();
}

void UseCertificate(const Certificate& certificate) {
  MustAgree(oracle::Compare(certificate));
  (void)certificate.subject_common_name();
  (void)certificate.issuer_text();
  (void)certificate.serial();
  (void)certificate.not_after();
  (void)certificate.public_key();
  (void)certificate.Extension("1.3.6.1.4.1.3704.1.4");
  if (*Certificate::FromPem(certificate.ToPem()) != certificate) std::abort();
  ChainOptions options;
  options.roots = {Root()};
  options.time = kNow;
  // Only the very leaf was ever signed. (An ECDSA signature has a second form, with n - s; that
  // takes more than a fuzzer's luck.)
  bool verified = VerifyChain(certificate, options).ok();
  if (verified &&
      certificate.SpkiDigest(HashAlgorithm::kSha256) != Leaf().SpkiDigest(HashAlgorithm::kSha256)) {
    std::abort();
  }
}

void Try(ByteView data) {
  absl::StatusOr<Certificate> certificate = Certificate::FromDer(data);
  if (certificate.ok()) UseCertificate(*certificate);
  (void)Certificate::AllFromPem(AsText(data));
  absl::StatusOr<Crl> crl = Crl::FromDer(data);
  if (!crl.ok()) return;
  MustAgree(oracle::Compare(*crl, data));
  (void)crl->issuer_text();
  (void)crl->IsRevoked(Bytes{1});
  (void)crl->Verify(Root(), kNow);
}

CertificateRequest LeafOf(const Certificate& like) {
  CertificateRequest request;
  request.subject = {{"CN", "SEV-VCEK"}};
  request.serial = {0};
  request.not_before = like.not_before();
  request.not_after = like.not_after();
  return request;
}

std::vector<std::string> Seeds() {
  Bytes crl = *MakeCrlDer({kNow - 10, kNow + 10, {{1}, {2, 3}}}, Root(), EcKey(Curve::kP256),
                          SignatureScheme::kEcdsaSha256);
  CertificateRequest request;
  request.subject = {{"C", "US"}, {"ST", "CA"}, {"O", "a+b"}, {"CN", " \xc3\xa4#"}};
  request.not_before = kNow - 1000;
  request.not_after = kNow + 100'000'000'000;
  request.is_ca = true;
  request.path_length = 3;
  request.server_auth = request.client_auth = true;
  request.extensions = {
      // CRL distribution points: one full name, a URI. Certificate policies: any policy.
      {"2.5.29.31", HexDecode("300f300da00ba0098607687474703a2f2f").value()},
      {"2.5.29.32", HexDecode("300830060604551d2000").value(), true},
      // Netscape certificate type, and an extension that no one knows.
      {"2.16.840.1.113730.1.1", HexDecode("03020007").value()},
      {"1.2.840.113741.1.13.1", HexDecode("3000").value(), true}};
  const Certificate rich = *MakeCertificate(request, RsaKey().public_key(), &Root(),
                                            EcKey(Curve::kP256), SignatureScheme::kEcdsaSha256);
  const Certificate pss = *MakeCertificate(LeafOf(Leaf()), EcKey(Curve::kP521).public_key(), &rich,
                                           RsaKey(), SignatureScheme::kRsaPssSha384);
  return {ToString(Leaf().der()), ToString(Root().der()), ToString(crl),
          ToString(rich.der()),   ToString(pss.der()),    Leaf().ToPem() + Root().ToPem()};
}

NACRE_FUZZ_TARGET(X509, Try, Seeds)

}  // namespace
}  // namespace nacre::crypto
