#include "cli/kbs_admin.h"

#include <ctime>

#include "attestation/protocol/error_body.h"
#include "attestation/protocol/jwt.h"
#include "base/file.h"
#include "base/strings.h"
#include "net/url.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxPemFile = 64 << 10;
constexpr int64_t kTokenLifetimeS = 60;

absl::Status Refusal(const net::HttpResponse& response) {
  auto error = attestation::ParseErrorBody(response.body);
  std::string message = StrCat("the broker answers ", response.status);
  if (error.ok()) StrAppend(&message, " ", error->code, ": ", error->detail);
  return attestation::RefusalError(response.status, message);
}

}  // namespace

absl::StatusOr<KbsAdmin> KbsAdmin::Create(const KbsAdminOptions& options) {
  ASSIGN_OR_RETURN(net::Url url, net::ParseUrl(options.url), "--url");
  if (!url.tls()) return absl::InvalidArgumentError("--url: want https, not plain http");
  net::HttpClientOptions http;
  ASSIGN_OR_RETURN(http.pinned_server_cert_pem, ReadTextFile(options.cert_path, kMaxPemFile),
                   "--cert");
  ASSIGN_OR_RETURN(auto client, net::HttpClient::Create(std::move(http)), "--cert");
  ASSIGN_OR_RETURN(Bytes pem, ReadFile(options.admin_key_path, kMaxPemFile), "--admin-key");
  SecretBytes secret = SecretBytes::TakeFrom(std::move(pem));
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(secret.view()),
                   StrCat("--admin-key: ", options.admin_key_path));
  return KbsAdmin(url.Origin(), options.issuer, std::move(key), std::move(client));
}

absl::StatusOr<std::string> KbsAdmin::Call(std::string_view method, std::string_view path,
                                           std::string body) {
  ASSIGN_OR_RETURN(std::string token,
                   attestation::SignAdminToken(key_, issuer_, std::time(nullptr), kTokenLifetimeS));
  net::HttpRequest request;
  request.method = std::string(method);
  request.url = StrCat(url_, path);
  request.headers = {{"Authorization", StrCat("Bearer ", token)}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.body = std::move(body);
  ASSIGN_OR_RETURN(net::HttpResponse response, http_->Send(request));
  if (response.status != 200) return Refusal(response);
  return std::move(response.body);
}

}  // namespace nacre::cli
