// For tests: a chain of three in AMD's shape.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "crypto/crl.h"
#include "crypto/keys_testing.h"
#include "crypto/x509_make.h"

namespace nacre::crypto {

inline constexpr int64_t kDay = 86400;
inline constexpr int64_t kNow = 1'750'000'000;  // 2025-06-15T15:06:40Z

// AMD's shape: an RSA root and intermediate that sign with RSASSA-PSS and SHA-384, and a leaf with
// a P-384 key, serial number 0 and extensions of its own.
struct Chain {
  Certificate root;
  Certificate intermediate;
  Certificate leaf;
};

inline CertificateRequest CaRequest(const std::string& name) {
  CertificateRequest request;
  request.subject = {{"OU", "Engineering"}, {"C", "US"}, {"CN", name}};
  request.not_before = kNow - 1000 * kDay;
  request.not_after = kNow + 1000 * kDay;
  request.is_ca = true;
  return request;
}

inline CertificateRequest LeafRequest() {
  CertificateRequest request = CaRequest("leaf");
  request.is_ca = false;
  request.serial = {0};
  request.not_before = kNow - 10 * kDay;
  request.not_after = kNow + 10 * kDay;
  request.extensions = {{"1.3.6.1.4.1.3704.1.3.1", {0x02, 0x01, 0x07}},
                        {"1.3.6.1.4.1.3704.1.4", Bytes(64, 0xab)}};
  return request;
}

inline const PrivateKey& IntermediateKey() {
  static const PrivateKey* key = new PrivateKey(*PrivateKey::GenerateRsa(2048));
  return *key;
}

inline constexpr SignatureScheme kPss = SignatureScheme::kRsaPssSha384;

inline Certificate MakeRoot(const CertificateRequest& request) {
  return *MakeCertificate(request, RsaKey().public_key(), nullptr, RsaKey(), kPss);
}
inline Certificate MakeIntermediate(const CertificateRequest& request, const Certificate& root) {
  return *MakeCertificate(request, IntermediateKey().public_key(), &root, RsaKey(), kPss);
}
inline Certificate MakeLeaf(const CertificateRequest& request, const Certificate& intermediate) {
  return *MakeCertificate(request, EcKey(Curve::kP384).public_key(), &intermediate,
                          IntermediateKey(), kPss);
}

inline const Chain& TestChain() {
  static const Chain* chain = [] {
    Certificate root = MakeRoot(CaRequest("ARK-Test"));
    Certificate intermediate = MakeIntermediate(CaRequest("SEV-Test"), root);
    return new Chain{root, intermediate, MakeLeaf(LeafRequest(), intermediate)};
  }();
  return *chain;
}

inline ChainOptions Options() {
  ChainOptions options;
  options.roots = {TestChain().root};
  options.intermediates = {TestChain().intermediate};
  options.time = kNow;
  return options;
}

inline Crl MakeCrl(const Certificate& issuer, const PrivateKey& key, std::vector<Bytes> revoked,
                   int64_t this_update = kNow - kDay, int64_t next_update = kNow + kDay) {
  return *Crl::FromDer(
      *MakeCrlDer({this_update, next_update, std::move(revoked)}, issuer, key, kPss));
}

}  // namespace nacre::crypto
