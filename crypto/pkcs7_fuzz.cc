// A PKCS#7 message as it stands beside an encrypted layer: nothing that was changed may open to
// something else.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/chain_testing.h"
#include "crypto/pkcs7.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kSecret = "content of every seed";

void Try(ByteView data) {
  const absl::StatusOr<SecretBytes> opened = Pkcs7Open(data, RsaKey());
  if (opened.ok() && AsText(opened->view()) != kSecret) std::abort();
}

std::vector<std::string> Seeds() {
  const Certificate both[] = {TestChain().root, TestChain().intermediate};
  return {ToString(*Pkcs7Seal({both, 1}, AsBytes(kSecret))),
          ToString(*Pkcs7Seal(both, AsBytes(kSecret)))};
}

NACRE_FUZZ_TARGET(Pkcs7, Try, Seeds)

}  // namespace
}  // namespace nacre::crypto
