// What a registry offers as signatures: bundles, payloads, annotations, log entries, artifacts.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/registry/artifact.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/checkpoint.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/rekor.h"
#include "image-rs-cpp/signature/sign.h"
#include "image-rs-cpp/signature/simple_signing.h"
#include "image-rs-cpp/testing/test_sigstore.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

const crypto::PublicKey& LogKey() {
  static const crypto::PrivateKey key = testing::NewKey();
  return key.public_key();
}

void Try(ByteView data) {
  const std::string text = ToString(data);
  const Limits limits;
  if (auto bundle = ParseBundle(text); bundle.ok()) {
    Require(bundle->form == SigstoreSignature::Form::kStatement);
    (void)ReadSignStatement(bundle->payload);
    if (bundle->log_entry) {
      // No key is this log's.
      Require(!VerifyLogEntry(*bundle->log_entry, {LogKey()}).ok());
      (void)CheckLogEntryIsAbout(*bundle->log_entry, *bundle, LogKey());
    }
  }
  (void)ReadSignStatement(data);
  if (auto payload = ParseSimpleSigning(data, kCosignType); payload.ok()) {
    Require(ParseSimpleSigning(AsBytes(*FormatSimpleSigning(*payload)), kCosignType).ok());
  }
  (void)ReadCosignLayer(
      {{std::string(kCosignSignature), "AAAA"}, {"dev.sigstore.cosign/bundle", text}}, {});
  Require(!VerifyCheckpoint(text, LogKey()).ok());
  LogEntry entry;
  entry.body = ToBytes(data);
  (void)CheckLogEntryIsAbout(entry, {}, LogKey());
  (void)ParseArtifact(text, limits);
  (void)ParseReferrers(text, limits);
}

std::vector<std::string> Seeds() {
  const std::string digest = "sha256:" + std::string(64, 'a');
  testing::TestLog log;
  const LogEntry entry =
      log.Add(testing::HashedRekord(AsBytes("x"), AsBytes("y"), "PEM"), testing::kSigningTime);
  testing::BundleParts parts;
  parts.payload = testing::SignStatement(digest);
  parts.signature = ToBytes("signature");
  parts.entry = entry;
  const auto artifact = SignImage(digest, "q.io/team/app", testing::NewKey());
  return {testing::BundleOf(parts).dump(),
          parts.payload,
          *FormatSimpleSigning({std::string(kCosignType), digest, "q.io/team/app:1"}),
          testing::LogAnnotation(entry),
          entry.proof->checkpoint,
          ToString(entry.body),
          testing::DsseEntry(AsBytes("x"), AsBytes("y"), "PEM"),
          artifact->manifest,
          R"({"schemaVersion":2,"manifests":[{"mediaType":"x","digest":")" + digest +
              R"(","size":1,"artifactType":"y"}]})"};
}

NACRE_FUZZ_TARGET(ImageSignatures, Try, Seeds)

}  // namespace
}  // namespace nacre::image
