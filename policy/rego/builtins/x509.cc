// crypto.x509.* and crypto.parse_private_keys. Input is PEM, base64 of PEM, or base64 of DER.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "base/encoding.h"
#include "policy/rego/builtins/base64.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/jwk_key.h"
#include "policy/rego/builtins/pem.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/x509_chain.h"
#include "policy/rego/builtins/x509_value.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

constexpr std::string_view kPemStart = "-----BEGIN";

const uint8_t* Data(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

// Certificates one behind the other.
absl::Status AppendFromDer(std::string_view der, X509List* out) {
  const uint8_t* data = Data(der);
  const uint8_t* end = data + der.size();
  while (data < end) {
    X509* certificate = d2i_X509(nullptr, &data, end - data);
    if (certificate == nullptr) {
      ERR_clear_error();
      return BuiltinError("x509: malformed certificate");
    }
    out->emplace_back(certificate);
    if (out->size() > kMaxX509Certificates) return BuiltinError("x509: too many certificates");
  }
  return absl::OkStatus();
}

// PEM as it is, or out of base64; other base64 as what it holds.
absl::StatusOr<std::string> PemOrDer(std::string_view text) {
  if (text.starts_with(kPemStart)) return std::string(text);
  auto bytes = GoBase64Decode(text);
  if (!bytes.ok()) return AsBuiltinError(bytes.status());
  return bytes;
}

absl::StatusOr<X509List> ReadCertificates(BuiltinContext& context, std::string_view text) {
  RETURN_IF_ERROR(context.Step(text.size()));
  X509List out;
  ASSIGN_OR_RETURN(std::string data, PemOrDer(text));
  if (!data.starts_with(kPemStart)) {
    RETURN_IF_ERROR(AppendFromDer(data, &out));
    return out;
  }
  std::string_view rest = data;
  while (true) {
    auto block = TakePemBlock(&rest);
    if (!block.ok()) return out;
    if (block->type != "CERTIFICATE") {
      return BuiltinError(StrCat("PEM block type is '", block->type, "', expected CERTIFICATE"));
    }
    RETURN_IF_ERROR(AppendFromDer(block->der, &out));
  }
}

Value CertificateValues(BuiltinContext& context, const X509List& certificates,
                        bool with_uri_strings) {
  ArrayBuilder out(context.arena(), certificates.size());
  for (const X509Ptr& certificate : certificates) {
    out.Add(CertificateValue(context, certificate.get(), with_uri_strings));
  }
  return out.Build();
}

Result ParseCertificates(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ASSIGN_OR_RETURN(X509List certificates, ReadCertificates(context, text));
  RETURN_IF_ERROR(context.Step(2000 * certificates.size()));
  return CertificateValues(context, certificates, true);
}

// [false, []] for whatever is wrong with the certificates.
Result Verify(BuiltinContext& context, std::string_view text, const ChainDemands& demands,
              bool with_uri_strings) {
  Value refused = Value::Array(context.arena(), {Value::Bool(false), Value::EmptyArray()});
  auto certificates = ReadCertificates(context, text);
  if (!certificates.ok() || certificates->size() < 2) return refused;
  RETURN_IF_ERROR(context.Step(50'000 * certificates->size()));
  auto chain = VerifyX509Chain(*certificates, demands);
  if (!chain.ok()) return refused;
  return Value::Array(context.arena(),
                      {Value::Bool(true), CertificateValues(context, *chain, with_uri_strings)});
}

Result ParseAndVerify(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  ChainDemands demands;
  demands.time = context.now_ns() / 1'000'000'000;
  return Verify(context, text, demands, true);
}

absl::Status ReadKeyUsages(const Value& value, ChainDemands* out) {
  if (!value.is_array() && !value.is_set()) {
    return BuiltinError("'KeyUsages' should be an Array or Set");
  }
  std::vector<std::string> unknown;
  for (const Value& usage : value.elements()) {
    if (!usage.is_string()) continue;
    if (!AddKeyUsage(usage.string(), out)) unknown.emplace_back(usage.string());
  }
  if (unknown.empty()) return absl::OkStatus();
  return BuiltinError(
      StrCat("invalid entries for 'KeyUsages' found: [", StrJoin(unknown, " "), "]"));
}

Result ParseAndVerifyWithOptions(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kObject));
  ChainDemands demands;
  demands.time = context.now_ns() / 1'000'000'000;
  for (const auto& [key, value] : args[1].members()) {
    if (!key.is_string()) continue;
    std::string_view name = key.string();
    if (name == "DNSName") {
      if (!value.is_string()) return BuiltinError("'DNSName' should be a string");
      demands.host = value.string();
    } else if (name == "CurrentTime" || name == "MaxConstraintComparisons") {
      if (!value.is_number()) return BuiltinError(StrCat("'", name, "' should be a number"));
      std::optional<int64_t> number = ToInt64(value);
      if (!number.has_value()) {
        return BuiltinError(StrCat("'", name, "' should be a valid int64 number"));
      }
      if (name == "CurrentTime") demands.time = *number / 1'000'000'000;
    } else if (name == "KeyUsages") {
      RETURN_IF_ERROR(ReadKeyUsages(value, &demands));
    } else {
      return BuiltinError("invalid key option");
    }
  }
  return Verify(context, text, demands, false);
}

Result ParseRequest(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(2000 + text.size()));
  std::string der;
  if (text.starts_with("-----BEGIN CERTIFICATE REQUEST-----")) {
    der = text;
  } else {
    auto bytes = GoBase64Decode(text);
    if (!bytes.ok()) return AsBuiltinError(bytes.status());
    der = *std::move(bytes);
  }
  std::string_view rest = der;
  if (auto block = TakePemBlock(&rest); block.ok()) {
    if (block->type != "CERTIFICATE REQUEST") {
      return BuiltinError("invalid PEM-encoded certificate signing request");
    }
    der = std::move(block->der);
  }
  const uint8_t* data = Data(der);
  const uint8_t* end = data + der.size();
  std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
      d2i_X509_REQ(nullptr, &data, end - data), &X509_REQ_free);
  ERR_clear_error();
  if (request == nullptr) return BuiltinError("asn1: structure error: not a certificate request");
  if (data != end) return BuiltinError("asn1: syntax error: trailing data");
  return CertificateRequestValue(context, request.get());
}

// Every private key of the text, in order; other blocks are passed over.
absl::StatusOr<std::vector<SignatureKey>> ReadPrivateKeys(std::string_view text) {
  auto decoded = GoBase64Decode(text);
  std::string_view rest = decoded.ok() ? std::string_view(*decoded) : text;
  std::vector<SignatureKey> out;
  while (true) {
    auto block = TakePemBlock(&rest);
    if (!block.ok()) return out;
    if (!block->type.ends_with("PRIVATE KEY") || block->type.starts_with("ENCRYPTED")) continue;
    const uint8_t* data = Data(block->der);
    EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &data, static_cast<long>(block->der.size()));
    ERR_clear_error();
    if (key == nullptr) return BuiltinError("x509: failed to parse private key");
    out.push_back(AdoptKey(key));
    if (out.size() > kMaxX509Certificates) return BuiltinError("x509: too many keys");
  }
}

Result ParsePrivateKeys(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(text.size()));
  if (text.empty()) return Value::Null();
  ASSIGN_OR_RETURN(std::vector<SignatureKey> keys, ReadPrivateKeys(text));
  ArrayBuilder out(context.arena(), keys.size());
  for (const SignatureKey& key : keys) out.Add(PrivateKeyValue(context, key.key.get()));
  return out.Build();
}

// The first key as a JWK; RSA only in the builtin's name.
Result ParseRsaPrivateKey(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(text.size()));
  if (text.empty()) return BuiltinError("input PEM data was empty");
  ASSIGN_OR_RETURN(std::string pem, PemOrDer(text));
  ASSIGN_OR_RETURN(std::vector<SignatureKey> keys, ReadPrivateKeys(pem));
  if (keys.empty()) return Value::Null();
  auto jwk = JwkFromPrivateKey(context, keys[0].key.get());
  if (!jwk.ok()) return AsBuiltinError(jwk.status());
  return jwk;
}

Result ParseKeypair(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view certificate_text, StringArg(args, 1));
  ASSIGN_OR_RETURN(std::string_view key_text, StringArg(args, 2));
  ASSIGN_OR_RETURN(X509List certificates, ReadCertificates(context, certificate_text));
  if (certificates.empty()) {
    return BuiltinError("tls: failed to find any PEM data in certificate input");
  }
  ASSIGN_OR_RETURN(std::string key_pem, PemOrDer(key_text));
  ASSIGN_OR_RETURN(std::vector<SignatureKey> keys, ReadPrivateKeys(key_pem));
  if (keys.empty()) return BuiltinError("tls: failed to find any PEM data in key input");
  EVP_PKEY* key = keys[0].key.get();
  EVP_PKEY* certified = X509_get0_pubkey(certificates[0].get());
  if (certified == nullptr || EVP_PKEY_get_base_id(certified) != EVP_PKEY_get_base_id(key)) {
    return BuiltinError("tls: private key type does not match public key type");
  }
  if (EVP_PKEY_eq(certified, key) != 1) {
    return BuiltinError("tls: private key does not match public key");
  }
  ArrayBuilder list(context.arena());
  for (const X509Ptr& certificate : certificates) {
    list.Add(CertificateValue(context, certificate.get(), false).Get("Raw"));
  }
  ObjectBuilder out(context.arena());
  out.Set("Certificate", list.Build());
  out.Set("Leaf", CertificateValue(context, certificates[0].get(), false));
  out.Set("PrivateKey", PrivateKeyValue(context, key));
  for (std::string_view name :
       {"OCSPStaple", "SignedCertificateTimestamps", "SupportedSignatureAlgorithms"}) {
    out.Set(name, Value::Null());
  }
  return out.Build();
}

}  // namespace

void RegisterX509(BuiltinRegistry& registry) {
  registry.Register({"crypto.x509.parse_certificates", {kString}, kArray, ParseCertificates});
  registry.Register(
      {"crypto.x509.parse_and_verify_certificates", {kString}, kArray, ParseAndVerify});
  registry.Register({"crypto.x509.parse_and_verify_certificates_with_options",
                     {kString, kObject},
                     kArray,
                     ParseAndVerifyWithOptions});
  registry.Register({"crypto.x509.parse_certificate_request", {kString}, kObject, ParseRequest});
  registry.Register({"crypto.x509.parse_keypair", {kString, kString}, kObject, ParseKeypair});
  registry.Register(
      {"crypto.x509.parse_rsa_private_key", {kString}, kObject | kNull, ParseRsaPrivateKey});
  registry.Register({"crypto.parse_private_keys", {kString}, kArray | kNull, ParsePrivateKeys});
}

}  // namespace nacre::rego
