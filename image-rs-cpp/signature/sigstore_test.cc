// Whole signatures against requirements: by key, by certificate, as cosign's layer and as a bundle.
#include "image-rs-cpp/signature/sigstore.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/sign.h"
#include "image-rs-cpp/signature/simple_signing.h"
#include "image-rs-cpp/testing/test_sigstore.h"

namespace nacre::image {
namespace {

using testing::BundleOf;
using testing::kSigningTime;
using testing::NewKey;
using testing::PemOf;
using testing::SubjectOptions;
using testing::TestAuthority;
using testing::TestLog;

const std::string kDigest = "sha256:" + std::string(64, 'd');
const std::string kIndexDigest = "sha256:" + std::string(64, 'e');

ImageInQuestion Image(const std::string& reference = "q.io/team/app:1") {
  return {*ParseImageReference(reference), {kIndexDigest, kDigest}};
}

std::string Payload(const std::string& digest, const std::string& name) {
  return *FormatSimpleSigning({std::string(kCosignType), digest, name});
}

SigstoreSignature SignedByKey(const crypto::PrivateKey& key, const std::string& payload) {
  const Bytes signature = *SignPayload(key, AsBytes(payload));
  return *ReadCosignLayer({{std::string(kCosignSignature), Base64Encode(signature)}},
                          ToBytes(payload));
}

SigstoreSigned ByKey(const crypto::PrivateKey& key) {
  SigstoreSigned wanted;
  wanted.keys = {key.public_key()};
  return wanted;
}

TEST(SigstoreByKey, SignatureOfManifestOrIndex) {
  const auto key = NewKey();
  for (const std::string& digest : {kDigest, kIndexDigest}) {
    EXPECT_OK(
        VerifySigstore(ByKey(key), SignedByKey(key, Payload(digest, "q.io/team/app")), Image()));
  }
  const std::string other = "sha256:" + std::string(64, 'f');
  EXPECT_STATUS(
      VerifySigstore(ByKey(key), SignedByKey(key, Payload(other, "q.io/team/app")), Image()),
      kPermissionDenied, "it is a signature of sha256:ffff");
}

TEST(SigstoreByKey, AnyOfTheKeysWillDo) {
  const auto key = NewKey(), second = NewKey(), stranger = NewKey();
  SigstoreSigned wanted = ByKey(key);
  wanted.keys.push_back(second.public_key());
  const std::string payload = Payload(kDigest, "q.io/team/app");
  EXPECT_OK(VerifySigstore(wanted, SignedByKey(second, payload), Image()));
  EXPECT_STATUS(VerifySigstore(wanted, SignedByKey(stranger, payload), Image()), kUnauthenticated,
                "by none of the keys");
}

TEST(SigstoreByKey, OtherKindsOfKeys) {
  const std::string payload = Payload(kDigest, "q.io/team/app");
  for (auto curve : {crypto::Curve::kP384, crypto::Curve::kP521}) {
    const auto key = *crypto::PrivateKey::GenerateEc(curve);
    EXPECT_OK(VerifySigstore(ByKey(key), SignedByKey(key, payload), Image()));
  }
  const auto rsa = *crypto::PrivateKey::GenerateRsa(2048);
  EXPECT_OK(VerifySigstore(ByKey(rsa), SignedByKey(rsa, payload), Image()));
  SigstoreSignature bad = SignedByKey(rsa, payload);
  bad.signature[9] ^= 1;
  EXPECT_STATUS(VerifySigstore(ByKey(rsa), bad, Image()), kUnauthenticated, "none of the keys");
}

TEST(SigstoreByKey, ChangedPayloadOrSignature) {
  const auto key = NewKey();
  const SigstoreSignature good = SignedByKey(key, Payload(kDigest, "q.io/team/app"));
  for (size_t i = 0; i < good.signature.size(); ++i) {
    SigstoreSignature bad = good;
    bad.signature[i] ^= 0x10;
    EXPECT_FALSE(VerifySigstore(ByKey(key), bad, Image()).ok()) << i;
  }
  SigstoreSignature bad = good;
  bad.signed_bytes.push_back(' ');
  EXPECT_FALSE(VerifySigstore(ByKey(key), bad, Image()).ok());
  bad = good;
  bad.signature.clear();
  EXPECT_FALSE(VerifySigstore(ByKey(key), bad, Image()).ok());
}

TEST(SigstoreByKey, TheNameMustFit) {
  const auto key = NewKey();
  const SigstoreSignature other = SignedByKey(key, Payload(kDigest, "q.io/team/tool"));
  EXPECT_STATUS(VerifySigstore(ByKey(key), other, Image()), kPermissionDenied,
                "it is a signature for 'q.io/team/tool'");
  SigstoreSigned wanted = ByKey(key);
  wanted.identity = SignedIdentity{.match = SignedIdentity::Match::kExactRepository,
                                   .reference = "q.io/team/tool"};
  EXPECT_OK(VerifySigstore(wanted, other, Image()));
  wanted.identity = SignedIdentity{.match = SignedIdentity::Match::kExact};
  EXPECT_FALSE(
      VerifySigstore(wanted, SignedByKey(key, Payload(kDigest, "q.io/team/app")), Image()).ok());
  EXPECT_OK(VerifySigstore(wanted, SignedByKey(key, Payload(kDigest, "q.io/team/app:1")), Image()));
}

TEST(SigstoreByKey, ALogEntryIsAskedForOnlyWithALogKey) {
  const auto key = NewKey();
  TestLog log;
  SigstoreSigned wanted = ByKey(key);
  wanted.rekor_keys = {log.public_key()};
  SigstoreSignature signature = SignedByKey(key, Payload(kDigest, "q.io/team/app"));
  EXPECT_STATUS(VerifySigstore(wanted, signature, Image()), kUnauthenticated, "no log entry");
  signature.log_entry = log.Add(
      testing::HashedRekord(signature.payload, signature.signature, PemOf(key)), kSigningTime);
  EXPECT_OK(VerifySigstore(wanted, signature, Image()));
  signature.log_entry = log.Add(
      testing::HashedRekord(AsBytes("other"), signature.signature, PemOf(key)), kSigningTime);
  EXPECT_STATUS(VerifySigstore(wanted, signature, Image()), kUnauthenticated, "another payload");
}

class SigstoreByCertificate : public ::testing::Test {
 protected:
  SigstoreByCertificate() : key_(NewKey()) {
    FulcioRequirement fulcio;
    fulcio.roots = {authority_.root()};
    fulcio.intermediates = {authority_.intermediate()};
    fulcio.oidc_issuer = "https://accounts.example";
    fulcio.subject_email = "owner@example.com";
    wanted_.fulcio = fulcio;
    wanted_.rekor_keys = {log_.public_key()};
  }

  // As cosign's annotations have it, through the parser.
  SigstoreSignature Signed(const SubjectOptions& subject = {}, int64_t time = kSigningTime) {
    const auto leaf = authority_.Issue(key_.public_key(), subject);
    const std::string payload = Payload(kDigest, "q.io/team/app");
    const Bytes signature = *SignPayload(key_, AsBytes(payload));
    const LogEntry entry =
        log_.Add(testing::HashedRekord(AsBytes(payload), signature, leaf.ToPem()), time);
    auto read = ReadCosignLayer({{std::string(kCosignSignature), Base64Encode(signature)},
                                 {"dev.sigstore.cosign/certificate", leaf.ToPem()},
                                 {"dev.sigstore.cosign/chain", authority_.root().ToPem()},
                                 {"dev.sigstore.cosign/bundle", testing::LogAnnotation(entry)}},
                                ToBytes(payload));
    EXPECT_TRUE(read.ok()) << read.status();
    return *read;
  }
  absl::Status Verify(const SigstoreSignature& signature) {
    return VerifySigstore(wanted_, signature, Image());
  }

  crypto::PrivateKey key_;
  TestAuthority authority_;
  TestLog log_;
  SigstoreSigned wanted_;
};

TEST_F(SigstoreByCertificate, ThePersonTheOwnerNamed) {
  EXPECT_OK(Verify(Signed()));
  EXPECT_OK(Verify(Signed({.raw_issuer = true})));
  EXPECT_STATUS(Verify(Signed({.email = "other@example.com"})), kPermissionDenied,
                "e-mail is 'other@example.com', expected 'owner@example.com'");
  EXPECT_STATUS(Verify(Signed({.issuer = "https://evil.example"})), kPermissionDenied,
                "OIDC issuer is 'https://evil.example'");
  EXPECT_STATUS(Verify(Signed({.issuer = ""})), kInvalidArgument, "names no issuer");
  EXPECT_STATUS(Verify(Signed({.uri = "https://ci/workflow"})), kPermissionDenied, "e-mail is ''");
}

TEST_F(SigstoreByCertificate, AWorkloadByItsUri) {
  wanted_.fulcio->subject_email.clear();
  wanted_.fulcio->subject_uri = "https://ci/workflow";
  EXPECT_OK(Verify(Signed({.uri = "https://ci/workflow"})));
  EXPECT_STATUS(Verify(Signed({.uri = "https://ci/workflow2"})), kPermissionDenied, "URI is");
  EXPECT_STATUS(Verify(Signed()), kPermissionDenied, "URI is ''");
}

TEST_F(SigstoreByCertificate, ValidWhenTheLogTookIt) {
  EXPECT_OK(Verify(Signed({}, kSigningTime + 539)));
  EXPECT_STATUS(Verify(Signed({}, kSigningTime + 541)), kUnauthenticated, "expired");
  EXPECT_STATUS(Verify(Signed({}, kSigningTime - 61)), kUnauthenticated, "signing certificate");
}

TEST_F(SigstoreByCertificate, OnlyForCodeSigningUnderTheRoot) {
  EXPECT_STATUS(Verify(Signed({.code_signing = false})), kInvalidArgument, "code signing");
  wanted_.fulcio->roots = {TestAuthority().root()};
  EXPECT_STATUS(Verify(Signed()), kUnauthenticated, "signing certificate");
}

TEST_F(SigstoreByCertificate, NeedsCertificateLogAndTime) {
  SigstoreSignature bare = Signed();
  bare.certificates.clear();
  EXPECT_STATUS(Verify(bare), kUnauthenticated, "no certificate");
  SigstoreSignature unlogged = Signed();
  unlogged.log_entry.reset();
  EXPECT_STATUS(Verify(unlogged), kUnauthenticated, "no log entry");
  // A proof of inclusion alone says nothing about the time.
  SigstoreSignature timeless = Signed();
  timeless.log_entry = log_.Add(ToString(timeless.log_entry->body), kSigningTime);
  timeless.log_entry->promise.clear();
  EXPECT_STATUS(Verify(timeless), kUnauthenticated, "nobody vouches for its time");
}

TEST_F(SigstoreByCertificate, TheLoggedCertificateMustBeThisOne) {
  SigstoreSignature swapped = Signed();
  swapped.certificates[0] = authority_.Issue(key_.public_key(), {.email = "other@example.com"});
  EXPECT_STATUS(Verify(swapped), kUnauthenticated, "another certificate");
}

class SigstoreBundle : public SigstoreByCertificate {
 protected:
  testing::BundleParts Parts(const std::string& statement) {
    testing::BundleParts parts;
    parts.payload = statement;
    parts.signature =
        *SignPayload(key_, DssePreAuthEncoding(kStatementPayload, AsBytes(statement)));
    parts.certificates = {authority_.Issue(key_.public_key())};
    parts.entry = log_.Add(
        testing::DsseEntry(AsBytes(statement), parts.signature, parts.certificates[0].ToPem()),
        kSigningTime);
    return parts;
  }
  absl::Status VerifyJson(const Json& bundle) {
    ASSIGN_OR_RETURN(const SigstoreSignature signature, ParseBundle(bundle.dump()));
    return Verify(signature);
  }
};

TEST_F(SigstoreBundle, ByCertificateAndByKey) {
  const auto parts = Parts(testing::SignStatement(kDigest));
  EXPECT_OK(VerifyJson(BundleOf(parts)));
  wanted_.fulcio.reset();
  wanted_.keys = {key_.public_key()};
  EXPECT_OK(VerifyJson(BundleOf(parts)));
  wanted_.rekor_keys.clear();
  Json unlogged = BundleOf(parts);
  unlogged["verificationMaterial"] = {{"publicKey", Json::object()}};
  EXPECT_OK(VerifyJson(unlogged));
  wanted_.keys = {NewKey().public_key()};
  EXPECT_STATUS(VerifyJson(unlogged), kUnauthenticated, "none of the keys");
}

TEST_F(SigstoreBundle, OnlyStatementsThatSignThisImage) {
  EXPECT_STATUS(
      VerifyJson(BundleOf(Parts(testing::SignStatement("sha256:" + std::string(64, '0'))))),
      kPermissionDenied, "it is a signature of sha256:0000");
  Json provenance = *ParseJson(testing::SignStatement(kDigest));
  provenance["predicateType"] = "https://slsa.dev/provenance/v1";
  EXPECT_STATUS(VerifyJson(BundleOf(Parts(provenance.dump()))), kPermissionDenied,
                "not a signature");
  Json named = *ParseJson(testing::SignStatement(kDigest));
  named["subject"][0]["name"] = "q.io/team/tool";
  EXPECT_STATUS(VerifyJson(BundleOf(Parts(named.dump()))), kPermissionDenied, "q.io/team/tool");
  named["subject"][0]["name"] = "q.io/team/app";
  EXPECT_OK(VerifyJson(BundleOf(Parts(named.dump()))));
}

TEST_F(SigstoreBundle, AnOwnerWhoAsksForANameGetsOne) {
  wanted_.identity = SignedIdentity{.match = SignedIdentity::Match::kRepository};
  EXPECT_STATUS(VerifyJson(BundleOf(Parts(testing::SignStatement(kDigest)))), kPermissionDenied,
                "it names no repository");
}

TEST_F(SigstoreBundle, EveryPieceIsBound) {
  const auto parts = Parts(testing::SignStatement(kDigest));
  const Json good = BundleOf(parts);
  const auto entry = Json::json_pointer("/verificationMaterial/tlogEntries/0");
  for (const char* path :
       {"/logIndex", "/integratedTime", "/inclusionProof/logIndex", "/inclusionProof/treeSize"}) {
    Json bad = good;
    bad[entry / Json::json_pointer(path)] = "7";
    EXPECT_FALSE(VerifyJson(bad).ok()) << path;
  }
  Json swapped = good;
  const std::string index_statement = testing::SignStatement(kIndexDigest);
  swapped["dsseEnvelope"]["payload"] = Base64Encode(AsBytes(index_statement));
  EXPECT_STATUS(VerifyJson(swapped), kUnauthenticated, "not by its certificate's key");
}

TEST_F(SigstoreBundle, OtherDocumentsAreRefused) {
  const Json good = BundleOf(Parts(testing::SignStatement(kDigest)));
  for (const char* path :
       {"/mediaType", "/verificationMaterial", "/verificationMaterial/certificate",
        "/verificationMaterial/certificate/rawBytes", "/dsseEnvelope", "/dsseEnvelope/payload",
        "/dsseEnvelope/payloadType", "/dsseEnvelope/signatures", "/dsseEnvelope/signatures/0/sig",
        "/verificationMaterial/tlogEntries/0/logId",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
        "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint"}) {
    const Json::json_pointer pointer(path);
    Json missing = good;
    missing.at(pointer.parent_pointer()).erase(pointer.back());
    EXPECT_FALSE(VerifyJson(missing).ok()) << path;
    Json wrong = good;
    wrong[pointer] = 7;
    EXPECT_FALSE(VerifyJson(wrong).ok()) << path;
  }
  Json two = good;
  two["verificationMaterial"]["tlogEntries"].push_back(Json::object());
  EXPECT_STATUS(VerifyJson(two), kInvalidArgument, "several log entries");
  two = good;
  two["dsseEnvelope"]["signatures"].push_back(Json::object());
  EXPECT_STATUS(VerifyJson(two), kInvalidArgument, "exactly one signature");
}

}  // namespace
}  // namespace nacre::image
