#include "attestation/broker/storage/sealer.h"

#include <set>

#include "attestation/broker/storage/migrations.h"
#include "attestation/broker/storage/testing.h"
#include "base/status_testing.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

class SealerTest : public testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (database == nullptr) return;
    ASSERT_OK(Migrate(*database, 1));
    ASSERT_OK_AND_ASSIGN(master, OpenMasterKey(place->config()));
    sealer.emplace(master.get());
    ASSERT_OK(sealer->Load(*database, 1));
  }
  absl::StatusOr<Bytes> Seal(std::string_view table, std::string_view key, ByteView plaintext) {
    Bytes sealed;
    RETURN_IF_ERROR(database->Write([&](sql::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(sealed, sealer->Seal(connection, table, key, plaintext));
      return absl::OkStatus();
    }));
    return sealed;
  }
  std::unique_ptr<MasterKey> master;
  std::optional<Sealer> sealer;
};
INSTANTIATE_ON_BOTH_ENGINES(SealerTest);

TEST_P(SealerTest, OpensWhatItSealedForTheSameTableAndKeyOnly) {
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal("resources", "a/b/c", AsBytes("secret")));
  ASSERT_OK_AND_ASSIGN(SecretBytes plain, sealer->Open(*database, "resources", "a/b/c", sealed));
  EXPECT_EQ(AsText(plain.view()), "secret");
  EXPECT_STATUS(sealer->Open(*database, "resources", "a/b/d", sealed), kUnauthenticated, "");
  EXPECT_STATUS(sealer->Open(*database, "service_keys", "a/b/c", sealed), kUnauthenticated, "");
  EXPECT_STATUS(sealer->Open(*database, "resources:a", "/b/c", sealed), kUnauthenticated, "");
}

TEST_P(SealerTest, EveryChangedByteIsNoticed) {
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal("resources", "a", AsBytes("secret")));
  for (size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= 1;
    EXPECT_FALSE(sealer->Open(*database, "resources", "a", changed).ok()) << i;
    EXPECT_FALSE(sealer->Open(*database, "resources", "a", ByteView(sealed).first(i)).ok()) << i;
  }
}

TEST_P(SealerTest, TheSameSecretLooksDifferentEachTime) {
  std::set<Bytes> seen;
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal("resources", "a", AsBytes("secret")));
    seen.insert(ToBytes(ByteView(sealed).subspan(5, 12)));
  }
  EXPECT_EQ(seen.size(), 50u);
}

TEST_P(SealerTest, AnotherMasterKeyIsToldAtTheStart) {
  ASSERT_OK_AND_ASSIGN(auto other, MasterKeyFromBytes(crypto::RandomSecret(32), "other"));
  Sealer wrong(other.get());
  EXPECT_STATUS(wrong.Load(*database, 1), kFailedPrecondition, "another master key");
}

TEST_P(SealerTest, TheMasterKeyIs32BytesInAFileOfOneReader) {
  EXPECT_STATUS(MasterKeyFromBytes(crypto::RandomSecret(31), "x"), kInvalidArgument, "31 bytes");
  EXPECT_STATUS(MasterKeyFromBytes(crypto::RandomSecret(33), "x"), kInvalidArgument, "33 bytes");
  const std::string& folder = place->config().folder;
  ASSERT_OK(WriteFile(folder + "/open.key", crypto::RandomSecret(32).view(), 0640));
  EXPECT_STATUS(OpenMasterKey("open.key", folder), kFailedPrecondition, "chmod");
  EXPECT_STATUS(OpenMasterKey("none.key", folder), kNotFound, "none.key");
  EXPECT_STATUS(CreateMasterKey("master.key", folder), kAlreadyExists, "master.key");
}

}  // namespace
}  // namespace nacre::attestation
