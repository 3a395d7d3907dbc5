// What x509.cc, crl.cc and x509_verify.cc share. For the sources of this room only.
#pragma once

#include <string>
#include <vector>

#include "crypto/openssl_util.h"
#include "crypto/x509.h"

namespace nacre::crypto {

int64_t ToUnixTime(const ASN1_TIME* time);  // 0 for a time that cannot be read
std::string NameText(const X509_NAME* name);
Bytes SerialBytes(const ASN1_INTEGER* serial);
absl::Status WithTimeProblem(absl::Status status, TimeProblem problem);

// The DER of 1 to `max_count` PEM blocks, all with this label.
absl::StatusOr<std::vector<Bytes>> PemBlocks(std::string_view pem, std::string_view label,
                                             size_t max_count, size_t max_size);

}  // namespace nacre::crypto
