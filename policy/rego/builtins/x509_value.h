// Certificates, requests and keys as the JSON that Go's crypto/x509 structures become: what Rego
// policies know them by ("Subject.CommonName", "DNSNames", "PublicKey.N"...).
#pragma once

#include <openssl/x509.h>

#include "policy/rego/builtins/common.h"

namespace nacre::rego {

// `with_uri_strings`: the member URIStrings, which OPA adds in some of its builtins.
Value CertificateValue(BuiltinContext& context, X509* certificate, bool with_uri_strings);
Value CertificateRequestValue(BuiltinContext& context, X509_REQ* request);
Value PublicKeyValue(BuiltinContext& context, EVP_PKEY* key);
Value PrivateKeyValue(BuiltinContext& context, EVP_PKEY* key);

}  // namespace nacre::rego
