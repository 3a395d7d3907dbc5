#include "policy/rego/builtins/x509_value.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/encoding.h"
#include "policy/rego/builtins/x509_extensions.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

// The DER of a part of a certificate, base64.
template <typename Encode>
Value Encoded(BuiltinContext& context, Encode encode) {
  unsigned char* der = nullptr;
  int size = encode(&der);
  Value out = Base64Value(context, der, size);
  OPENSSL_free(der);
  return out;
}

Value NumberValue(BuiltinContext& context, const BIGNUM* number) {
  char* decimal = BN_bn2dec(number);
  Value out = NumberFromIntegerText(context.arena(), decimal == nullptr ? "0" : decimal);
  OPENSSL_free(decimal);
  return out;
}

Value IntegerValue(BuiltinContext& context, const ASN1_INTEGER* integer) {
  BIGNUM* number = ASN1_INTEGER_to_BN(integer, nullptr);
  Value out = NumberValue(context, number);
  BN_free(number);
  return out;
}

// RFC 3339, UTC, as Go writes times.
Value TimeValue(BuiltinContext& context, const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  char text[32];
  size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return Text(context, {text, size});
}

struct NameMember {
  int nid;
  std::string_view name;
  bool single;  // a string, not a list
};
constexpr NameMember kNameMembers[] = {
    {NID_commonName, "CommonName", true},
    {NID_serialNumber, "SerialNumber", true},
    {NID_countryName, "Country", false},
    {NID_organizationName, "Organization", false},
    {NID_organizationalUnitName, "OrganizationalUnit", false},
    {NID_localityName, "Locality", false},
    {NID_stateOrProvinceName, "Province", false},
    {NID_streetAddress, "StreetAddress", false},
    {NID_postalCode, "PostalCode", false},
};

Value NameValue(BuiltinContext& context, const X509_NAME* name) {
  ArrayBuilder names(context.arena());
  std::vector<std::vector<Value>> lists(std::size(kNameMembers));
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
    unsigned char* utf8 = nullptr;
    int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    Value text = Text(context, {reinterpret_cast<char*>(utf8), size_t(std::max(size, 0))});
    OPENSSL_free(utf8);
    ObjectBuilder pair(context.arena());
    pair.Set("Type", OidValue(context, object));
    pair.Set("Value", text);
    names.Add(pair.Build());
    for (size_t k = 0; k < lists.size(); ++k) {
      if (kNameMembers[k].nid == OBJ_obj2nid(object)) lists[k].push_back(text);
    }
  }
  ObjectBuilder out(context.arena());
  for (size_t k = 0; k < lists.size(); ++k) {
    Value absent = kNameMembers[k].single ? Value::BorrowString("") : Value::Null();
    Value list = lists[k].empty()         ? absent
                 : kNameMembers[k].single ? lists[k].back()
                                          : Value::Array(context.arena(), lists[k]);
    out.Set(kNameMembers[k].name, list);
  }
  out.Set("Names", names.size() == 0 ? Value::Null() : names.Build());
  out.Set("ExtraNames", Value::Null());
  return out.Build();
}

// The numbers of Go's x509.SignatureAlgorithm.
int64_t SignatureNumber(const X509_ALGOR* algorithm, int nid) {
  switch (nid) {
    case NID_md5WithRSAEncryption:
      return 2;
    case NID_sha1WithRSAEncryption:
      return 3;
    case NID_sha256WithRSAEncryption:
      return 4;
    case NID_sha384WithRSAEncryption:
      return 5;
    case NID_sha512WithRSAEncryption:
      return 6;
    case NID_dsaWithSHA1:
      return 7;
    case NID_dsa_with_SHA256:
      return 8;
    case NID_ecdsa_with_SHA1:
      return 9;
    case NID_ecdsa_with_SHA256:
      return 10;
    case NID_ecdsa_with_SHA384:
      return 11;
    case NID_ecdsa_with_SHA512:
      return 12;
    case NID_ED25519:
      return 16;
    case NID_rsassaPss:
      break;
    default:
      return 0;
  }
  const ASN1_STRING* parameters = nullptr;
  int kind = 0;
  X509_ALGOR_get0(nullptr, &kind, reinterpret_cast<const void**>(&parameters), algorithm);
  if (kind != V_ASN1_SEQUENCE || parameters == nullptr) return 0;
  const unsigned char* der = ASN1_STRING_get0_data(parameters);
  RSA_PSS_PARAMS* pss = d2i_RSA_PSS_PARAMS(nullptr, &der, ASN1_STRING_length(parameters));
  const ASN1_OBJECT* hash = nullptr;
  if (pss != nullptr && pss->hashAlgorithm != nullptr) {
    X509_ALGOR_get0(&hash, nullptr, nullptr, pss->hashAlgorithm);
  }
  int hash_nid = hash == nullptr ? NID_undef : OBJ_obj2nid(hash);
  RSA_PSS_PARAMS_free(pss);
  return hash_nid == NID_sha256   ? 13
         : hash_nid == NID_sha384 ? 14
         : hash_nid == NID_sha512 ? 15
                                  : 0;
}

// The numbers of Go's x509.PublicKeyAlgorithm.
int64_t PublicKeyNumber(EVP_PKEY* key) {
  switch (key == nullptr ? 0 : EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return 1;
    case EVP_PKEY_DSA:
      return 2;
    case EVP_PKEY_EC:
      return 3;
    case EVP_PKEY_ED25519:
      return 4;
    default:
      return 0;
  }
}

bool SetNumber(BuiltinContext& context, EVP_PKEY* key, const char* parameter, std::string_view name,
               ObjectBuilder* out) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) return false;
  out->Set(name, NumberValue(context, number));
  BN_clear_free(number);
  return true;
}

void SetSignature(BuiltinContext& context, const ASN1_BIT_STRING* signature,
                  const X509_ALGOR* algorithm, int nid, ObjectBuilder* out) {
  out->Set("Signature",
           Base64Value(context, ASN1_STRING_get0_data(signature), ASN1_STRING_length(signature)));
  out->Set("SignatureAlgorithm", Value::Int(SignatureNumber(algorithm, nid)));
}

// The attributes of a request that have the form of lists of names; Go leaves others out.
Value AttributesValue(BuiltinContext& context, X509_REQ* request,
                      const STACK_OF(X509_EXTENSION) * extensions) {
  if (X509_REQ_get_attr_count(request) == 0 || extensions == nullptr) return Value::Null();
  ArrayBuilder pairs(context.arena());
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    if (X509_EXTENSION_get_critical(extension)) return Value::Null();
    ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(extension);
    ObjectBuilder pair(context.arena());
    pair.Set("Type", OidValue(context, X509_EXTENSION_get_object(extension)));
    pair.Set("Value", Base64Value(context, ASN1_STRING_get0_data(data), ASN1_STRING_length(data)));
    pairs.Add(pair.Build());
  }
  ObjectBuilder attribute(context.arena());
  attribute.Set("Type", OidValue(context, OBJ_nid2obj(NID_ext_req)));
  attribute.Set("Value", Value::Array(context.arena(), {pairs.Build()}));
  return Value::Array(context.arena(), {attribute.Build()});
}

}  // namespace

Value PublicKeyValue(BuiltinContext& context, EVP_PKEY* key) {
  ObjectBuilder out(context.arena());
  switch (PublicKeyNumber(key)) {
    case 1:
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_N, "N", &out);
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_E, "E", &out);
      return out.Build();
    case 3:
      out.Set("Curve", Value::EmptyObject());
      SetNumber(context, key, OSSL_PKEY_PARAM_EC_PUB_X, "X", &out);
      SetNumber(context, key, OSSL_PKEY_PARAM_EC_PUB_Y, "Y", &out);
      return out.Build();
    case 4: {
      unsigned char point[32];
      size_t size = sizeof point;
      EVP_PKEY_get_raw_public_key(key, point, &size);
      return Base64Value(context, point, static_cast<int>(size));
    }
    default:
      return Value::Null();
  }
}

Value PrivateKeyValue(BuiltinContext& context, EVP_PKEY* key) {
  ObjectBuilder out(context.arena());
  switch (PublicKeyNumber(key)) {
    case 1: {
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_N, "N", &out);
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_E, "E", &out);
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_D, "D", &out);
      ObjectBuilder crt(context.arena());
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_EXPONENT1, "Dp", &crt);
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_EXPONENT2, "Dq", &crt);
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "Qinv", &crt);
      crt.Set("CRTValues", Value::EmptyArray());
      out.Set("Precomputed", crt.Build());
      ObjectBuilder primes(context.arena());
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_FACTOR1, "P", &primes);
      SetNumber(context, key, OSSL_PKEY_PARAM_RSA_FACTOR2, "Q", &primes);
      Value both = primes.Build();
      out.Set("Primes", Value::Array(context.arena(), {both.Get("P"), both.Get("Q")}));
      return out.Build();
    }
    case 3:
      out.Set("Curve", Value::EmptyObject());
      SetNumber(context, key, OSSL_PKEY_PARAM_EC_PUB_X, "X", &out);
      SetNumber(context, key, OSSL_PKEY_PARAM_EC_PUB_Y, "Y", &out);
      SetNumber(context, key, OSSL_PKEY_PARAM_PRIV_KEY, "D", &out);
      return out.Build();
    case 4: {  // Go's form: the seed, then the public key
      unsigned char bytes[64];
      size_t half = 32;
      EVP_PKEY_get_raw_private_key(key, bytes, &half);
      EVP_PKEY_get_raw_public_key(key, bytes + 32, &half);
      return Base64Value(context, bytes, 64);
    }
    default:
      return Value::Null();
  }
}

Value CertificateValue(BuiltinContext& context, X509* certificate, bool with_uri_strings) {
  ObjectBuilder out(context.arena(), 56);
  auto* name_issuer = X509_get_issuer_name(certificate);
  auto* name_subject = X509_get_subject_name(certificate);
  out.Set("Raw", Encoded(context, [&](unsigned char** der) { return i2d_X509(certificate, der); }));
  out.Set("RawTBSCertificate",
          Encoded(context, [&](unsigned char** der) { return i2d_re_X509_tbs(certificate, der); }));
  out.Set("RawSubjectPublicKeyInfo", Encoded(context, [&](unsigned char** der) {
            return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), der);
          }));
  out.Set("RawIssuer",
          Encoded(context, [&](unsigned char** der) { return i2d_X509_NAME(name_issuer, der); }));
  out.Set("RawSubject",
          Encoded(context, [&](unsigned char** der) { return i2d_X509_NAME(name_subject, der); }));
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, certificate);
  SetSignature(context, signature, algorithm, X509_get_signature_nid(certificate), &out);
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  out.Set("PublicKeyAlgorithm", Value::Int(PublicKeyNumber(key)));
  out.Set("PublicKey", PublicKeyValue(context, key));
  out.Set("Version", Value::Int(X509_get_version(certificate) + 1));
  out.Set("SerialNumber", IntegerValue(context, X509_get0_serialNumber(certificate)));
  out.Set("Issuer", NameValue(context, name_issuer));
  out.Set("Subject", NameValue(context, name_subject));
  out.Set("NotBefore", TimeValue(context, X509_get0_notBefore(certificate)));
  out.Set("NotAfter", TimeValue(context, X509_get0_notAfter(certificate)));
  out.Set("Extensions", ExtensionsValue(context, X509_get0_extensions(certificate)));
  out.Set("ExtraExtensions", Value::Null());
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  SetAlternativeNames(context, names, with_uri_strings, &out);
  GENERAL_NAMES_free(names);
  SetExtensionMembers(context, certificate, &out);
  return out.Build();
}

Value CertificateRequestValue(BuiltinContext& context, X509_REQ* request) {
  ObjectBuilder out(context.arena(), 24);
  out.Set("Raw", Encoded(context, [&](unsigned char** der) { return i2d_X509_REQ(request, der); }));
  out.Set("RawTBSCertificateRequest",
          Encoded(context, [&](unsigned char** der) { return i2d_re_X509_REQ_tbs(request, der); }));
  out.Set("RawSubjectPublicKeyInfo", Encoded(context, [&](unsigned char** der) {
            return i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), der);
          }));
  out.Set("RawSubject", Encoded(context, [&](unsigned char** der) {
            return i2d_X509_NAME(X509_REQ_get_subject_name(request), der);
          }));
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_REQ_get0_signature(request, &signature, &algorithm);
  SetSignature(context, signature, algorithm, X509_REQ_get_signature_nid(request), &out);
  EVP_PKEY* key = X509_REQ_get0_pubkey(request);
  out.Set("PublicKeyAlgorithm", Value::Int(PublicKeyNumber(key)));
  out.Set("PublicKey", PublicKeyValue(context, key));
  out.Set("Version", Value::Int(X509_REQ_get_version(request)));
  out.Set("Subject", NameValue(context, X509_REQ_get_subject_name(request)));
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
  out.Set("Attributes", AttributesValue(context, request, extensions));
  out.Set("Extensions", ExtensionsValue(context, extensions));
  out.Set("ExtraExtensions", Value::Null());
  auto* names = static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
  SetAlternativeNames(context, names, false, &out);
  GENERAL_NAMES_free(names);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return out.Build();
}

}  // namespace nacre::rego
