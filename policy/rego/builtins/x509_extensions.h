// The members of a certificate's JSON that come from its extensions (RFC 5280 section 4.2).
#pragma once

#include <openssl/x509v3.h>

#include "policy/rego/builtins/common.h"

namespace nacre::rego {

// Helpers that both sources use.
Value Base64Value(BuiltinContext& context, const unsigned char* data, int size);
Value OidValue(BuiltinContext& context, const ASN1_OBJECT* object);  // [2, 5, 29, 14]
std::string OidText(const ASN1_OBJECT* object);                      // "2.5.29.14"
Value ExtensionsValue(BuiltinContext& context, const STACK_OF(X509_EXTENSION) * extensions);

// DNSNames, EmailAddresses, IPAddresses, URIs, and URIStrings when asked for.
void SetAlternativeNames(BuiltinContext& context, GENERAL_NAMES* names, bool with_uri_strings,
                         ObjectBuilder* out);
void SetExtensionMembers(BuiltinContext& context, X509* certificate, ObjectBuilder* out);

}  // namespace nacre::rego
