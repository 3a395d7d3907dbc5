#include "image-rs-cpp/testing/token_server.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/jws.h"
#include "crypto/random.h"
#include "crypto/x509_make.h"
#include "image-rs-cpp/testing/real_registry.h"
#include "image-rs-cpp/testing/test_sigstore.h"
#include "net/url.h"

namespace nacre::image::testing {
namespace {

crypto::Certificate Root(const crypto::PrivateKey& key) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", "root"}};
  request.not_before = std::time(nullptr) - 60;
  request.not_after = request.not_before + 3600;
  request.is_ca = true;
  return *crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                  crypto::SignatureScheme::kEcdsaSha256);
}

crypto::Certificate ServerCertificate(const crypto::PrivateKey& key,
                                      const crypto::Certificate& root,
                                      const crypto::PrivateKey& root_key) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", "registry"}};
  request.not_before = root.not_before();
  request.not_after = root.not_after();
  request.server_auth = true;
  request.ip_addresses = {"127.0.0.1"};
  return *crypto::MakeCertificate(request, key.public_key(), &root, root_key,
                                  crypto::SignatureScheme::kEcdsaSha256);
}

}  // namespace

TlsIdentity::TlsIdentity()
    : root_key_(NewKey()),
      key_(NewKey()),
      root_(Root(root_key_)),
      certificate_(ServerCertificate(key_, root_, root_key_)) {}

std::string TlsIdentity::key_pem() const { return ToString(key_.ToPem()->view()); }

TokenServer::TokenServer()
    : wanted("Basic " + Base64Encode(AsBytes("user:pass"))),
      key_(NewKey()),
      certificate_(Root(key_)) {
  auto server = net::HttpServer::Start({}, [this](const net::HttpServerRequest& request) {
    return net::MakeResponse(200, "application/json",
                             StrCat("{\"token\": \"", Token(request), "\", \"expires_in\": 60}"));
  });
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

std::string TokenServer::host() const { return StrCat("127.0.0.1:", server_->port()); }

std::string TokenServer::last_token() {
  std::lock_guard lock(mutex_);
  return last_token_;
}

std::string TokenServer::Token(const net::HttpServerRequest& request) {
  const auto query = *net::ParseQuery(request.query);
  Json access = Json::array();
  for (const auto& [name, value] : query) {
    if (name != "scope" || request.Header("Authorization") != wanted) continue;
    for (std::string_view scope : StrSplit(value, ' ')) {
      const auto parts = StrSplit(scope, ':');
      Json actions = Json::array();
      for (std::string_view action : StrSplit(parts.at(2), ',')) actions.push_back(action);
      access.push_back({{"type", parts.at(0)}, {"name", parts.at(1)}, {"actions", actions}});
    }
  }
  const int64_t now = std::time(nullptr);
  const Json claims = {{"iss", kTokenIssuer},
                       {"sub", "user"},
                       {"aud", kTokenService},
                       {"iat", now - 120},
                       {"nbf", now - 120},
                       {"exp", now + life(++tokens_)},
                       {"jti", HexEncode(crypto::RandomBytes(8))},
                       {"access", access}};
  const Json header = {{"typ", "JWT"}, {"x5c", {Base64Encode(certificate_.der())}}};
  std::string token =
      *crypto::JwsSign(key_, crypto::JwsAlgorithm::kEs256, header, AsBytes(claims.dump()));
  std::lock_guard lock(mutex_);
  return last_token_ = std::move(token);
}

}  // namespace nacre::image::testing
