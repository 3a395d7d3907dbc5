#include "policy/rego/builtins/x509_extensions.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/encoding.h"
#include "policy/rego/builtins/url.h"

namespace nacre::rego {
namespace {

// Lists that Go leaves nil become null.
Value ListOrNull(ArrayBuilder& list) { return list.size() == 0 ? Value::Null() : list.Build(); }

std::string_view View(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

Value AddressValue(BuiltinContext& context, const uint8_t* bytes, size_t size) {
  if (size == 4) {
    return Text(context,
                StrCat(int{bytes[0]}, ".", int{bytes[1]}, ".", int{bytes[2]}, ".", int{bytes[3]}));
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (size == 16) inet_ntop(AF_INET6, bytes, text, sizeof text);
  return Text(context, text);
}

// A URL as Go's structure; what it cannot be parsed into is left empty.
Value UrlValue(BuiltinContext& context, std::string_view text) {
  Url url = ParseUrl(text).value_or(Url());
  ObjectBuilder out(context.arena());
  std::string host = url.hostname;
  if (host.find(':') != host.npos) host = StrCat("[", host, "]");
  if (!url.port.empty()) StrAppend(&host, ":", url.port);
  bool opaque = !url.scheme.empty() && host.empty() && url.path.empty();
  std::string_view rest = opaque ? text.substr(url.scheme.size() + 1) : "";
  out.Set("Scheme", Text(context, url.scheme));
  out.Set("Opaque", Text(context, rest.substr(0, rest.find_first_of("?#"))));
  out.Set("User", Value::Null());
  out.Set("Host", Text(context, host));
  out.Set("Path", Text(context, url.path));
  out.Set("RawPath", Text(context, url.raw_path == url.path ? "" : url.raw_path));
  out.Set("OmitHost", Value::Bool(false));
  out.Set("ForceQuery", Value::Bool(false));
  out.Set("RawQuery", Text(context, url.raw_query));
  out.Set("Fragment", Text(context, url.fragment));
  out.Set("RawFragment", Text(context, ""));
  return out.Build();
}

// The places of one kind in a list of access descriptions or names.
Value UriOrNull(BuiltinContext& context, const GENERAL_NAMES* names) {
  ArrayBuilder out(context.arena());
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) out.Add(Text(context, View(name->d.uniformResourceIdentifier)));
  }
  return ListOrNull(out);
}

void SetBasicConstraints(X509* certificate, ObjectBuilder* out) {
  auto* basic = static_cast<BASIC_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate, NID_basic_constraints, nullptr, nullptr));
  int64_t length = 0;
  if (basic != nullptr) {
    length = basic->pathlen == nullptr ? -1 : ASN1_INTEGER_get(basic->pathlen);
  }
  out->Set("BasicConstraintsValid", Value::Bool(basic != nullptr));
  out->Set("IsCA", Value::Bool(basic != nullptr && basic->ca != 0));
  out->Set("MaxPathLen", Value::Int(length));
  out->Set("MaxPathLenZero", Value::Bool(basic != nullptr && length == 0));
  BASIC_CONSTRAINTS_free(basic);
}

// The numbers of Go's x509.ExtKeyUsage; the rest by their OID.
void SetExtendedKeyUsage(BuiltinContext& context, X509* certificate, ObjectBuilder* out) {
  constexpr int kKnown[] = {NID_anyExtendedKeyUsage, NID_server_auth,   NID_client_auth,
                            NID_code_sign,           NID_email_protect, NID_ipsecEndSystem,
                            NID_ipsecTunnel,         NID_ipsecUser,     NID_time_stamp,
                            NID_OCSP_sign,           NID_ms_sgc,        NID_ns_sgc,
                            NID_ms_code_com};
  auto* usage = static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr));
  ArrayBuilder known(context.arena()), unknown(context.arena());
  for (int i = 0; i < sk_ASN1_OBJECT_num(usage); ++i) {
    const ASN1_OBJECT* object = sk_ASN1_OBJECT_value(usage, i);
    const int* found = std::find(std::begin(kKnown), std::end(kKnown), OBJ_obj2nid(object));
    if (found != std::end(kKnown)) {
      known.Add(Value::Int(found - kKnown));
    } else {
      unknown.Add(OidValue(context, object));
    }
  }
  out->Set("ExtKeyUsage", ListOrNull(known));
  out->Set("UnknownExtKeyUsage", ListOrNull(unknown));
  EXTENDED_KEY_USAGE_free(usage);
}

// Bit n of the string is bit n of the number.
int64_t KeyUsageNumber(X509* certificate) {
  auto* usage =
      static_cast<ASN1_BIT_STRING*>(X509_get_ext_d2i(certificate, NID_key_usage, nullptr, nullptr));
  int64_t out = 0;
  for (int bit = 0; usage != nullptr && bit < 9; ++bit) {
    if (ASN1_BIT_STRING_get_bit(usage, bit) != 0) out |= int64_t{1} << bit;
  }
  ASN1_BIT_STRING_free(usage);
  return out;
}

void SetKeyIds(BuiltinContext& context, X509* certificate, ObjectBuilder* out) {
  auto set = [&](std::string_view name, const ASN1_OCTET_STRING* id) {
    Value absent = Value::Null();
    out->Set(name, id == nullptr
                       ? absent
                       : Base64Value(context, ASN1_STRING_get0_data(id), ASN1_STRING_length(id)));
  };
  set("SubjectKeyId", X509_get0_subject_key_id(certificate));
  set("AuthorityKeyId", X509_get0_authority_key_id(certificate));
}

void SetPlaces(BuiltinContext& context, X509* certificate, ObjectBuilder* out) {
  auto* access = static_cast<AUTHORITY_INFO_ACCESS*>(
      X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr));
  ArrayBuilder ocsp(context.arena()), issuers(context.arena()), crls(context.arena());
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); ++i) {
    const ACCESS_DESCRIPTION* entry = sk_ACCESS_DESCRIPTION_value(access, i);
    if (entry->location->type != GEN_URI) continue;
    Value uri = Text(context, View(entry->location->d.uniformResourceIdentifier));
    if (OBJ_obj2nid(entry->method) == NID_ad_OCSP) ocsp.Add(uri);
    if (OBJ_obj2nid(entry->method) == NID_ad_ca_issuers) issuers.Add(uri);
  }
  AUTHORITY_INFO_ACCESS_free(access);
  auto* points = static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr));
  for (int i = 0; i < sk_DIST_POINT_num(points); ++i) {
    const DIST_POINT_NAME* name = sk_DIST_POINT_value(points, i)->distpoint;
    if (name == nullptr || name->type != 0) continue;
    Value uris = UriOrNull(context, name->name.fullname);
    for (const Value& uri : uris.is_array() ? uris.elements() : std::span<const Value>()) {
      crls.Add(uri);
    }
  }
  CRL_DIST_POINTS_free(points);
  out->Set("OCSPServer", ListOrNull(ocsp));
  out->Set("IssuingCertificateURL", ListOrNull(issuers));
  out->Set("CRLDistributionPoints", ListOrNull(crls));
}

void SetPolicies(BuiltinContext& context, X509* certificate, ObjectBuilder* out) {
  auto* policies = static_cast<CERTIFICATEPOLICIES*>(
      X509_get_ext_d2i(certificate, NID_certificate_policies, nullptr, nullptr));
  ArrayBuilder numbers(context.arena()), texts(context.arena());
  for (int i = 0; i < sk_POLICYINFO_num(policies); ++i) {
    const ASN1_OBJECT* object = sk_POLICYINFO_value(policies, i)->policyid;
    numbers.Add(OidValue(context, object));
    texts.Add(Text(context, OidText(object)));
  }
  CERTIFICATEPOLICIES_free(policies);
  out->Set("PolicyIdentifiers", ListOrNull(numbers));
  out->Set("Policies", ListOrNull(texts));
  out->Set("PolicyMappings", Value::Null());
  for (std::string_view name :
       {"InhibitAnyPolicy", "InhibitPolicyMapping", "RequireExplicitPolicy"}) {
    out->Set(name, Value::Int(0));
    out->Set(StrCat(name, "Zero"), Value::Bool(false));
  }
}

void SetSubtrees(BuiltinContext& context, const STACK_OF(GENERAL_SUBTREE) * trees,
                 std::string_view prefix, ObjectBuilder* out) {
  ArrayBuilder dns(context.arena()), emails(context.arena()), uris(context.arena()),
      addresses(context.arena());
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_SUBTREE_value(trees, i)->base;
    if (name->type == GEN_DNS) dns.Add(Text(context, View(name->d.dNSName)));
    if (name->type == GEN_EMAIL) emails.Add(Text(context, View(name->d.rfc822Name)));
    if (name->type == GEN_URI) uris.Add(Text(context, View(name->d.uniformResourceIdentifier)));
    if (name->type != GEN_IPADD) continue;
    const unsigned char* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
    int half = ASN1_STRING_length(name->d.iPAddress) / 2;
    ObjectBuilder range(context.arena());
    range.Set("IP", AddressValue(context, bytes, static_cast<size_t>(half)));
    range.Set("Mask", Base64Value(context, bytes + half, half));
    addresses.Add(range.Build());
  }
  out->Set(StrCat(prefix, "DNSDomains"), ListOrNull(dns));
  out->Set(StrCat(prefix, "EmailAddresses"), ListOrNull(emails));
  out->Set(StrCat(prefix, "URIDomains"), ListOrNull(uris));
  out->Set(StrCat(prefix, "IPRanges"), ListOrNull(addresses));
}

void SetNameConstraints(BuiltinContext& context, X509* certificate, ObjectBuilder* out) {
  int critical = -1;
  auto* constraints = static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate, NID_name_constraints, &critical, nullptr));
  bool present = constraints != nullptr;
  SetSubtrees(context, present ? constraints->permittedSubtrees : nullptr, "Permitted", out);
  SetSubtrees(context, present ? constraints->excludedSubtrees : nullptr, "Excluded", out);
  out->Set("PermittedDNSDomainsCritical", Value::Bool(present && critical == 1));
  NAME_CONSTRAINTS_free(constraints);
}

// Critical extensions that Go's parser has no member for.
Value UnhandledCritical(BuiltinContext& context, X509* certificate) {
  constexpr int kHandled[] = {
      NID_key_usage,         NID_basic_constraints,       NID_subject_alt_name,
      NID_name_constraints,  NID_crl_distribution_points, NID_authority_key_identifier,
      NID_ext_key_usage,     NID_subject_key_identifier,  NID_certificate_policies,
      NID_info_access,       NID_policy_mappings,         NID_policy_constraints,
      NID_inhibit_any_policy};
  ArrayBuilder out(context.arena());
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    bool handled = std::find(std::begin(kHandled), std::end(kHandled), nid) != std::end(kHandled);
    if (X509_EXTENSION_get_critical(extension) && !handled) {
      out.Add(OidValue(context, X509_EXTENSION_get_object(extension)));
    }
  }
  return ListOrNull(out);
}

}  // namespace

Value Base64Value(BuiltinContext& context, const unsigned char* data, int size) {
  if (data == nullptr || size <= 0) return Value::BorrowString("");
  return Text(context, Base64Encode({data, static_cast<size_t>(size)}));
}

std::string OidText(const ASN1_OBJECT* object) {
  char text[256];
  int size = OBJ_obj2txt(text, sizeof text, object, 1);
  return {text, std::min(static_cast<size_t>(std::max(size, 0)), sizeof text - 1)};
}

Value OidValue(BuiltinContext& context, const ASN1_OBJECT* object) {
  ArrayBuilder out(context.arena());
  std::string text = OidText(object);
  for (std::string_view part : StrSplit(text, '.')) {
    int64_t number = 0;
    ParseNumber(part, &number);
    out.Add(Value::Int(number));
  }
  return out.Build();
}

Value ExtensionsValue(BuiltinContext& context, const STACK_OF(X509_EXTENSION) * extensions) {
  ArrayBuilder out(context.arena());
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(extension);
    ObjectBuilder one(context.arena());
    one.Set("Id", OidValue(context, X509_EXTENSION_get_object(extension)));
    one.Set("Critical", Value::Bool(X509_EXTENSION_get_critical(extension) != 0));
    one.Set("Value", Base64Value(context, ASN1_STRING_get0_data(data), ASN1_STRING_length(data)));
    out.Add(one.Build());
  }
  return ListOrNull(out);
}

void SetAlternativeNames(BuiltinContext& context, GENERAL_NAMES* names, bool with_uri_strings,
                         ObjectBuilder* out) {
  ArrayBuilder dns(context.arena()), emails(context.arena()), addresses(context.arena()),
      uris(context.arena());
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) dns.Add(Text(context, View(name->d.dNSName)));
    if (name->type == GEN_EMAIL) emails.Add(Text(context, View(name->d.rfc822Name)));
    if (name->type == GEN_URI) {
      uris.Add(UrlValue(context, View(name->d.uniformResourceIdentifier)));
    }
    if (name->type == GEN_IPADD) {
      addresses.Add(AddressValue(context, ASN1_STRING_get0_data(name->d.iPAddress),
                                 static_cast<size_t>(ASN1_STRING_length(name->d.iPAddress))));
    }
  }
  out->Set("DNSNames", ListOrNull(dns));
  out->Set("EmailAddresses", ListOrNull(emails));
  out->Set("IPAddresses", ListOrNull(addresses));
  out->Set("URIs", ListOrNull(uris));
  if (with_uri_strings) out->Set("URIStrings", UriOrNull(context, names));
}

void SetExtensionMembers(BuiltinContext& context, X509* certificate, ObjectBuilder* out) {
  SetBasicConstraints(certificate, out);
  out->Set("KeyUsage", Value::Int(KeyUsageNumber(certificate)));
  SetExtendedKeyUsage(context, certificate, out);
  SetKeyIds(context, certificate, out);
  SetPlaces(context, certificate, out);
  SetPolicies(context, certificate, out);
  SetNameConstraints(context, certificate, out);
  out->Set("UnhandledCriticalExtensions", UnhandledCritical(context, certificate));
}

}  // namespace nacre::rego
