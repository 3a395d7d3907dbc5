// X.509 certificates (RFC 5280): parsing, what they say, and verification of a chain at a given
// time against roots the caller pins. Certificate revocation lists are in crypto/crl.h, making
// certificates in crypto/x509_make.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/key.h"

namespace nacre::crypto {

// Bounds on hostile input.
inline constexpr size_t kMaxCertificateSize = 64 << 10;
inline constexpr size_t kMaxCertificatesInPem = 16;
inline constexpr int kMaxChainLength = 8;  // leaf and root included

struct CertificateFields;

// Immutable and cheap to copy; safe to use from threads.
class Certificate {
 public:
  // One certificate and nothing else (text around the PEM block apart), in strict DER;
  // kInvalidArgument otherwise. Also refused: extensions that occur twice, that are malformed, or
  // that would need rules not implemented here (name constraints, proxy certificates); negative
  // serial numbers.
  static absl::StatusOr<Certificate> FromDer(ByteView der);
  static absl::StatusOr<Certificate> FromPem(std::string_view pem);
  // One to kMaxCertificatesInPem certificates, in the order of the text. Text between them is
  // ignored (RFC 7468 section 2); other kinds of PEM blocks are refused.
  static absl::StatusOr<std::vector<Certificate>> AllFromPem(std::string_view pem);

  const Bytes& der() const;  // the very bytes it was made from
  std::string ToPem() const;

  // The only CN of the name; empty when there is none. kInvalidArgument for several.
  absl::StatusOr<std::string> subject_common_name() const;
  absl::StatusOr<std::string> issuer_common_name() const;
  // RFC 4514-like text for messages: "CN=ARK-Milan,O=...".
  std::string subject_text() const;
  std::string issuer_text() const;

  Bytes serial() const;        // big-endian without leading zeros; {0} for 0
  int64_t not_before() const;  // seconds since 1970, UTC: the first second of its validity
  // In this second it counts as expired, as OpenSSL has it; RFC 5280 would still allow it.
  int64_t not_after() const;
  bool is_ca() const;  // basicConstraints says CA

  // The contents of the extension's OCTET STRING, that is, its DER value. kNotFound when absent.
  // `oid` in dotted numbers: "1.3.6.1.4.1.3704.1.4".
  absl::StatusOr<Bytes> Extension(std::string_view oid) const;
  // The subject's key, decoded once. kInvalidArgument for a key that PublicKey refuses.
  absl::StatusOr<PublicKey> public_key() const;
  // SPKI of the subject key, as certificates are pinned by.
  Bytes SpkiDigest(HashAlgorithm algorithm) const;
  Bytes Fingerprint(HashAlgorithm algorithm) const { return Digest(algorithm, der()); }

  bool operator==(const Certificate& other) const { return der() == other.der(); }
  const CertificateFields& fields() const;  // for this room; they live as long as the certificate

 private:
  struct State;
  explicit Certificate(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

class Crl;

struct ChainOptions {
  // The trust anchors. A path must end in one of these, certificate for certificate; a different
  // certificate with the same name does not count.
  std::vector<Certificate> roots;
  // Untrusted: what the peer sent to build a path from.
  std::vector<Certificate> intermediates;
  // When to judge validity: seconds since 1970.
  int64_t time = 0;
  // CRLs of any issuers of the path. Each that fits must be signed by that issuer and be current at
  // `time`; a certificate it lists ends the verification.
  std::vector<Crl> crls;
  // Every certificate below the root must be covered by one of `crls`.
  bool require_crls = false;
  // The roots' own signatures were verified by an earlier path to these very certificates.
  bool roots_known_good = false;
  // The leaf itself may be one of `roots` (a pinned self-signed server certificate).
  bool allow_leaf_as_root = false;
};

// The path from `leaf` (first) to one of the roots (last). Signatures: ECDSA, RSASSA-PKCS1-v1_5 and
// RSASSA-PSS (AMD: SHA-384, salt 48), with SHA-2 and keys that PublicKey accepts; validity of every
// certificate at options.time; CA flags, path length, key usage and unknown critical extensions as
// RFC 5280 section 6 says. Names are compared byte by byte, and where certificates name the keys of
// subject and authority these must agree too. A root that calls itself its issuer must bear its own
// signature. kUnauthenticated with the certificate and the reason: "certificate 1
// (CN=SEV-Milan): expired 2023-01-04T00:00:00Z"; kFailedPrecondition without roots.
absl::StatusOr<std::vector<Certificate>> VerifyChain(const Certificate& leaf,
                                                     const ChainOptions& options);

// Whether a refusal by VerifyChain or Crl::Verify was for the time alone. Kept by Annotate and
// RETURN_IF_ERROR; kNone for any other status.
enum class TimeProblem { kNone, kNotYetValid, kExpired };
TimeProblem TimeProblemOf(const absl::Status& status);

// That one certificate's signature is by `issuer`'s key and its issuer name is `issuer`'s subject.
// kUnauthenticated otherwise. Says nothing about time, purpose or trust.
absl::Status VerifyIssuedBy(const Certificate& certificate, const Certificate& issuer);

// "2023-01-04T00:00:00Z"
std::string FormatTime(int64_t unix_seconds);

}  // namespace nacre::crypto
