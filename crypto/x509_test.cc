#include "crypto/x509.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/crl.h"
#include "crypto/keys_testing.h"
#include "crypto/x509_make.h"

namespace nacre::crypto {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kNow = 1'750'000'000;  // 2025-06-15T15:06:40Z

// AMD's shape: an RSA root and intermediate that sign with RSASSA-PSS and SHA-384, and a leaf with
// a P-384 key, serial number 0 and extensions of its own.
struct Chain {
  Certificate root;
  Certificate intermediate;
  Certificate leaf;
};

CertificateRequest CaRequest(const std::string& name) {
  CertificateRequest request;
  request.subject = {{"OU", "Engineering"}, {"C", "US"}, {"CN", name}};
  request.not_before = kNow - 1000 * kDay;
  request.not_after = kNow + 1000 * kDay;
  request.is_ca = true;
  return request;
}

CertificateRequest LeafRequest() {
  CertificateRequest request = CaRequest("leaf");
  request.is_ca = false;
  request.serial = {0};
  request.not_before = kNow - 10 * kDay;
  request.not_after = kNow + 10 * kDay;
  request.extensions = {{"1.3.6.1.4.1.3704.1.3.1", {0x02, 0x01, 0x07}},
                        {"1.3.6.1.4.1.3704.1.4", Bytes(64, 0xab)}};
  return request;
}

const PrivateKey& IntermediateKey() {
  static const PrivateKey* key = new PrivateKey(*PrivateKey::GenerateRsa(2048));
  return *key;
}

constexpr SignatureScheme kPss = SignatureScheme::kRsaPssSha384;

Certificate MakeRoot(const CertificateRequest& request) {
  return *MakeCertificate(request, RsaKey().public_key(), nullptr, RsaKey(), kPss);
}
Certificate MakeIntermediate(const CertificateRequest& request, const Certificate& root) {
  return *MakeCertificate(request, IntermediateKey().public_key(), &root, RsaKey(), kPss);
}
Certificate MakeLeaf(const CertificateRequest& request, const Certificate& intermediate) {
  return *MakeCertificate(request, EcKey(Curve::kP384).public_key(), &intermediate,
                          IntermediateKey(), kPss);
}

const Chain& TestChain() {
  static const Chain* chain = [] {
    Certificate root = MakeRoot(CaRequest("ARK-Test"));
    Certificate intermediate = MakeIntermediate(CaRequest("SEV-Test"), root);
    return new Chain{root, intermediate, MakeLeaf(LeafRequest(), intermediate)};
  }();
  return *chain;
}

ChainOptions Options() {
  ChainOptions options;
  options.roots = {TestChain().root};
  options.intermediates = {TestChain().intermediate};
  options.time = kNow;
  return options;
}

Crl MakeCrl(const Certificate& issuer, const PrivateKey& key, std::vector<Bytes> revoked,
            int64_t this_update = kNow - kDay, int64_t next_update = kNow + kDay) {
  return *Crl::FromDer(
      *MakeCrlDer({this_update, next_update, std::move(revoked)}, issuer, key, kPss));
}

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
  EXPECT_EQ(*leaf.SpkiDigest(HashAlgorithm::kSha384),
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
  // OpenSSL's own check may already refuse it; if not, asking for the extension does.
  if (twice.ok()) {
    EXPECT_STATUS(twice->Extension("1.3.6.1.4.1.3704.1.3.1"), kInvalidArgument, "occurs twice");
  }
  request = LeafRequest();
  request.subject = {{"CN", "a"}, {"CN", "b"}};
  Certificate two_names = MakeLeaf(request, TestChain().intermediate);
  EXPECT_STATUS(two_names.subject_common_name(), kInvalidArgument, "several common names");
  request.subject = {{"O", "a"}};
  EXPECT_EQ(*MakeLeaf(request, TestChain().intermediate).subject_common_name(), "");
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

TEST(VerifyChainTest, AcceptsAmdsShape) {
  ASSERT_OK_AND_ASSIGN(std::vector<Certificate> path, VerifyChain(TestChain().leaf, Options()));
  ASSERT_EQ(path.size(), 3u);
  EXPECT_EQ(path[0], TestChain().leaf);
  EXPECT_EQ(path[1], TestChain().intermediate);
  EXPECT_EQ(path[2], TestChain().root);
}

TEST(VerifyChainTest, EcdsaChainsToo) {
  const PrivateKey& ca_key = EcKey(Curve::kP256);
  ASSERT_OK_AND_ASSIGN(Certificate root,
                       MakeCertificate(CaRequest("EC root"), ca_key.public_key(), nullptr, ca_key,
                                       SignatureScheme::kEcdsaSha256));
  ASSERT_OK_AND_ASSIGN(Certificate leaf,
                       MakeCertificate(LeafRequest(), EcKey(Curve::kP384).public_key(), &root,
                                       ca_key, SignatureScheme::kEcdsaSha384));
  ChainOptions options;
  options.roots = {root};
  options.time = kNow;
  EXPECT_EQ(VerifyChain(leaf, options)->size(), 2u);
}

TEST(VerifyChainTest, ValidityAtItsEdges) {
  ChainOptions options = Options();
  auto at = [&options](int64_t time) {
    options.time = time;
    return VerifyChain(TestChain().leaf, options);
  };
  const Certificate& leaf = TestChain().leaf;
  EXPECT_OK(at(leaf.not_before()));
  EXPECT_STATUS(at(leaf.not_before() - 1), kUnauthenticated,
                "certificate 0 (CN=leaf,C=US,OU=Engineering): not valid before 2025-06-05T");
  EXPECT_OK(at(leaf.not_after() - 1));
  EXPECT_STATUS(at(leaf.not_after() + 1), kUnauthenticated, "expired 2025-06-25T15:06:40Z");
}

TEST(VerifyChainTest, ExpiredIntermediateAndRootAreNamed) {
  CertificateRequest request = CaRequest("SEV-Old");
  request.not_after = kNow - kDay;
  Certificate old = MakeIntermediate(request, TestChain().root);
  ChainOptions options = Options();
  options.intermediates = {old};
  EXPECT_STATUS(VerifyChain(MakeLeaf(LeafRequest(), old), options), kUnauthenticated,
                "certificate 1 (CN=SEV-Old,C=US,OU=Engineering): expired");
  request = CaRequest("ARK-Old");
  request.not_after = kNow - kDay;
  Certificate old_root = MakeRoot(request);
  Certificate intermediate = MakeIntermediate(CaRequest("SEV-New"), old_root);
  options.roots = {old_root};
  options.intermediates = {intermediate};
  EXPECT_STATUS(VerifyChain(MakeLeaf(LeafRequest(), intermediate), options), kUnauthenticated,
                "certificate 2 (CN=ARK-Old,C=US,OU=Engineering): expired");
}

TEST(VerifyChainTest, RootIsPinnedByCertificateNotByName) {
  ASSERT_OK_AND_ASSIGN(PrivateKey other_key, PrivateKey::GenerateRsa(2048));
  ASSERT_OK_AND_ASSIGN(
      Certificate impostor,
      MakeCertificate(CaRequest("ARK-Test"), other_key.public_key(), nullptr, other_key, kPss));
  ChainOptions options = Options();
  options.roots = {impostor};
  EXPECT_FALSE(VerifyChain(TestChain().leaf, options).ok());
  // What the peer calls a root does not become one.
  options.intermediates.push_back(TestChain().root);
  EXPECT_FALSE(VerifyChain(TestChain().leaf, options).ok());
  // Two roots of one name may be pinned; the order does not matter.
  options.roots = {impostor, TestChain().root};
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
  options.roots = {TestChain().root, impostor};
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
}

TEST(VerifyChainTest, MissingPieces) {
  ChainOptions options = Options();
  options.intermediates.clear();
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "certificate 0");
  options = Options();
  options.roots.clear();
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kFailedPrecondition, "no root is pinned");
  options = Options();
  options.intermediates.assign(kMaxCertificatesInPem + 1, TestChain().intermediate);
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "more than 16");
}

TEST(VerifyChainTest, ALeafCannotIssue) {
  Certificate second =
      *MakeCertificate(LeafRequest(), EcKey(Curve::kP256).public_key(), &TestChain().leaf,
                       EcKey(Curve::kP384), SignatureScheme::kEcdsaSha384);
  ChainOptions options = Options();
  options.intermediates.push_back(TestChain().leaf);
  EXPECT_STATUS(VerifyChain(second, options), kUnauthenticated, "");
}

TEST(VerifyChainTest, PathLengthCounts) {
  CertificateRequest request = CaRequest("ARK-Short");
  request.path_length = 0;
  Certificate root = MakeRoot(request);
  Certificate intermediate = MakeIntermediate(CaRequest("SEV-Short"), root);
  ChainOptions options = Options();
  options.roots = {root};
  options.intermediates = {intermediate};
  EXPECT_STATUS(VerifyChain(MakeLeaf(LeafRequest(), intermediate), options), kUnauthenticated,
                "path length");
}

TEST(VerifyChainTest, UnknownCriticalExtensionIsRefused) {
  CertificateRequest request = LeafRequest();
  request.extensions = {{"1.3.6.1.4.1.3704.99", {0x05, 0x00}, true}};
  EXPECT_STATUS(VerifyChain(MakeLeaf(request, TestChain().intermediate), Options()),
                kUnauthenticated, "critical extension");
}

TEST(VerifyChainTest, ChangedCertificateIsRefused) {
  Bytes der = TestChain().leaf.der();
  size_t changes = 0;
  for (size_t i = 0; i < der.size(); i += 7) {
    der[i] ^= 0x01;
    absl::StatusOr<Certificate> changed = Certificate::FromDer(der);
    if (changed.ok()) {
      EXPECT_FALSE(VerifyChain(*changed, Options()).ok()) << "byte " << i;
      ++changes;
    }
    der[i] ^= 0x01;
  }
  EXPECT_GT(changes, 20u);
}

TEST(VerifyChainTest, RootWhereALeafBelongs) {
  ChainOptions options = Options();
  EXPECT_STATUS(VerifyChain(TestChain().root, options), kUnauthenticated,
                "a root where a leaf belongs");
  options.allow_leaf_as_root = true;
  EXPECT_EQ(VerifyChain(TestChain().root, options)->size(), 1u);
}

TEST(VerifyIssuedByTest, SignatureAndName) {
  EXPECT_OK(VerifyIssuedBy(TestChain().leaf, TestChain().intermediate));
  EXPECT_OK(VerifyIssuedBy(TestChain().root, TestChain().root));
  EXPECT_STATUS(VerifyIssuedBy(TestChain().leaf, TestChain().root), kUnauthenticated,
                "not CN=ARK-Test");
  ASSERT_OK_AND_ASSIGN(PrivateKey other_key, PrivateKey::GenerateRsa(2048));
  ASSERT_OK_AND_ASSIGN(
      Certificate impostor,
      MakeCertificate(CaRequest("SEV-Test"), other_key.public_key(), nullptr, other_key, kPss));
  EXPECT_STATUS(VerifyIssuedBy(TestChain().leaf, impostor), kUnauthenticated,
                "signature is not by");
}

TEST(CrlTest, RevokesBySerial) {
  Crl crl = MakeCrl(TestChain().root, RsaKey(), {{1, 2, 3}, {0}});
  EXPECT_OK(crl.Verify(TestChain().root, kNow));
  EXPECT_EQ(crl.revoked_count(), 2u);
  EXPECT_TRUE(crl.IsRevoked(Bytes{1, 2, 3}));
  EXPECT_TRUE(crl.IsRevoked(Bytes{0}));
  EXPECT_FALSE(crl.IsRevoked(Bytes{1, 2}));
  EXPECT_FALSE(crl.IsRevoked(Bytes{1, 2, 3, 0}));
  EXPECT_EQ(MakeCrl(TestChain().root, RsaKey(), {}).revoked_count(), 0u);
}

TEST(CrlTest, TimeAtItsEdges) {
  Crl crl = MakeCrl(TestChain().root, RsaKey(), {});
  EXPECT_OK(crl.Verify(TestChain().root, crl.this_update()));
  EXPECT_STATUS(crl.Verify(TestChain().root, crl.this_update() - 1), kUnauthenticated,
                "valid from 2025-06-14");
  EXPECT_OK(crl.Verify(TestChain().root, *crl.next_update() - 1));
  EXPECT_STATUS(crl.Verify(TestChain().root, *crl.next_update()), kUnauthenticated,
                "out of date since 2025-06-16");
}

TEST(CrlTest, MustBeTheIssuers) {
  Crl crl = MakeCrl(TestChain().root, RsaKey(), {});
  EXPECT_STATUS(crl.Verify(TestChain().intermediate, kNow), kUnauthenticated, "not of CN=SEV-Test");
  Crl forged = MakeCrl(TestChain().root, IntermediateKey(), {});
  EXPECT_STATUS(forged.Verify(TestChain().root, kNow), kUnauthenticated,
                "signature does not verify");
  Certificate leaf = MakeLeaf(LeafRequest(), TestChain().intermediate);
  absl::StatusOr<Bytes> by_leaf = MakeCrlDer({kNow - kDay, kNow + kDay, {}}, leaf,
                                             EcKey(Curve::kP384), SignatureScheme::kEcdsaSha384);
  ASSERT_OK(by_leaf);
  EXPECT_STATUS(Crl::FromDer(*by_leaf)->Verify(leaf, kNow), kUnauthenticated, "may not sign CRLs");
}

TEST(CrlTest, RefusesWhatIsNotOneCrl) {
  Bytes der = *MakeCrlDer({kNow, kNow + kDay, {}}, TestChain().root, RsaKey(), kPss);
  EXPECT_OK(Crl::FromDer(der));
  der.push_back(0);
  EXPECT_STATUS(Crl::FromDer(der), kInvalidArgument, "bytes after");
  EXPECT_STATUS(Crl::FromDer({}), kInvalidArgument, "not DER");
  EXPECT_STATUS(Crl::FromDer(TestChain().root.der()), kInvalidArgument, "not DER");
  EXPECT_STATUS(Crl::FromPem(TestChain().root.ToPem()), kInvalidArgument, "'CERTIFICATE'");
}

TEST(CrlTest, ChainWithCrls) {
  ChainOptions options = Options();
  options.crls = {MakeCrl(TestChain().root, RsaKey(), {})};
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
  options.require_crls = true;
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 0 (CN=leaf,C=US,OU=Engineering): no CRL of its issuer");
  options.crls.push_back(MakeCrl(TestChain().intermediate, IntermediateKey(), {}));
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
}

TEST(CrlTest, RevokedCertificatesEndTheChain) {
  ChainOptions options = Options();
  options.crls = {MakeCrl(TestChain().root, RsaKey(), {TestChain().intermediate.serial()})};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 1 (CN=SEV-Test,C=US,OU=Engineering): revoked");
  options.crls = {MakeCrl(TestChain().intermediate, IntermediateKey(), {{0}})};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 0 (CN=leaf,C=US,OU=Engineering): revoked");
}

TEST(CrlTest, AStaleOrForgedCrlEndsTheChain) {
  ChainOptions options = Options();
  options.crls = {MakeCrl(TestChain().root, RsaKey(), {}, kNow - 2 * kDay, kNow - kDay)};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "out of date");
  options.crls = {MakeCrl(TestChain().root, IntermediateKey(), {})};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "does not verify");
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
