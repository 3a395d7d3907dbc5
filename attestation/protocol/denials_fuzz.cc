// A guest's report of denials: the bytes as the message itself, and as a payload that is signed, so
// that the reader behind the signature is reached. What is read is within its limits and can be
// sent again.
#include <cstdlib>

#include "attestation/protocol/denials.h"
#include "base/fuzz_testing.h"
#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

const crypto::PrivateKey& Key() {
  static const auto* const key =
      new crypto::PrivateKey(*crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  return *key;
}

void Try(ByteView data) {
  // Nothing that this key did not sign is read.
  if (ReadDenials(AsText(data), Key().public_key()).ok()) std::abort();
  const auto message =
      crypto::JwsSign(Key(), crypto::JwsAlgorithm::kEs256, {{"typ", "nacre-denials"}}, data);
  if (!message.ok()) return;
  const auto denials = ReadDenials(*message, Key().public_key());
  if (!denials.ok()) return;
  if (denials->empty() || denials->size() > kMaxDenials) std::abort();
  size_t taken = 0;
  const auto again = SignDenials(*denials, Key(), &taken);
  if (!again.ok()) std::abort();
  const auto same = ReadDenials(*again, Key().public_key());
  if (!same.ok() || same->size() != taken) std::abort();
  for (size_t i = 0; i < taken; ++i) {
    if ((*same)[i].explanation != (*denials)[i].explanation) std::abort();
  }
}

std::vector<std::string> Seeds() {
  return {R"({"denials":[{"id":1,"request":"ExecProcessRequest","explanation":"no rule"}]})",
          R"({"denials":[{"id":1,"request":"R","explanation":""},)"
          R"({"id":9007199254740991,"request":"a.b_9","explanation":"\u00e9\n"}]})",
          "eyJhbGciOiJFUzI1NiIsInR5cCI6Im5hY3JlLWRlbmlhbHMifQ.e30.AAAA"};
}

NACRE_FUZZ_TARGET(Denials, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
