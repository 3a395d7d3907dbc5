// What the public Sigstore services made: a bundle with certificate, log entry and inclusion proof
// (tests/data/sigstore). It is provenance, so no policy takes it for a signature of an image; all
// that leads up to that answer must hold.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/fulcio.h"
#include "image-rs-cpp/signature/rekor.h"
#include "image-rs-cpp/signature/sigstore.h"

namespace nacre::image {
namespace {

constexpr const char* kSubject =
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
constexpr const char* kIssuer = "https://token.actions.githubusercontent.com";
constexpr const char* kSigned =
    "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";

std::string Data(const std::string& name) {
  return *ReadTextFile(std::string(NACRE_TEST_DATA) + "/sigstore/" + name, 1 << 20);
}

class PublicSigstoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto parsed = ParseBundle(Data("provenance.bundle.json"));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    signature_ = *std::move(parsed);
    wanted_.rekor_keys = {*crypto::PublicKey::FromPem(Data("rekor.pub.pem"))};
    const auto authorities = *crypto::Certificate::AllFromPem(Data("fulcio.pem"));
    wanted_.fulcio =
        FulcioRequirement{{authorities.at(1)}, {authorities.at(0)}, kIssuer, "", kSubject};
  }
  absl::Status Verify() {
    return VerifySigstore(wanted_, signature_, {*ParseImageReference("q.io/a:1"), {kSigned}});
  }
  SigstoreSignature signature_;
  SigstoreSigned wanted_;
};

TEST_F(PublicSigstoreTest, LogEntryAndCertificateHold) {
  const LogEntry& entry = *signature_.log_entry;
  EXPECT_OK(VerifyLogEntry(entry, wanted_.rekor_keys));
  EXPECT_OK(CheckLogEntryIsAbout(entry, signature_, *signature_.certificates[0].public_key()));
  EXPECT_OK(
      CheckSigningCertificate(signature_.certificates, *wanted_.fulcio, entry.integrated_time));
  ASSERT_OK_AND_ASSIGN(const auto identity, ReadSigningIdentity(signature_.certificates[0]));
  EXPECT_EQ(identity.issuer, kIssuer);
  EXPECT_EQ(identity.uri, kSubject);
  EXPECT_STATUS(Verify(), kPermissionDenied,
                "it is an attestation of type 'https://slsa.dev/provenance/v1', not a signature");
}

TEST_F(PublicSigstoreTest, ChangesAreSeen) {
  const SigstoreSignature good = signature_;
  signature_.signed_bytes.back() ^= 1;
  EXPECT_STATUS(Verify(), kUnauthenticated, "not by its certificate's key");
  signature_ = good;
  signature_.log_entry->integrated_time += 1;
  EXPECT_STATUS(Verify(), kUnauthenticated, "signed entry timestamp");
  signature_ = good;
  signature_.log_entry->proof->hashes[3][0] ^= 1;
  EXPECT_STATUS(Verify(), kUnauthenticated, "another root");
  signature_ = good;
  signature_.log_entry->proof->index -= 1;
  EXPECT_FALSE(Verify().ok());
  signature_ = good;
  signature_.log_entry->proof->checkpoint[0] = 'R';
  EXPECT_STATUS(Verify(), kUnauthenticated, "checkpoint");
}

TEST_F(PublicSigstoreTest, AnotherOwnersWishesAreNotMet) {
  wanted_.fulcio->subject_uri += "x";
  EXPECT_STATUS(Verify(), kPermissionDenied, "URI is");
  wanted_.fulcio->subject_uri = kSubject;
  wanted_.fulcio->oidc_issuer = "https://accounts.google.com";
  EXPECT_STATUS(Verify(), kPermissionDenied, "OIDC issuer is");
  wanted_.fulcio->oidc_issuer = kIssuer;
  wanted_.fulcio->intermediates.clear();
  EXPECT_STATUS(Verify(), kUnauthenticated, "signing certificate");
}

}  // namespace
}  // namespace nacre::image
