#include "crypto/x509.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/chain_testing.h"

namespace nacre::crypto {
namespace {

TEST(CertificateTest, SaysWhatItWasMadeWith) {
  const Certificate& leaf = TestChain().leaf;
  EXPECT_EQ(*leaf.subject_common_name(), "leaf");
  EXPECT_EQ(*leaf.issuer_common_name(), "SEV-Test");
  EXPECT_EQ(leaf.subject_text(), "CN=leaf,C=US,OU=Engineering");
  EXPECT_EQ(leaf.serial(), Bytes{0});
  EXPECT_EQ(TestChain().root.serial().size(), 16u);
  EXPECT_EQ(leaf.not_before(), kNow - 10 * kDay);
  EXPECT_EQ(leaf.not_after(), kNow + 10 * kDay);
  EXPECT_FALSE(leaf.is_ca());
  EXPECT_TRUE(TestChain().root.is_ca());
  EXPECT_EQ(*leaf.public_key(), EcKey(Curve::kP384).public_key());
  EXPECT_EQ(leaf.SpkiDigest(HashAlgorithm::kSha384),
            Digest(HashAlgorithm::kSha384, *EcKey(Curve::kP384).public_key().ToSpkiDer()));
}

TEST(CertificateTest, ExtensionsByOid) {
  const Certificate& leaf = TestChain().leaf;
  EXPECT_EQ(*leaf.Extension("1.3.6.1.4.1.3704.1.3.1"), (Bytes{0x02, 0x01, 0x07}));
  EXPECT_EQ(leaf.Extension("1.3.6.1.4.1.3704.1.4")->size(), 64u);
  EXPECT_STATUS(leaf.Extension("1.3.6.1.4.1.3704.1.3"), kNotFound, "no extension");
  EXPECT_STATUS(leaf.Extension("1.3.6.1.4.1.3704.1.3.10"), kNotFound, "no extension");
  EXPECT_STATUS(leaf.Extension("commonName"), kInvalidArgument, "not an object identifier");
}

TEST(CertificateTest, RepeatedExtensionsAndNamesAreRefused) {
  CertificateRequest request = LeafRequest();
  request.extensions.push_back(request.extensions[0]);
  absl::StatusOr<Certificate> twice =
      MakeCertificate(request, EcKey(Curve::kP384).public_key(), &TestChain().intermediate,
                      IntermediateKey(), kPss);
  EXPECT_STATUS(twice, kInvalidArgument, "extension 1.3.6.1.4.1.3704.1.3.1 occurs twice");
  request = LeafRequest();
  request.subject = {{"CN", "a"}, {"CN", "b"}};
  Certificate two_names = MakeLeaf(request, TestChain().intermediate);
  EXPECT_STATUS(two_names.subject_common_name(), kInvalidArgument, "several common names");
  request.subject = {{"O", "a"}};
  EXPECT_EQ(*MakeLeaf(request, TestChain().intermediate).subject_common_name(), "");
}

TEST(CertificateTest, MalformedAndUnsupportedExtensionsAreRefused) {
  const auto with = [](const char* oid, std::string_view hex) {
    CertificateRequest request = LeafRequest();
    request.extensions = {{oid, HexDecode(hex).value()}};
    return MakeCertificate(request, EcKey(Curve::kP384).public_key(), &TestChain().intermediate,
                           IntermediateKey(), kPss);
  };
  EXPECT_OK(with("2.5.29.31", "300f300da00ba0098607687474703a2f2f"));
  EXPECT_STATUS(with("2.5.29.31", "3000"), kInvalidArgument, "CRL distribution points");
  EXPECT_STATUS(with("2.5.29.31", "300f300da00ba0098607687474703a2f2f00"), kInvalidArgument,
                "bytes after");
  EXPECT_OK(with("2.5.29.17",
                 "30078205"
                 "6c6f63616c"));
  EXPECT_STATUS(with("2.5.29.17", "3000"), kInvalidArgument, "subject alternative name");
  EXPECT_STATUS(with("2.5.29.17",
                     "3004830200"
                     "00"),
                kInvalidArgument, "general name");
  EXPECT_STATUS(with("2.5.29.37", "3000"), kInvalidArgument, "extended key usage");
  EXPECT_STATUS(with("2.5.29.30", "3000"), kInvalidArgument, "name constraints");
  EXPECT_STATUS(with("1.3.6.1.5.5.7.1.14", "3000"), kInvalidArgument, "1.3.6.1.5.5.7.1.14");
  EXPECT_OK(with("2.16.840.1.113730.1.1", "03020007"));
  EXPECT_STATUS(with("2.16.840.1.113730.1.1", "0302f007"), kInvalidArgument, "Netscape");
}

TEST(CertificateTest, NamesInOtherAlphabets) {
  CertificateRequest request = LeafRequest();
  request.subject = {{"CN",
                      "Gr\xc3\xbc\xc3\x9f"
                      "e"}};
  const Certificate leaf = MakeLeaf(request, TestChain().intermediate);
  EXPECT_EQ(*leaf.subject_common_name(),
            "Gr\xc3\xbc\xc3\x9f"
            "e");
  EXPECT_EQ(leaf.subject_text(), "CN=Gr\\C3\\BC\\C3\\9Fe");
  request.subject = {{"CN", " a,b"}};
  EXPECT_EQ(MakeLeaf(request, TestChain().intermediate).subject_text(), "CN=\\ a\\,b");
}

TEST(CertificateTest, SerialNumbersAreNotNegative) {
  CertificateRequest request = LeafRequest();
  request.serial = {0x42, 0x43, 0x44, 0x45};
  Bytes der = MakeLeaf(request, TestChain().intermediate).der();
  const auto at = std::search(der.begin(), der.end(), request.serial.begin(), request.serial.end());
  ASSERT_NE(at, der.end());
  *at = 0x80;
  EXPECT_STATUS(Certificate::FromDer(der), kInvalidArgument, "serial number: a negative number");
  *at = 0x00;
  EXPECT_STATUS(Certificate::FromDer(der), kInvalidArgument, "shortest form");
}

TEST(CertificateTest, BothCopiesOfTheAlgorithmMustBeEqual) {
  const Certificate leaf =
      *MakeCertificate(LeafRequest(), EcKey(Curve::kP384).public_key(), &TestChain().root,
                       EcKey(Curve::kP256), SignatureScheme::kEcdsaSha256);
  Bytes der = leaf.der();
  const Bytes oid = HexDecode("06082a8648ce3d040302").value();
  const auto at = std::search(der.begin(), der.end(), oid.begin(), oid.end());
  ASSERT_NE(at, der.end());
  *(at + 9) = 3;  // SHA-384
  EXPECT_STATUS(Certificate::FromDer(der), kInvalidArgument, "two signature algorithms");
}

TEST(CertificateTest, PemAndDerRoundTrips) {
  const Chain& chain = TestChain();
  EXPECT_EQ(*Certificate::FromPem(chain.leaf.ToPem()), chain.leaf);
  EXPECT_EQ(*Certificate::FromDer(chain.leaf.der()), chain.leaf);
  std::string both = chain.intermediate.ToPem() + "a comment\n" + chain.root.ToPem();
  ASSERT_OK_AND_ASSIGN(std::vector<Certificate> all, Certificate::AllFromPem(both));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1], chain.root);
  EXPECT_STATUS(Certificate::FromPem(both), kInvalidArgument, "more than 1");
}

TEST(CertificateTest, RefusesWhatIsNotOneCertificate) {
  Bytes der = TestChain().leaf.der();
  EXPECT_STATUS(Certificate::FromDer({}), kInvalidArgument, "not DER");
  EXPECT_STATUS(Certificate::FromDer(ByteView(der).first(der.size() - 1)), kInvalidArgument,
                "not DER");
  der.push_back(0);
  EXPECT_STATUS(Certificate::FromDer(der), kInvalidArgument, "bytes after");
  EXPECT_STATUS(Certificate::FromDer(Bytes(kMaxCertificateSize + 1)), kInvalidArgument,
                "the limit is");
  EXPECT_STATUS(Certificate::FromPem("text"), kInvalidArgument, "no 'CERTIFICATE' block");
  EXPECT_STATUS(Certificate::AllFromPem(""), kInvalidArgument, "no 'CERTIFICATE' block");
  std::string key_pem = ToString(EcKey(Curve::kP256).ToPem()->view());
  EXPECT_STATUS(Certificate::AllFromPem(TestChain().leaf.ToPem() + key_pem), kInvalidArgument,
                "'PRIVATE KEY'");
  std::string cut = TestChain().leaf.ToPem();
  cut.resize(cut.size() - 30);
  EXPECT_STATUS(Certificate::FromPem(cut), kInvalidArgument, "PEM");
}

TEST(CertificateTest, PemCountAtAndAboveTheLimit) {
  std::string pem;
  for (size_t i = 0; i < kMaxCertificatesInPem; ++i) pem += TestChain().leaf.ToPem();
  EXPECT_EQ(Certificate::AllFromPem(pem)->size(), kMaxCertificatesInPem);
  pem += TestChain().leaf.ToPem();
  EXPECT_STATUS(Certificate::AllFromPem(pem), kInvalidArgument, "more than 16");
}

TEST(MakeCertificateTest, ServerCertificateWithNames) {
  CertificateRequest request = LeafRequest();
  request.server_auth = true;
  request.dns_names = {"localhost", "kbs.example"};
  request.ip_addresses = {"127.0.0.1", "::1"};
  Certificate leaf = MakeLeaf(request, TestChain().intermediate);
  // subjectAltName: SEQUENCE of [2] IA5String and [7] OCTET STRING.
  Bytes expected = {0x30, 0x30, 0x82, 0x09};
  ByteWriter writer;
  writer.Put(expected).Put("localhost").U8(0x82).U8(11).Put("kbs.example");
  writer.U8(0x87).U8(4).Put(Bytes{127, 0, 0, 1}).U8(0x87).U8(16).Zeros(15).U8(1);
  EXPECT_EQ(HexEncode(*leaf.Extension("2.5.29.17")), HexEncode(writer.bytes()));
  EXPECT_EQ(HexEncode(*leaf.Extension("2.5.29.37")), "300a06082b06010505070301");
  EXPECT_OK(VerifyChain(leaf, Options()));
}

TEST(MakeCertificateTest, RefusesWhatDoesNotFit) {
  const PublicKey& subject = EcKey(Curve::kP384).public_key();
  EXPECT_STATUS(MakeCertificate(CaRequest("x"), subject, nullptr, RsaKey(), kPss), kInvalidArgument,
                "self-signed with another key");
  EXPECT_STATUS(MakeCertificate(CaRequest("x"), RsaKey().public_key(), nullptr, RsaKey(),
                                SignatureScheme::kEcdsaSha256),
                kInvalidArgument, "does not fit");
  auto with = [&subject](auto change) {
    CertificateRequest request = LeafRequest();
    change(request);
    return MakeCertificate(request, subject, &TestChain().intermediate, IntermediateKey(), kPss);
  };
  EXPECT_OK(with([](CertificateRequest& r) { r.serial = Bytes(20, 1); }));
  EXPECT_STATUS(with([](CertificateRequest& r) { r.serial = Bytes(21, 1); }), kInvalidArgument,
                "serial number of 21 bytes");
  EXPECT_STATUS(with([](CertificateRequest& r) { r.ip_addresses = {"1.2.3"}; }), kInvalidArgument,
                "IP address '1.2.3'");
  EXPECT_STATUS(with([](CertificateRequest& r) { r.dns_names = {""}; }), kInvalidArgument,
                "DNS name");
  EXPECT_STATUS(with([](CertificateRequest& r) {
                  r.subject = {{"nothing", "x"}};
                }),
                kInvalidArgument, "subject attribute nothing");
  EXPECT_STATUS(with([](CertificateRequest& r) {
                  r.extensions = {{"no oid", {}}};
                }),
                kInvalidArgument, "extension no oid");
}

TEST(FormatTimeTest, Rfc3339) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(kNow), "2025-06-15T15:06:40Z");
}

}  // namespace
}  // namespace nacre::crypto
