#include "tee/emulator/identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tee/sev/vek.h"
#include "tee/sev/verify.h"

namespace nacre::tee::emulator {
namespace {

constexpr int64_t kNow = 1'800'000'000;

IdentityOptions Small(sev::Product product = sev::Product::kMilan) {
  return {.product = product, .now = kNow, .rsa_bits = 2048};
}

TEST(Identity, IsAChainInAmdsShape) {
  const auto folder = TemporaryDirectory::Create("chip").value();
  const std::string path = folder.path() + "/chip";
  ASSERT_TRUE(CreateIdentity(path, Small()).ok());
  const Identity identity = LoadIdentity(path).value();
  EXPECT_EQ(identity.product, sev::Product::kMilan);
  EXPECT_EQ(identity.leaf.subject_common_name().value(), "SEV-VCEK");
  EXPECT_EQ(identity.leaf.issuer_common_name().value(), "SEV-Milan");
  EXPECT_EQ(identity.intermediate.issuer_common_name().value(), "ARK-Milan");
  EXPECT_EQ(identity.leaf.serial(), Bytes{0});
  const auto extensions = sev::ReadVekExtensions(identity.leaf, identity.product).value();
  EXPECT_EQ(extensions.product_name, "Milan-B0");
  EXPECT_EQ(extensions.hardware_id, ToBytes(identity.chip_id));
  struct stat info;
  ASSERT_EQ(stat((path + "/vcek.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  sev::SnpTrust trust;
  const auto table = sev::ParseCertificateTable(IdentityTable(identity).value()).value();
  EXPECT_FALSE(sev::VerifyVekChain(table, sev::CertificateKind::kVcek, trust, kNow).ok());
  trust.roots.push_back(sev::EmulatedRootFromPem(identity.ark.ToPem()).value());
  const auto chain = sev::VerifyVekChain(table, sev::CertificateKind::kVcek, trust, kNow);
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_TRUE(chain->trusted.emulated);
}

TEST(Identity, TurinHasAnEightByteId) {
  const auto folder = TemporaryDirectory::Create("chip").value();
  ASSERT_TRUE(CreateIdentity(folder.path(), Small(sev::Product::kTurin)).ok());
  const Identity identity = LoadIdentity(folder.path()).value();
  EXPECT_EQ(identity.product, sev::Product::kTurin);
  for (size_t i = 8; i < identity.chip_id.size(); ++i) EXPECT_EQ(identity.chip_id[i], 0);
}

TEST(Identity, IsNotReplaced) {
  const auto folder = TemporaryDirectory::Create("chip").value();
  ASSERT_TRUE(CreateIdentity(folder.path(), Small()).ok());
  EXPECT_EQ(CreateIdentity(folder.path(), Small()).code(), absl::StatusCode::kAlreadyExists);
}

TEST(Identity, MissingAndMismatchedFilesAreRefused) {
  const auto folder = TemporaryDirectory::Create("chip").value();
  EXPECT_EQ(LoadIdentity(folder.path()).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(CreateIdentity(folder.path(), Small()).ok());
  const auto other = crypto::PrivateKey::GenerateEc(crypto::Curve::kP384).value();
  ASSERT_TRUE(WriteFile(folder.path() + "/vcek.key", other.ToPem().value().view()).ok());
  EXPECT_EQ(LoadIdentity(folder.path()).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(WriteFile(folder.path() + "/vcek.key", AsBytes("no key")).ok());
  EXPECT_FALSE(LoadIdentity(folder.path()).ok());
}

}  // namespace
}  // namespace nacre::tee::emulator
