#include <algorithm>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/chain_testing.h"
#include "crypto/x509.h"

namespace nacre::crypto {
namespace {

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
  EXPECT_STATUS(at(leaf.not_after()), kUnauthenticated, "expired 2025-06-25T15:06:40Z");
  EXPECT_STATUS(at(leaf.not_after() + 1), kUnauthenticated, "expired 2025-06-25T15:06:40Z");
  EXPECT_EQ(TimeProblemOf(at(leaf.not_before() - 1).status()), TimeProblem::kNotYetValid);
  EXPECT_EQ(TimeProblemOf(Annotate(at(leaf.not_after() + 1).status(), "x")), TimeProblem::kExpired);
  EXPECT_EQ(TimeProblemOf(absl::UnauthenticatedError("expired")), TimeProblem::kNone);
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

TEST(VerifyChainTest, ARenewedIssuerIsFoundBehindAnExpiredOne) {
  CertificateRequest request = CaRequest("SEV-Test");
  request.not_after = kNow - kDay;
  const Certificate expired = MakeIntermediate(request, TestChain().root);
  ChainOptions options = Options();
  options.intermediates = {expired, TestChain().intermediate};
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
  options.intermediates = {expired};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "expired");
}

TEST(VerifyChainTest, ManyIssuersOfOneNameCostLittle) {
  // Each names every other and the root as its issuer; none is signed by the root's key.
  ChainOptions options = Options();
  options.intermediates.clear();
  const Certificate impostor = MakeIntermediate(CaRequest("ARK-Test"), TestChain().root);
  for (size_t i = 0; i < kMaxCertificatesInPem; ++i) {
    options.intermediates.push_back(*MakeCertificate(
        CaRequest("ARK-Test"), IntermediateKey().public_key(), &impostor, IntermediateKey(), kPss));
  }
  const Certificate leaf = MakeLeaf(LeafRequest(), impostor);
  EXPECT_STATUS(VerifyChain(leaf, options), kUnauthenticated, "certificate");
}

TEST(VerifyChainTest, APinnedIntermediateEndsThePath) {
  ChainOptions options = Options();
  options.roots = {TestChain().intermediate};
  options.intermediates = {};
  EXPECT_EQ(VerifyChain(TestChain().leaf, options)->size(), 2u);
}

TEST(VerifyChainTest, ARootThatIsItsOwnIssuerMustBearItsSignature) {
  Bytes der = TestChain().root.der();
  der.back() ^= 1;
  ChainOptions options = Options();
  options.roots = {*Certificate::FromDer(der)};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "certificate 2 (CN=ARK-Test,C=US,OU=Engineering): signature is not by its issuer");
  options.roots_known_good = true;
  EXPECT_OK(VerifyChain(TestChain().leaf, options));
}

// The certificate with the first `from` in it replaced by `to` of the same length.
Certificate Patched(const Certificate& certificate, std::string_view from, std::string_view to) {
  const Bytes old_bytes = HexDecode(from).value(), new_bytes = HexDecode(to).value();
  Bytes der = certificate.der();
  const auto at = std::search(der.begin(), der.end(), old_bytes.begin(), old_bytes.end());
  std::copy(new_bytes.begin(), new_bytes.end(), at);
  return Certificate::FromDer(der).value();
}

TEST(VerifyChainTest, AnIssuerMustBeAllowedToSign) {
  // keyUsage: keyCertSign and cRLSign become cRLSign alone.
  ChainOptions options = Options();
  options.intermediates = {Patched(TestChain().intermediate,
                                   "030201"
                                   "06",
                                   "030201"
                                   "02")};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated,
                "key usage does not allow");
  // basicConstraints: CA becomes FALSE.
  options.intermediates = {Patched(TestChain().intermediate, "30030101ff", "3003010100")};
  EXPECT_STATUS(VerifyChain(TestChain().leaf, options), kUnauthenticated, "is no CA");
}

TEST(VerifyChainTest, KeyIdentifiersMustAgree) {
  // The leaf's authority key identifier is the intermediate's subject key identifier.
  const Bytes id = TestChain().intermediate.Extension("2.5.29.14").value();
  const std::string hex = HexEncode(ByteView(id).subspan(2));
  ChainOptions options = Options();
  const Certificate other = Patched(TestChain().leaf,
                                    "301680"
                                    "14" +
                                        hex,
                                    "301680"
                                    "14" +
                                        std::string(40, '0'));
  EXPECT_STATUS(VerifyChain(other, options), kUnauthenticated, "no issuer at hand");
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

}  // namespace
}  // namespace nacre::crypto
