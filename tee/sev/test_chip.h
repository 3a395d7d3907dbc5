// For tests: a made-up chip with a certificate chain whose every detail can be spoiled. Keys are
// elliptic-curve ones, so that making it takes milliseconds.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crypto/key.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "tee/sev/chain.h"
#include "tee/sev/report.h"
#include "tee/sev/verify.h"

namespace nacre::tee::sev {

inline constexpr int64_t kTestNow = 1'800'000'000;  // 2027-01-15
inline constexpr int64_t kTestYear = 365 * 24 * 3600;

struct TestChipOptions {
  Product product = Product::kMilan;
  bool vlek = false;
  TcbComponents tcb = {.fmc = 0, .bootloader = 4, .tee = 0, .snp = 24, .microcode = 219};
  std::string csp_id = "CN=cloud.example";
  std::string product_name{};  // of the extension; by product when empty
  std::string leaf_name{};     // subjects; AMD's when empty
  std::string intermediate_name{};
  std::string root_name{};
  std::set<std::string> without_extensions{};  // dotted OIDs
  std::vector<crypto::CustomExtension> replaced_extensions{};
  Bytes leaf_serial = {0};
  int64_t leaf_not_before = kTestNow - kTestYear;
  int64_t leaf_not_after = kTestNow + kTestYear;
  bool wrapped_hardware_id = false;  // as OCTET STRING
};

class TestChip {
 public:
  explicit TestChip(const TestChipOptions& options = {});

  // A report of this chip, signed by its leaf key after `change`.
  Bytes Report(const std::function<void(sev::Report&)>& change = [](sev::Report&) {}) const;
  // With leaf, intermediate and root.
  SnpEvidence Evidence(const std::function<void(sev::Report&)>& change = [](sev::Report&) {}) const;
  // Trusts this chip's root and no other.
  SnpTrust Trust() const;
  // A CRL by the root or the intermediate, in force at kTestNow.
  CertificateEntry Crl(const std::vector<Bytes>& serials, bool by_root = true,
                       int64_t next_update = kTestNow + 1000) const;

  const crypto::Certificate& root() const { return *root_; }
  const crypto::Certificate& intermediate() const { return *intermediate_; }
  const crypto::Certificate& leaf() const { return *leaf_; }
  CertificateKind leaf_kind() const {
    return options_.vlek ? CertificateKind::kVlek : CertificateKind::kVcek;
  }

 private:
  std::vector<crypto::CustomExtension> LeafExtensions() const;

  TestChipOptions options_;
  crypto::PrivateKey root_key_;
  crypto::PrivateKey intermediate_key_;
  crypto::PrivateKey leaf_key_;
  std::array<uint8_t, 64> chip_id_{};
  std::optional<crypto::Certificate> root_;
  std::optional<crypto::Certificate> intermediate_;
  std::optional<crypto::Certificate> leaf_;
};

}  // namespace nacre::tee::sev
