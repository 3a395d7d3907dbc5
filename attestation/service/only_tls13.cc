// OpenSSL gives each new context the defaults of its configuration, here one of our own. They are
// options, which a minimum version that is set afterwards, as gRPC does, leaves alone.
#include "attestation/service/only_tls13.h"

#include <openssl/conf.h>
#include <openssl/ssl.h>

#include <memory>
#include <string_view>

namespace nacre::attestation {
namespace {

constexpr std::string_view kConfiguration =
    "openssl_conf = all\n"
    "[all]\nssl_conf = tls\n"
    "[tls]\nsystem_default = defaults\n"
    "[defaults]\nProtocol = -ALL,TLSv1.3\n";

absl::Status Load() {
  if (OPENSSL_init_ssl(0, nullptr) != 1) return absl::InternalError("OpenSSL cannot be set up");
  OPENSSL_load_builtin_modules();
  const std::unique_ptr<CONF, decltype(&NCONF_free)> parsed(NCONF_new(nullptr), NCONF_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(kConfiguration.data(), static_cast<int>(kConfiguration.size())), BIO_free);
  long line = 0;
  const bool loaded = parsed && text && NCONF_load_bio(parsed.get(), text.get(), &line) > 0 &&
                      CONF_modules_load(parsed.get(), nullptr, 0) > 0;
  return loaded ? absl::OkStatus() : absl::InternalError("OpenSSL does not take TLS 1.3 only");
}

}  // namespace

absl::Status AllowOnlyTls13() {
  static const absl::Status* const loaded = new absl::Status(Load());
  return *loaded;
}

}  // namespace nacre::attestation
