// TLS settings and peer checks shared by the HTTP client and server.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "net/http_client.h"

namespace nacre::net {

using TlsContext = boost::asio::ssl::context;

// A context that refuses every server the options do not name. kInvalidArgument for certificates
// that do not parse.
absl::StatusOr<std::shared_ptr<TlsContext>> MakeClientTls(const HttpClientOptions& options);

// TLS 1.3 with this certificate (leaf first) and key. kInvalidArgument when either does not parse
// or they do not belong together. With `client_ca_pem`, clients are asked for a certificate that
// leads to one of its roots; they may have none.
absl::StatusOr<std::shared_ptr<TlsContext>> MakeServerTls(std::string_view certificate_chain_pem,
                                                          const SecretBytes& private_key_pem,
                                                          std::string_view client_ca_pem = {});

// The peer's certificate: SHA-256 of its DER in hex, and its subject (RFC 2253). Empty without one.
struct PeerCertificate {
  std::string sha256;
  std::string subject;
};
PeerCertificate PeerCertificateOf(SSL* ssl);

// Sets the name the server's certificate must carry (and SNI when `host` is no IP address).
absl::Status ExpectServerName(SSL* ssl, const std::string& host);

// Why the handshake on `ssl` failed, as the end of a sentence: "certificate does not match the
// pinned one", "certificate has expired", "the server does not speak TLS".
std::string ExplainTlsFailure(SSL* ssl, const boost::system::error_code& error);

}  // namespace nacre::net
