// Our reader beside OpenSSL's: every byte of several certificates and CRLs changed in several ways.
// What ours accepts OpenSSL accepts too, and both read the same.
#include "base/status_testing.h"
#include "crypto/chain_testing.h"
#include "crypto/x509_oracle_testing.h"

namespace nacre::crypto {
namespace {

std::vector<Certificate> Certificates() {
  CertificateRequest request = LeafRequest();
  request.server_auth = true;
  request.dns_names = {"localhost"};
  request.ip_addresses = {"::1"};
  request.subject = {{"C", "DE"},
                     {"O",
                      "Gr\xc3\xbc\xc3\x9f"
                      "e, \"GmbH\""},
                     {"CN", "#1 "}};
  request.not_after = 3'000'000'000;  // a GeneralizedTime
  const Certificate named = MakeLeaf(request, TestChain().intermediate);
  const Certificate by_ec =
      *MakeCertificate(LeafRequest(), EcKey(Curve::kP521).public_key(), &TestChain().root,
                       EcKey(Curve::kP256), SignatureScheme::kEcdsaSha256);
  CertificateRequest ca = CaRequest("CA");
  ca.path_length = 2;
  ca.extensions = {{"2.5.29.31", HexDecode("300f300da00ba0098607687474703a2f2f").value()},
                   {"2.5.29.32", HexDecode("300830060604551d2000").value(), true}};
  return {TestChain().root, TestChain().leaf, named, by_ec, MakeIntermediate(ca, TestChain().root)};
}

TEST(X509OracleTest, ReadsWhatOpensslReads) {
  for (const Certificate& certificate : Certificates()) {
    EXPECT_EQ(oracle::Compare(certificate), "") << certificate.subject_text();
    const uint8_t* cursor = certificate.der().data();
    std::unique_ptr<X509, Freer<X509_free>> theirs(
        d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
    EXPECT_EQ(certificate.subject_text(), oracle::NameText(X509_get_subject_name(theirs.get())));
    EXPECT_EQ(certificate.issuer_text(), oracle::NameText(X509_get_issuer_name(theirs.get())));
  }
}

TEST(X509OracleTest, EveryByteOfACertificateChanged) {
  size_t accepted = 0, refused = 0;
  for (const Certificate& certificate : Certificates()) {
    Bytes der = certificate.der();
    for (size_t i = 0; i < der.size(); ++i) {
      const uint8_t byte = der[i];
      for (uint8_t change : {0x01, 0xa0}) {
        der[i] = byte ^ change;
        const auto changed = Certificate::FromDer(der);
        ++(changed.ok() ? accepted : refused);
        if (changed.ok()) {
          ASSERT_EQ(oracle::Compare(*changed), "") << "byte " << i << " ^ " << int{change};
        }
      }
      der[i] = byte;
    }
  }
  EXPECT_GT(accepted, 1000u);
  EXPECT_GT(refused, 1000u);
}

TEST(X509OracleTest, EveryByteOfACrlChanged) {
  Bytes der =
      *MakeCrlDer({kNow, kNow + kDay, {{1, 2, 3}, {0}, {0x80}}}, TestChain().root, RsaKey(), kPss);
  ASSERT_OK_AND_ASSIGN(const Crl good, Crl::FromDer(der));
  EXPECT_EQ(oracle::Compare(good, der), "");
  size_t accepted = 0;
  for (size_t i = 0; i < der.size(); ++i) {
    const uint8_t byte = der[i];
    for (uint8_t change : {0x01, 0x02, 0x20, 0x80, 0xff}) {
      der[i] = byte ^ change;
      const auto changed = Crl::FromDer(der);
      if (!changed.ok()) continue;
      ASSERT_EQ(oracle::Compare(*changed, der), "") << "byte " << i << " ^ " << int{change};
      ++accepted;
    }
    der[i] = byte;
  }
  EXPECT_GT(accepted, 100u);
}

TEST(X509OracleTest, SignaturesThatHoldHoldForOpenssl) {
  EXPECT_TRUE(oracle::Verifies(TestChain().leaf, TestChain().intermediate));
  EXPECT_TRUE(oracle::Verifies(TestChain().root, TestChain().root));
  EXPECT_FALSE(oracle::Verifies(TestChain().leaf, TestChain().root));
}

}  // namespace
}  // namespace nacre::crypto
