// What one message of the broker protocol may hold. Each is tested at, below and above.
#pragma once

#include <cstddef>

namespace nacre::attestation {

inline constexpr size_t kMaxMessageSize = 2 << 20;     // one request body
inline constexpr int kMaxMessageDepth = 16;            // nesting of its JSON
inline constexpr size_t kMaxNonceSize = 256;           // characters
inline constexpr size_t kMaxInitDataSize = 1 << 20;    // TOML text
inline constexpr size_t kMaxPathSegmentSize = 128;     // one part of a resource path
inline constexpr size_t kMaxAdditionalEvidence = 4;    // kinds beside the primary one
inline constexpr size_t kMaxEvidenceCertificates = 8;  // entries of cert_chain
inline constexpr size_t kMaxCertificateSize = 8 << 10;
inline constexpr size_t kMaxCommandLineSize = 4096;  // launch hint; Linux on x86 takes 2048
inline constexpr size_t kMaxVcpus = 4096;            // launch hint

}  // namespace nacre::attestation
