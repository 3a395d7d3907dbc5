// Keys with certificates for TLS tests: roots, servers on 127.0.0.1, clients.
#pragma once

#include <ctime>
#include <string>

#include "base/secret_bytes.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"

namespace nacre::attestation::testing {

struct Identity {
  crypto::PrivateKey key;
  crypto::Certificate certificate;

  std::string key_pem() const { return std::string(AsText(key.ToPem()->view())); }
};

// By `issuer`, a client; by itself, a root, or a server when `server` says so. For an hour.
inline Identity MakeIdentity(const std::string& name, const Identity* issuer, bool server = false) {
  auto key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  crypto::CertificateRequest request;
  request.subject = {{"CN", name}};
  request.not_before = std::time(nullptr) - 60;
  request.not_after = request.not_before + 3600;
  request.is_ca = issuer == nullptr && !server;
  request.server_auth = server;
  request.client_auth = issuer != nullptr;
  if (server) request.ip_addresses = {"127.0.0.1"};
  auto certificate = *crypto::MakeCertificate(
      request, key.public_key(), issuer == nullptr ? nullptr : &issuer->certificate,
      issuer == nullptr ? key : issuer->key, crypto::SignatureScheme::kEcdsaSha256);
  return {std::move(key), std::move(certificate)};
}

}  // namespace nacre::attestation::testing
