// What x509.cc, crl.cc and x509_verify.cc share. For the sources of this room only.
#pragma once

#include "crypto/x509.h"
#include "crypto/x509_fields.h"

namespace nacre::crypto {

inline constexpr std::string_view kCertificateLabel = "CERTIFICATE";
inline constexpr std::string_view kCrlLabel = "X509 CRL";

absl::Status WithTimeProblem(absl::Status status, TimeProblem problem);

}  // namespace nacre::crypto
