#include "image-rs-cpp/signature/rekor.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "image-rs-cpp/signature/merkle.h"
#include "image-rs-cpp/signature/sign.h"
#include "image-rs-cpp/testing/test_sigstore.h"

namespace nacre::image {
namespace {

using testing::kSigningTime;
using testing::TestLog;

TEST(RekorTest, EveryPlaceInEveryTree) {
  for (size_t size = 1; size <= 9; ++size) {
    for (size_t index = 0; index < size; ++index) {
      TestLog log(index, size - index - 1);
      const LogEntry entry = log.Add("{}", kSigningTime);
      EXPECT_OK(VerifyLogEntry(entry, {log.public_key()})) << index << " of " << size;
    }
  }
}

TEST(RekorTest, AnyChangeToThePromiseIsSeen) {
  TestLog log;
  const LogEntry good = log.Add("{\"a\":1}", kSigningTime);
  const std::vector<crypto::PublicKey> keys = {log.public_key()};
  LogEntry bad = good;
  bad.integrated_time += 1;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "signed entry timestamp");
  bad = good;
  bad.log_index += 1;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "signed entry timestamp");
  bad = good;
  bad.body = ToBytes("{\"a\":2}");
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "signed entry timestamp");
  bad = good;
  bad.promise.back() ^= 1;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "signed entry timestamp");
}

TEST(RekorTest, AnyChangeToTheProofIsSeen) {
  TestLog log(5, 6);
  LogEntry good = log.Add("{\"a\":1}", kSigningTime);
  const std::vector<crypto::PublicKey> keys = {log.public_key()};
  good.promise.clear();
  EXPECT_OK(VerifyLogEntry(good, keys));
  LogEntry bad = good;
  bad.body = ToBytes("{\"a\":2}");
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "leads to another root");
  bad = good;
  bad.proof->index = 4;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "leads to another root");
  bad = good;
  bad.proof->index = 12;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kInvalidArgument, "outside of the tree");
  bad = good;
  bad.proof->hashes.pop_back();
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kInvalidArgument, "fewer hashes");
  bad = good;
  bad.proof->hashes.push_back(Bytes(32, 1));
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kInvalidArgument, "more hashes");
  bad = good;
  bad.proof->hashes[0].pop_back();
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kInvalidArgument, "32 bytes");
  bad = good;
  bad.proof->root[0] ^= 1;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "another tree");
  bad = good;
  bad.proof->tree_size += 1;
  EXPECT_STATUS(VerifyLogEntry(bad, keys), kUnauthenticated, "another tree");
}

TEST(RekorTest, CheckpointsAreReadStrictly) {
  TestLog log;
  const LogEntry good = log.Add("{}", kSigningTime);
  const std::vector<crypto::PublicKey> keys = {log.public_key()};
  const std::string& note = good.proof->checkpoint;
  for (const std::string& bad :
       {std::string(), note.substr(0, note.find("\n\n")), note.substr(0, note.size() - 1),
        "x" + note, note + "x\n", "\n" + note, log.SignedNote("log\nx\nAAAA\n"),
        log.SignedNote("log\n1\nAAAA\n"), log.SignedNote("\n1\n\n"),
        TestLog().SignedNote(note.substr(0, note.find("\n\n") + 1))}) {
    LogEntry entry = good;
    entry.proof->checkpoint = bad;
    EXPECT_FALSE(VerifyLogEntry(entry, keys).ok()) << bad;
  }
}

TEST(RekorTest, OnlyTrustedLogsCount) {
  TestLog log, other;
  LogEntry entry = log.Add("{}", kSigningTime);
  EXPECT_STATUS(VerifyLogEntry(entry, {other.public_key()}), kUnauthenticated, "not trusted");
  EXPECT_OK(VerifyLogEntry(entry, {other.public_key(), log.public_key()}));
  entry.promise.clear();
  entry.proof.reset();
  EXPECT_STATUS(VerifyLogEntry(entry, {log.public_key()}), kUnauthenticated, "has no proof");
}

class LogBodyTest : public ::testing::Test {
 protected:
  LogBodyTest() : key_(testing::NewKey()) {
    signature_.payload = signature_.signed_bytes = ToBytes("payload");
    signature_.signature = *SignPayload(key_, signature_.signed_bytes);
  }
  absl::Status Check(const std::string& body) {
    LogEntry entry;
    entry.body = ToBytes(body);
    return CheckLogEntryIsAbout(entry, signature_, key_.public_key());
  }
  crypto::PrivateKey key_;
  SigstoreSignature signature_;
};

TEST_F(LogBodyTest, HashedRekord) {
  const std::string pem = testing::PemOf(key_);
  using testing::HashedRekord;
  EXPECT_OK(Check(HashedRekord(signature_.payload, signature_.signature, pem)));
  EXPECT_STATUS(Check(HashedRekord(AsBytes("x"), signature_.signature, pem)), kUnauthenticated,
                "another payload");
  EXPECT_STATUS(Check(HashedRekord(signature_.payload, AsBytes("x"), pem)), kUnauthenticated,
                "another signature");
  EXPECT_STATUS(Check(HashedRekord(signature_.payload, signature_.signature,
                                   testing::PemOf(testing::NewKey()))),
                kUnauthenticated, "another key");
  EXPECT_FALSE(Check(HashedRekord(signature_.payload, signature_.signature, "PEM")).ok());
}

TEST_F(LogBodyTest, Dsse) {
  signature_.form = SigstoreSignature::Form::kStatement;
  const std::string pem = testing::PemOf(key_);
  using testing::DsseEntry;
  const std::string good = DsseEntry(signature_.payload, signature_.signature, pem);
  EXPECT_OK(Check(good));
  EXPECT_STATUS(Check(DsseEntry(AsBytes("x"), signature_.signature, pem)), kUnauthenticated,
                "another payload");
  EXPECT_STATUS(Check(DsseEntry(signature_.payload, AsBytes("x"), pem)), kUnauthenticated,
                "another signature");
  Json two = *ParseJson(good);
  two["spec"]["signatures"].push_back(two["spec"]["signatures"][0]);
  EXPECT_STATUS(Check(two.dump()), kUnauthenticated, "exactly one signature");
  signature_.form = SigstoreSignature::Form::kSimpleSigning;
  EXPECT_STATUS(Check(good), kUnimplemented, "kind 'dsse'");
}

TEST_F(LogBodyTest, OtherKinds) {
  EXPECT_STATUS(Check(R"({"kind":"rpm","apiVersion":"0.0.1","spec":{}})"), kUnimplemented, "rpm");
  EXPECT_STATUS(Check(R"({"kind":"hashedrekord","apiVersion":"0.0.2","spec":{}})"), kUnimplemented,
                "0.0.2");
  for (const char* bad : {"", "[]", "{}", R"({"kind":"dsse","apiVersion":"0.0.1"})",
                          R"({"kind":"hashedrekord","apiVersion":"0.0.1","spec":{}})"}) {
    EXPECT_FALSE(Check(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace nacre::image
