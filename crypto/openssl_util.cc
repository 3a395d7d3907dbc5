#include "crypto/openssl_util.h"

#include <openssl/err.h>

#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/strings.h"

namespace nacre::crypto {

absl::Status OpensslStatus(absl::StatusCode code, std::string_view context) {
  unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  if (reason == nullptr) return absl::Status(code, std::string(context));
  return absl::Status(code, StrCat(context, ": ", reason));
}

void Must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "nacre: fatal: OpenSSL failed at %s\n", what);
  std::abort();
}

BioPtr MemoryBio(ByteView data) {
  if (data.size() > INT_MAX) return nullptr;
  // OpenSSL refuses a null pointer even for no bytes.
  return BioPtr(BIO_new_mem_buf(data.empty() ? reinterpret_cast<const uint8_t*>("") : data.data(),
                                static_cast<int>(data.size())));
}

ByteView BioContents(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  if (data == nullptr || size <= 0) return {};
  return {reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)};
}

}  // namespace nacre::crypto
