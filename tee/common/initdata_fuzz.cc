#include <cstdint>
#include <cstdlib>

#include "tee/common/initdata.h"

// The host chooses the disk's bytes. What decodes must be within the cap and encode again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto document = nacre::tee::DecodeInitdataDisk({data, size});
  if (!document.ok()) return 0;
  if (document->size() > nacre::tee::kMaxInitdataDocument) std::abort();
  const auto initdata = nacre::tee::ParseInitdata(*document);
  if (!initdata.ok()) return 0;
  const auto text = nacre::tee::FormatInitdata(*initdata);
  if (text.ok() && nacre::tee::ParseInitdata(*text)->data != initdata->data) std::abort();
  return 0;
}
