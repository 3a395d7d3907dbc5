// Certificates, requests and keys: any text and any DER.
#include <cstdlib>

#include "base/encoding.h"
#include "base/fuzz_testing.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

void Try(ByteView data) {
  std::string_view text = AsText(data);
  (void)CallText("crypto.x509.parse_certificates", text);
  (void)CallText("crypto.x509.parse_certificates", Base64Encode(data));
  (void)CallText("crypto.x509.parse_certificate_request", Base64Encode(data));
  (void)CallText("crypto.parse_private_keys", text);
}

std::vector<std::string> Seeds() {
  return {
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBczCCARmgAwIBAgIUE1EvLAeWYaGCiSm1Vy9xDyOxuCMwCgYIKoZIzj0EAwIw\n"
      "DzENMAsGA1UEAwwEbGVhZjAeFw0yNjExMjIwOTA0MjdaFw0zNjExMTkwOTA0Mjda\n"
      "MA8xDTALBgNVBAMMBGxlYWYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQTzTBj\n"
      "HK9A+SHNZ1CMhQCpxuzaEmTfdPhKjEsplmDOYoE+st2TPF2Cw0A1CeTYLpk3gFuJ\n"
      "QK6GSAv9TyvK9ScMo1MwUTAdBgNVHQ4EFgQUfKkgcYLBF1ZAcWdPGdnkutS8RU4w\n"
      "HwYDVR0jBBgwFoAUfKkgcYLBF1ZAcWdPGdnkutS8RU4wDwYDVR0TAQH/BAUwAwEB\n"
      "/zAKBggqhkjOPQQDAgNIADBFAiEAyLVDnH6t3De2fjA/eRxjkW+cGGDGvwvn/mBp\n"
      "AqKbLDwCID8A+f6kVbBJNSTJHbHHmDgEdVEg0bBHRcwJvQ/RoMev\n"
      "-----END CERTIFICATE-----\n"};
}

NACRE_FUZZ_TARGET(RegoX509, Try, Seeds)

}  // namespace
}  // namespace nacre::rego
