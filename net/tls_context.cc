// Trust comes in three kinds (http_client.h). System roots and own roots use OpenSSL's chain
// building and name check. A pinned certificate replaces both: the callback compares the leaf the
// server sent with the pinned one, byte for byte, and the handshake itself proves that the server
// holds its key.

#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::net {
namespace {

using X509Pointer = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string LastOpenSslError() {
  unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "malformed" : reason;
}

// Keys with a pass phrase would make OpenSSL ask on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<std::vector<X509Pointer>> ParseCertificates(std::string_view pem,
                                                           std::string_view what) {
  ERR_clear_error();
  BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  std::vector<X509Pointer> out;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    out.emplace_back(certificate, X509_free);
  }
  bool clean_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (out.empty()) return absl::InvalidArgumentError(StrCat(what, ": no PEM certificate"));
  if (!clean_end) {
    return absl::InvalidArgumentError(
        StrCat(what, ": certificate ", out.size() + 1, ": ", LastOpenSslError()));
  }
  ERR_clear_error();
  return out;
}

Bytes Der(X509* certificate) {
  uint8_t* data = nullptr;
  int size = certificate == nullptr ? -1 : i2d_X509(certificate, &data);
  if (size < 0) return {};
  Bytes out(data, data + size);
  OPENSSL_free(data);
  return out;
}

// X509_STORE_CTX verification callback; `pinned` is the DER of the one certificate allowed.
int CheckPinned(X509_STORE_CTX* store, void* pinned) {
  Bytes leaf = Der(X509_STORE_CTX_get0_cert(store));
  if (!leaf.empty() && leaf == *static_cast<const Bytes*>(pinned)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

// The same for `pinned`, the DER of a SubjectPublicKeyInfo.
int CheckPinnedKey(X509_STORE_CTX* store, void* pinned) {
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  uint8_t* data = nullptr;
  int size = leaf == nullptr ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &data);
  Bytes key;
  if (size >= 0) key.assign(data, data + size);
  OPENSSL_free(data);
  if (!key.empty() && key == *static_cast<const Bytes*>(pinned)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int PinnedSlot() {
  static const int slot = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* pinned, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<Bytes*>(pinned);
      });
  return slot;
}

absl::Status Pin(SSL_CTX* context, std::string_view pem) {
  ASSIGN_OR_RETURN(auto certificates, ParseCertificates(pem, "pinned server certificate"));
  if (certificates.size() != 1) {
    return absl::InvalidArgumentError("pinned server certificate: more than one certificate");
  }
  auto pinned = std::make_unique<Bytes>(Der(certificates[0].get()));
  SSL_CTX_set_cert_verify_callback(context, CheckPinned, pinned.get());
  SSL_CTX_set_ex_data(context, PinnedSlot(), pinned.release());
  return absl::OkStatus();
}

absl::Status PinKey(SSL_CTX* context, std::string_view pem) {
  BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  KeyPointer key(PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  uint8_t* data = nullptr;
  int size = key == nullptr ? -1 : i2d_PUBKEY(key.get(), &data);
  if (size < 0) {
    ERR_clear_error();
    return absl::InvalidArgumentError("pinned public key: no PEM public key");
  }
  auto pinned = std::make_unique<Bytes>(data, data + size);
  OPENSSL_free(data);
  SSL_CTX_set_cert_verify_callback(context, CheckPinnedKey, pinned.get());
  SSL_CTX_set_ex_data(context, PinnedSlot(), pinned.release());
  return absl::OkStatus();
}

absl::Status Trust(SSL_CTX* context, std::string_view pem) {
  if (pem.empty()) {
    // Debian's hashed directory: a root is read only when a chain asks for it.
    return SSL_CTX_set_default_verify_paths(context) == 1
               ? absl::OkStatus()
               : absl::InternalError("the system's root certificates cannot be used");
  }
  ASSIGN_OR_RETURN(auto roots, ParseCertificates(pem, "trusted CA certificates"));
  for (const X509Pointer& root : roots) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) != 1) {
      return absl::InvalidArgumentError("trusted CA certificates: " + LastOpenSslError());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<TlsContext>> NewContext(TlsContext::method method) {
  try {
    auto context = std::make_shared<TlsContext>(method);
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    // P-256 first: as fast as X25519 on a real processor, and several times as fast on one that is
    // emulated; an approved curve where that matters.
    SSL_CTX_set1_groups_list(context->native_handle(), "P-256:X25519:P-384:P-521");
    return context;
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat("TLS context: ", error.what()));
  }
}

bool IsAddress(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

// A session that is taken up again brings the certificate of its first handshake with it.
absl::Status AskForCertificates(SSL_CTX* context, std::string_view roots_pem) {
  ASSIGN_OR_RETURN(auto roots, ParseCertificates(roots_pem, "client CA certificates"));
  for (const X509Pointer& root : roots) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) != 1 ||
        SSL_CTX_add_client_CA(context, root.get()) != 1) {
      return absl::InvalidArgumentError("client CA certificates: " + LastOpenSslError());
    }
  }
  static constexpr uint8_t kSessions[] = "nacre clients";
  SSL_CTX_set_session_id_context(context, kSessions, sizeof kSessions);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<TlsContext>> MakeClientTls(const HttpClientOptions& options) {
  int kinds = (options.trusted_ca_pem.empty() ? 0 : 1) +
              (options.pinned_server_cert_pem.empty() ? 0 : 1) +
              (options.pinned_public_key_pem.empty() ? 0 : 1);
  if (kinds > 1) {
    return absl::InvalidArgumentError(
        "more than one of trusted CAs, pinned certificate and pinned public key is set");
  }
  ASSIGN_OR_RETURN(std::shared_ptr<TlsContext> context, NewContext(TlsContext::tls_client));
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, options.allow_tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
  // Whatever the program's defaults are.
  if (options.allow_tls_1_2) SSL_CTX_clear_options(native, SSL_OP_NO_TLSv1_2);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  if (!options.pinned_public_key_pem.empty()) {
    RETURN_IF_ERROR(PinKey(native, options.pinned_public_key_pem));
  } else if (!options.pinned_server_cert_pem.empty()) {
    RETURN_IF_ERROR(Pin(native, options.pinned_server_cert_pem));
  } else {
    RETURN_IF_ERROR(Trust(native, options.trusted_ca_pem));
  }
  return context;
}

absl::StatusOr<std::shared_ptr<TlsContext>> MakeServerTls(std::string_view certificate_chain_pem,
                                                          const SecretBytes& private_key_pem,
                                                          std::string_view client_ca_pem) {
  ASSIGN_OR_RETURN(auto chain, ParseCertificates(certificate_chain_pem, "server certificate"));
  ASSIGN_OR_RETURN(std::shared_ptr<TlsContext> context, NewContext(TlsContext::tls_server));
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  BioPointer bio(
      BIO_new_mem_buf(private_key_pem.view().data(), static_cast<int>(private_key_pem.size())),
      BIO_free);
  KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  if (key == nullptr) {
    return absl::InvalidArgumentError("server key: no PEM private key without pass phrase");
  }
  if (SSL_CTX_use_certificate(native, chain[0].get()) != 1) {
    return absl::InvalidArgumentError("server certificate: " + LastOpenSslError());
  }
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(native, chain[i].get());
  if (X509_check_private_key(chain[0].get(), key.get()) != 1 ||
      SSL_CTX_use_PrivateKey(native, key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("server key: does not belong to the server certificate");
  }
  if (client_ca_pem.empty()) return context;
  RETURN_IF_ERROR(AskForCertificates(native, client_ca_pem));
  return context;
}

PeerCertificate PeerCertificateOf(SSL* ssl) {
  PeerCertificate out;
  X509Pointer certificate(SSL_get1_peer_certificate(ssl), X509_free);
  if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return out;
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1) return out;
  BioPointer text(BIO_new(BIO_s_mem()), BIO_free);
  if (X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253) <
      0) {
    return out;
  }
  char* data = nullptr;
  const long length = BIO_get_mem_data(text.get(), &data);
  out.subject.assign(data, static_cast<size_t>(length));
  out.sha256 = HexEncode(ByteView(digest, size));
  return out;
}

absl::Status ExpectServerName(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  if (IsAddress(host)) {
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return absl::OkStatus();
    return absl::InvalidArgumentError(StrCat("'", host, "' cannot be checked as an address"));
  }
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) != 1 ||
      SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) {
    return absl::InvalidArgumentError(StrCat("'", host, "' cannot be checked as a name"));
  }
  return absl::OkStatus();
}

std::string ExplainTlsFailure(SSL* ssl, const boost::system::error_code& error) {
  long verdict = SSL_get_verify_result(ssl);
  if (verdict == X509_V_ERR_APPLICATION_VERIFICATION) {
    return "certificate does not match the pinned one";
  }
  if (verdict != X509_V_OK) {
    return StrCat("certificate refused: ", X509_verify_cert_error_string(verdict));
  }
  if (error.category() == boost::asio::error::get_ssl_category() &&
      ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER) {
    return "the server does not speak TLS";
  }
  return error.message();
}

}  // namespace nacre::net
