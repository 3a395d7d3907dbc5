#include "tee/tpm/enrolment.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/aes_cfb.h"
#include "crypto/hmac.h"
#include "crypto/keys_testing.h"
#include "crypto/x509_make.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tpm {
namespace {

using crypto::Certificate;
using crypto::Curve;
using crypto::EcKey;
using crypto::HashAlgorithm;
using crypto::PrivateKey;
using crypto::RsaKey;

constexpr int64_t kNow = 1'750'000'000;
const Bytes kEkUsage = *HexDecode(
    "3007060567810508"
    "01");

crypto::CertificateRequest Request(const std::string& name, bool ca) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", name}};
  request.not_before = kNow - 1000;
  request.not_after = kNow + 1000;
  request.is_ca = ca;
  return request;
}

const Certificate& Maker() {
  static const auto* maker = new Certificate(*crypto::MakeCertificate(
      Request("maker of TPMs", true), EcKey(Curve::kP384).public_key(), nullptr,
      EcKey(Curve::kP384), crypto::SignatureScheme::kEcdsaSha384));
  return *maker;
}

Bytes EkCertificate(const crypto::PublicKey& key, const Bytes& usage = kEkUsage) {
  crypto::CertificateRequest request = Request("", false);
  request.subject = {{"CN", "tpm"}};
  if (!usage.empty()) request.extensions = {{"2.5.29.37", usage}};
  return crypto::MakeCertificate(request, key, &Maker(), EcKey(Curve::kP384),
                                 crypto::SignatureScheme::kEcdsaSha384)
      ->der();
}

EkTrust Trust() { return {{Maker()}, {}, {}, false}; }

Bytes AkPublic(uint32_t attributes) {
  const crypto::EcPoint point = *EcKey(Curve::kP256).public_key().ToEcPoint();
  ByteWriter out;
  out.U16Be(0x23).U16Be(0xb).U32Be(attributes).U16Be(0).U16Be(0x10).U16Be(0x18).U16Be(0xb);
  out.U16Be(3).U16Be(0x10).U16Be(32).Put(point.x).U16Be(32).Put(point.y);
  return out.Release();
}

constexpr uint32_t kAk =
    kFixedTpm | kFixedParent | kSensitiveDataOrigin | kRestricted | kSignEncrypt;

// What TPM2_ActivateCredential does (TPM 2.0 Library, part 1, section 24.5), for one key.
absl::StatusOr<Bytes> Activate(const PrivateKey& ek, ByteView name, const Credential& credential) {
  const bool rsa = ek.kind() == crypto::KeyKind::kRsa;
  const HashAlgorithm hash = rsa ? HashAlgorithm::kSha256 : HashAlgorithm::kSha384;
  const std::string_view label("IDENTITY\0", 9);
  Bytes seed;
  if (rsa) {
    ASSIGN_OR_RETURN(SecretBytes opened,
                     ek.DecryptRsaOaep("SHA256", credential.encrypted_secret, AsBytes(label)));
    seed = ToBytes(opened.view());
  } else {
    const ByteView sent(credential.encrypted_secret);
    const crypto::EcPoint own = *ek.public_key().ToEcPoint();
    const Bytes x = ToBytes(sent.subspan(2, 48));
    ASSIGN_OR_RETURN(auto peer, crypto::PublicKey::FromEcPoint(
                                    {Curve::kP384, x, ToBytes(sent.subspan(52, 48))}));
    ASSIGN_OR_RETURN(SecretBytes shared, ek.Ecdh(peer));
    seed = crypto::Digest(
        hash, ByteWriter().U32Be(1).Put(shared.view()).Put(label).Put(x).Put(own.x).Release());
  }
  const size_t size = crypto::DigestSize(hash);
  const ByteView object(credential.id_object);
  const ByteView hidden = object.subspan(2 + size);
  const Bytes mac_key = KdfA(hash, seed, "INTEGRITY", {}, {}, static_cast<uint32_t>(8 * size));
  const Bytes mac = crypto::Hmac(hash, mac_key, ByteWriter().Put(hidden).Put(name).Release());
  if (mac != ToBytes(object.subspan(2, size))) return absl::UnauthenticatedError("integrity");
  const Bytes key = KdfA(hash, seed, "STORAGE", name, {}, rsa ? 128 : 256);
  ASSIGN_OR_RETURN(SecretBytes plain, crypto::AesCfbDecrypt(key, Bytes(16), hidden));
  return ToBytes(plain.view().subspan(2));
}

TEST(EnrolmentTest, OpensWithBothKindsOfEndorsementKey) {
  for (const PrivateKey* ek : {&RsaKey(), &EcKey(Curve::kP384)}) {
    ASSERT_OK_AND_ASSIGN(AkEnrolment enrolment, AkEnrolment::Begin(EkCertificate(ek->public_key()),
                                                                   AkPublic(kAk), Trust(), kNow));
    const Bytes name = ParsePublicArea(AkPublic(kAk))->name;
    ASSERT_OK_AND_ASSIGN(Bytes answer, Activate(*ek, name, enrolment.challenge()));
    ASSERT_OK_AND_ASSIGN(TrustedAk ak, std::move(enrolment).Finish(answer));
    EXPECT_EQ(ak.key(), EcKey(Curve::kP256).public_key());
    EXPECT_NE(ak.name().find("maker of TPMs"), std::string::npos);
  }
}

TEST(EnrolmentTest, AnotherNameOrAnswerIsRefused) {
  ASSERT_OK_AND_ASSIGN(
      AkEnrolment enrolment,
      AkEnrolment::Begin(EkCertificate(RsaKey().public_key()), AkPublic(kAk), Trust(), kNow));
  EXPECT_STATUS(Activate(RsaKey(), Bytes(34), enrolment.challenge()), kUnauthenticated,
                "integrity");
  for (const Bytes& answer : {Bytes(), Bytes(32), Bytes(33)}) {
    ASSERT_OK_AND_ASSIGN(AkEnrolment again, AkEnrolment::Begin(EkCertificate(RsaKey().public_key()),
                                                               AkPublic(kAk), Trust(), kNow));
    const auto ak = std::move(again).Finish(answer);
    EXPECT_EQ(ClassOf(ak.status(), RefusalClass::kNone), RefusalClass::kAkBinding);
  }
}

RefusalClass Refusal(const Bytes& certificate, const EkTrust& trust, int64_t now = kNow) {
  return ClassOf(VerifyEkCertificate(certificate, trust, now).status(), RefusalClass::kNone);
}

TEST(EnrolmentTest, EndorsementCertificates) {
  const Bytes good = EkCertificate(RsaKey().public_key());
  EXPECT_EQ(Refusal(good, Trust()), RefusalClass::kNone);
  Bytes padded = good;
  padded.resize(good.size() + 100, 0xff);
  EXPECT_EQ(Refusal(padded, Trust()), RefusalClass::kNone);
  padded.back() = 1;
  EXPECT_EQ(Refusal(padded, Trust()), RefusalClass::kFormat);
  EXPECT_EQ(Refusal({}, Trust()), RefusalClass::kFormat);
  EXPECT_EQ(Refusal(Bytes(ByteView(good).begin(), ByteView(good).end() - 1), Trust()),
            RefusalClass::kFormat);
  EXPECT_EQ(Refusal(good, Trust(), kNow + 2000), RefusalClass::kExpired);
  EXPECT_EQ(Refusal(good, Trust(), kNow - 2000), RefusalClass::kNotYetValid);
  EXPECT_EQ(Refusal(EkCertificate(RsaKey().public_key(), {}), Trust()), RefusalClass::kAkBinding);
  // serverAuth.
  EXPECT_EQ(Refusal(EkCertificate(RsaKey().public_key(), *HexDecode("300a06082b06010505070301")),
                    Trust()),
            RefusalClass::kAkBinding);
  const Certificate other =
      *crypto::MakeCertificate(Request("maker of TPMs", true), EcKey(Curve::kP256).public_key(),
                               nullptr, EcKey(Curve::kP256), crypto::SignatureScheme::kEcdsaSha256);
  EXPECT_EQ(Refusal(good, {{other}, {}, {}, false}), RefusalClass::kChain);
  EXPECT_NE(Refusal(good, {{}, {}, {}, false}), RefusalClass::kNone);
  EXPECT_EQ(Refusal(good, {{Maker()}, {}, {}, true}), RefusalClass::kCrlMissing);
}

TEST(EnrolmentTest, RevokedEndorsementKeys) {
  const Bytes good = EkCertificate(RsaKey().public_key());
  const Bytes serial = Certificate::FromDer(good)->serial();
  const auto trust = [&](const std::vector<Bytes>& revoked) {
    const Bytes crl =
        *crypto::MakeCrlDer({kNow - 10, kNow + 10, revoked}, Maker(), EcKey(Curve::kP384),
                            crypto::SignatureScheme::kEcdsaSha384);
    return EkTrust{{Maker()}, {}, {*crypto::Crl::FromDer(crl)}, true};
  };
  EXPECT_EQ(Refusal(good, trust({{1, 2, 3}})), RefusalClass::kNone);
  EXPECT_EQ(Refusal(good, trust({serial})), RefusalClass::kRevoked);
}

TEST(EnrolmentTest, OnlyAttestationKeys) {
  const Bytes ek = EkCertificate(RsaKey().public_key());
  const auto refusal = [&](const Bytes& area) {
    return ClassOf(AkEnrolment::Begin(ek, area, Trust(), kNow).status(), RefusalClass::kNone);
  };
  EXPECT_EQ(refusal(AkPublic(kAk)), RefusalClass::kNone);
  EXPECT_EQ(refusal(AkPublic(kAk & ~kRestricted)), RefusalClass::kKeyType);
  EXPECT_EQ(refusal({}), RefusalClass::kFormat);
}

TEST(EnrolmentTest, CredentialBounds) {
  const crypto::PublicKey& key = RsaKey().public_key();
  EXPECT_OK(MakeCredential(key, Bytes(34), Bytes(32)));
  EXPECT_STATUS(MakeCredential(key, Bytes(34), Bytes(33)), kInvalidArgument, "33 bytes");
  ASSERT_OK_AND_ASSIGN(Credential p521,
                       MakeCredential(EcKey(Curve::kP521).public_key(), Bytes(34), Bytes(32)));
  EXPECT_EQ(p521.id_object.size(), 2u + 64 + 2 + 32);
  EXPECT_EQ(p521.encrypted_secret.size(), 2u * (2 + 66));
}

}  // namespace
}  // namespace nacre::tee::tpm
