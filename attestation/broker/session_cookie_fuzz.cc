// A cookie as a client sends it: nothing that was changed may open as a session.
#include <cstdlib>

#include "attestation/broker/session_cookie.h"
#include "base/fuzz_testing.h"

namespace nacre::attestation {
namespace {

const Session kSession{.nonce = "bm9uY2U=", .tee = "snp", .expires_at = 1000, .token = "a.b.c"};

const SessionSealer& Sealer() {
  static const auto* const kSealer =
      new SessionSealer(*SessionSealer::Create(SecretBytes(32)));  // never destroyed
  return *kSealer;
}

void Try(ByteView data) {
  const auto session = Sealer().Open(FindSessionCookie(AsText(data)), 1);
  // Text around the cookie may change; the session may not.
  if (session.ok() && (session->nonce != kSession.nonce || session->token != kSession.token)) {
    std::abort();
  }
}

std::vector<std::string> Seeds() {
  const std::string cookie = *Sealer().Seal(kSession);
  return {"kbs-session-id=" + cookie, "a=1; kbs-session-id=" + cookie + "; b=2",
          "kbs-session-id=", "kbs-session-id=BGZpbGU"};
}

NACRE_FUZZ_TARGET(SessionCookie, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
