#include "tee/tpm/attest.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/keys_testing.h"
#include "tee/common/refusal_class.h"
#include "tee/tpm/public_area.h"
#include "tee/tpm/signature.h"

namespace nacre::tee::tpm {
namespace {

using crypto::Curve;
using crypto::EcKey;
using crypto::RsaKey;

RefusalClass Class(const absl::Status& status) { return ClassOf(status, RefusalClass::kNone); }

Attest Example() {
  Attest attest;
  attest.qualified_signer = Bytes(34, 1);
  attest.extra_data = ToBytes("nonce");
  attest.clock = 0x0102030405060708;
  attest.reset_count = 9;
  attest.restart_count = 10;
  attest.safe = true;
  attest.firmware_version = 0x2020202020202020;
  attest.selections = {PcrSelection::Of(Bank::kSha256, {0, 7, 8, 23})};
  attest.pcr_digest = Bytes(32, 3);
  return attest;
}

TEST(AttestTest, RoundTrip) {
  const Bytes bytes = SerializeAttest(Example());
  ASSERT_OK_AND_ASSIGN(Attest attest, ParseAttest(bytes));
  EXPECT_EQ(SerializeAttest(attest), bytes);
  EXPECT_EQ(attest.clock, 0x0102030405060708u);
  EXPECT_EQ(attest.selections, Example().selections);
  EXPECT_EQ(attest.selections[0].Pcrs(), (std::vector<uint32_t>{0, 7, 8, 23}));
  EXPECT_EQ(HexEncode(attest.selections[0].bits), "810180");
  EXPECT_FALSE(attest.selections[0].Has(24));
}

TEST(AttestTest, RefusesWhatIsNoQuote) {
  const Bytes good = SerializeAttest(Example());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(Class(ParseAttest(ByteView(good).first(size)).status()), RefusalClass::kFormat);
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_STATUS(ParseAttest(longer), kInvalidArgument, "1 bytes left over");
  const auto with = [&](size_t at, uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    return ParseAttest(changed);
  };
  EXPECT_STATUS(with(0, 0xfe), kInvalidArgument, "TPM_GENERATED_VALUE");
  EXPECT_STATUS(with(5, 0x17), kInvalidArgument, "is not a quote");
  EXPECT_STATUS(with(6, 0xff), kInvalidArgument, "qualified signer");
  const size_t safe = 6 + 2 + 34 + 2 + 5 + 8 + 4 + 4;
  EXPECT_STATUS(with(safe, 2), kInvalidArgument, "safe is 2");
  EXPECT_STATUS(with(safe + 9, 0xff), kInvalidArgument, "PCR selections");
  EXPECT_STATUS(with(safe + 12, 17), kInvalidArgument, "17 PCR selections");
  EXPECT_EQ(Class(with(safe + 14, 0x77).status()), RefusalClass::kUnsupported);
  EXPECT_STATUS(with(safe + 15, 5), kInvalidArgument, "PCR selection of 5 bytes");
}

TEST(SignatureTest, RoundTripAndCuts) {
  const Signature rsa{SignatureKind::kRsaPss, Bank::kSha384, Bytes(256, 7), {}, {}};
  const Signature ecdsa{SignatureKind::kEcdsa, Bank::kSha256, {}, Bytes(32, 1), Bytes(31, 2)};
  for (const Signature& one : {rsa, ecdsa}) {
    const Bytes bytes = SerializeSignature(one);
    ASSERT_OK_AND_ASSIGN(Signature read, ParseSignature(bytes));
    EXPECT_EQ(SerializeSignature(read), bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(Class(ParseSignature(ByteView(bytes).first(size)).status()), RefusalClass::kFormat);
    }
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_STATUS(ParseSignature(longer), kInvalidArgument, "left over");
  }
  EXPECT_EQ(Class(ParseSignature(Bytes{0, 0x1a, 0, 0xb, 0, 0}).status()),
            RefusalClass::kUnsupported);
  EXPECT_EQ(Class(ParseSignature(Bytes{0, 0x14, 0, 0x77, 0, 0}).status()),
            RefusalClass::kUnsupported);
}

TEST(SignatureTest, EverySchemeVerifiesAndNoOther) {
  const Bytes message = ToBytes("message");
  const auto hash = crypto::HashAlgorithm::kSha256;
  const Bytes pss = *RsaKey().SignRsaPss(hash, message);
  const Bytes ssa = *RsaKey().SignRsaPkcs1(hash, message);
  const Bytes raw = *EcKey(Curve::kP256).SignEcdsa(hash, message);
  const Signature good_pss{SignatureKind::kRsaPss, Bank::kSha256, pss, {}, {}};
  const Signature good_ssa = RawRsaSsa(ssa);
  const Signature good_ec{SignatureKind::kEcdsa,
                          Bank::kSha256,
                          {},
                          Bytes(raw.begin(), raw.begin() + 32),
                          Bytes(raw.begin() + 32, raw.end())};
  const crypto::PublicKey& rsa = RsaKey().public_key();
  const crypto::PublicKey& ec = EcKey(Curve::kP256).public_key();
  EXPECT_OK(VerifySignature(rsa, good_pss, message, false));
  EXPECT_OK(VerifySignature(rsa, good_ssa, message, false));
  EXPECT_OK(VerifySignature(ec, good_ec, message, false));
  const auto refused = [&](const crypto::PublicKey& key, Signature signature) {
    return Class(VerifySignature(key, signature, message, false)) == RefusalClass::kSignature;
  };
  EXPECT_TRUE(refused(ec, good_ssa));
  EXPECT_TRUE(refused(rsa, good_ec));
  Signature other = good_ssa;
  other.kind = SignatureKind::kRsaPss;
  EXPECT_TRUE(refused(rsa, other));
  other = good_pss;
  other.hash = Bank::kSha384;
  EXPECT_TRUE(refused(rsa, other));
  other = good_ec;
  other.r.insert(other.r.begin(), {1, 0});
  EXPECT_TRUE(refused(ec, other));
  other = good_ec;
  other.s.insert(other.s.begin(), {0, 0});  // leading zeros say nothing
  EXPECT_OK(VerifySignature(ec, other, message, false));
  other = good_ssa;
  other.hash = Bank::kSha1;
  EXPECT_STATUS(VerifySignature(rsa, other, message, false), kUnauthenticated, "SHA-1 digest");
  EXPECT_STATUS(VerifySignature(rsa, other, message, true), kUnauthenticated, "does not verify");
}

// TPMT_PUBLIC of an attestation key.
Bytes RsaPublic(uint32_t attributes, const Bytes& modulus) {
  return ByteWriter()
      .U16Be(1)
      .U16Be(0xb)
      .U32Be(attributes)
      .U16Be(0)
      .U16Be(0x10)  // no symmetric algorithm
      .U16Be(0x14)
      .U16Be(0xb)  // RSASSA with SHA-256
      .U16Be(static_cast<uint16_t>(modulus.size() * 8))
      .U32Be(0)
      .U16Be(static_cast<uint16_t>(modulus.size()))
      .Put(modulus)
      .Release();
}

constexpr uint32_t kAk =
    kFixedTpm | kFixedParent | kSensitiveDataOrigin | kRestricted | kSignEncrypt;

TEST(PublicAreaTest, Rsa) {
  const Bytes modulus = RsaKey().public_key().ToRsaNumbers()->modulus;
  const Bytes bytes = RsaPublic(kAk, modulus);
  ASSERT_OK_AND_ASSIGN(PublicArea area, ParsePublicArea(bytes));
  EXPECT_EQ(area.key, RsaKey().public_key());
  EXPECT_EQ(area.name.size(), 34u);
  EXPECT_EQ(ToBytes(ByteView(area.name).subspan(2)), eventlog::BankDigest(Bank::kSha256, bytes));
  EXPECT_OK(CheckAttestationKey(area));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParsePublicArea(ByteView(bytes).first(size)).ok()) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_STATUS(ParsePublicArea(longer), kInvalidArgument, "left over");
  Bytes narrow(modulus.begin() + 1, modulus.end());
  EXPECT_FALSE(ParsePublicArea(RsaPublic(kAk, narrow)).ok());
}

TEST(PublicAreaTest, OnlyRestrictedSigningKeysAttest) {
  const Bytes modulus = RsaKey().public_key().ToRsaNumbers()->modulus;
  for (uint32_t missing :
       {kFixedTpm, kFixedParent, kSensitiveDataOrigin, kRestricted, kSignEncrypt}) {
    ASSERT_OK_AND_ASSIGN(PublicArea area, ParsePublicArea(RsaPublic(kAk & ~missing, modulus)));
    EXPECT_EQ(Class(CheckAttestationKey(area)), RefusalClass::kKeyType) << missing;
  }
  ASSERT_OK_AND_ASSIGN(PublicArea both, ParsePublicArea(RsaPublic(kAk | kDecrypt, modulus)));
  EXPECT_EQ(Class(CheckAttestationKey(both)), RefusalClass::kKeyType);
}

TEST(PublicAreaTest, Ecc) {
  const crypto::EcPoint point = *EcKey(Curve::kP384).public_key().ToEcPoint();
  const auto bytes = [&](uint16_t curve) {
    return ByteWriter()
        .U16Be(0x23)
        .U16Be(0xb)
        .U32Be(kAk)
        .U16Be(0)
        .U16Be(0x10)
        .U16Be(0x18)
        .U16Be(0xc)
        .U16Be(curve)
        .U16Be(0x10)
        .U16Be(48)
        .Put(point.x)
        .U16Be(48)
        .Put(point.y)
        .Release();
  };
  ASSERT_OK_AND_ASSIGN(PublicArea area, ParsePublicArea(bytes(4)));
  EXPECT_EQ(area.key, EcKey(Curve::kP384).public_key());
  EXPECT_EQ(Class(ParsePublicArea(bytes(3)).status()), RefusalClass::kFormat);
  EXPECT_EQ(Class(ParsePublicArea(bytes(0x10)).status()), RefusalClass::kUnsupported);
  Bytes keyed_hash = bytes(4);
  keyed_hash[1] = 8;
  EXPECT_EQ(Class(ParsePublicArea(keyed_hash).status()), RefusalClass::kUnsupported);
}

}  // namespace
}  // namespace nacre::tee::tpm
