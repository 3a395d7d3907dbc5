// What a certificate's DER says (RFC 5280 section 4.1), read strictly and without copying. For the
// sources of this room.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "crypto/signature_algorithm.h"

namespace nacre::crypto {

inline constexpr size_t kMaxExtensions = 64;

struct ExtensionFields {
  ByteView oid;  // the value of its DER
  bool critical = false;
  ByteView value;  // the contents of the OCTET STRING
};

// Bits of key usage that are asked about: bit n of RFC 5280 section 4.2.1.3 is 1 << n.
inline constexpr uint16_t kUsageCertificateSign = 1 << 5;
inline constexpr uint16_t kUsageCrlSign = 1 << 6;

// Extensions that decide about a path (RFC 5280 section 4.2.1).
struct PathFields {
  bool is_ca = false;
  std::optional<uint32_t> path_length;
  std::optional<uint16_t> key_usage;
  std::optional<ByteView> subject_key_id;
  // Authority key identifier: the issuer's key, the serial number of the issuer's own certificate
  // and who issued that.
  std::optional<ByteView> authority_key_id;
  std::optional<ByteView> authority_serial;  // as Unsigned gives it
  std::optional<ByteView> authority_issuer;  // a Name
  std::optional<ByteView> unknown_critical;  // the OID of the first
};

struct CertificateFields {
  ByteView signed_part;  // the TBSCertificate
  std::optional<SignatureAlgorithm> algorithm;
  ByteView signature;
  ByteView serial;           // without leading zeros; {0} for 0
  ByteView issuer, subject;  // Names, with tag and length
  int64_t not_before = 0, not_after = 0;
  ByteView public_key;  // SubjectPublicKeyInfo, with tag and length
  std::vector<ExtensionFields> extensions;
  PathFields path;
};

// `der` must outlive the result. kInvalidArgument unless it is one certificate and nothing else;
// also for what no certificate here has and what would need more rules than are implemented: name
// constraints, proxy certificates, IP address delegation.
absl::StatusOr<CertificateFields> ParseCertificate(ByteView der);

// [0] EXPLICIT Extensions, as certificates and CRLs have them: each at most once.
absl::StatusOr<std::vector<ExtensionFields>> ParseExtensions(ByteView sequence);
absl::StatusOr<PathFields> ReadPathFields(const std::vector<ExtensionFields>& extensions);

}  // namespace nacre::crypto
