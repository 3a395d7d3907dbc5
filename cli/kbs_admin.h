// The admin side of a key broker as calls. Each call carries a token of one minute, signed here
// with the owner's key: the key itself never travels.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "crypto/key.h"
#include "net/http_client.h"

namespace nacre::cli {

struct KbsAdminOptions {
  std::string url;             // "https://127.0.0.1:8080"
  std::string cert_path;       // PEM: the broker's own certificate, which is pinned
  std::string admin_key_path;  // PEM, EC P-256
  std::string issuer;          // as the broker's [admin] issuer
};

class KbsAdmin {
 public:
  // Errors name the option or the file.
  static absl::StatusOr<KbsAdmin> Create(const KbsAdminOptions& options);

  // The body of a 200 answer. Others are errors: what the broker says, coded by its HTTP status.
  absl::StatusOr<std::string> Call(std::string_view method, std::string_view path,
                                   std::string body = "");

 private:
  KbsAdmin(std::string url, std::string issuer, crypto::PrivateKey key,
           std::unique_ptr<net::HttpClient> http)
      : url_(std::move(url)),
        issuer_(std::move(issuer)),
        key_(std::move(key)),
        http_(std::move(http)) {}
  std::string url_;
  std::string issuer_;
  crypto::PrivateKey key_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace nacre::cli
