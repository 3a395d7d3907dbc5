// A Sigstore of our own for tests: a transparency log and a certificate authority, honest by
// default. Tests change what they made to make it dishonest.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "crypto/x509_make.h"
#include "image-rs-cpp/signature/sigstore_signature.h"

namespace nacre::image::testing {

crypto::PrivateKey NewKey();
std::string PemOf(const crypto::PrivateKey& key);  // its public half

class TestLog {
 public:
  // With so many other entries before ours and after it.
  explicit TestLog(size_t before = 3, size_t after = 2);

  // The entry with both proofs.
  LogEntry Add(const std::string& body, int64_t time);
  const crypto::PublicKey& public_key() const { return key_.public_key(); }
  std::string pem() const { return PemOf(key_); }
  // Signs again after a test changed something.
  void Promise(LogEntry* entry) const;
  std::string SignedNote(const std::string& text) const;

 private:
  crypto::PrivateKey key_;
  size_t before_;
  size_t after_;
};

// Bodies of log entries; `verifier` is the PEM of a key or certificate.
std::string HashedRekord(ByteView signed_bytes, ByteView signature, const std::string& verifier);
std::string DsseEntry(ByteView payload, ByteView signature, const std::string& verifier);

// The JSON of cosign's annotation and of a bundle's "tlogEntries" element.
std::string LogAnnotation(const LogEntry& entry);
Json LogJson(const LogEntry& entry);

inline constexpr int64_t kSigningTime = 1'780'000'000;

struct SubjectOptions {
  std::string issuer = "https://accounts.example";
  std::string email = "owner@example.com";
  std::string uri = "";
  bool code_signing = true;
  bool raw_issuer = false;  // the older extension
  int64_t not_before = kSigningTime - 60;
  int64_t not_after = kSigningTime + 540;
};

class TestAuthority {
 public:
  TestAuthority();
  crypto::Certificate Issue(const crypto::PublicKey& key, const SubjectOptions& options = {}) const;
  const crypto::Certificate& root() const { return root_; }
  const crypto::Certificate& intermediate() const { return intermediate_; }

 private:
  crypto::PrivateKey root_key_;
  crypto::PrivateKey key_;
  crypto::Certificate root_;
  crypto::Certificate intermediate_;
};

// An in-toto statement that says the image is signed, and a bundle around it.
std::string SignStatement(const std::string& digest);
struct BundleParts {
  std::string payload;
  Bytes signature;
  std::vector<crypto::Certificate> certificates;
  std::optional<LogEntry> entry;
};
Json BundleOf(const BundleParts& parts);

}  // namespace nacre::image::testing
