// The initdata image, whose bytes the host chooses: what decodes is within the cap, and a document
// that parses can be written and read again.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/common/initdata.h"

namespace nacre::tee {
namespace {

void Try(ByteView data) {
  const auto document = DecodeInitdataImage(data);
  if (document.ok() && document->size() > kMaxInitdataDocument) std::abort();
  const auto initdata = ParseInitdata(document.ok() ? std::string_view(*document) : AsText(data));
  if (!initdata.ok()) return;
  const auto text = FormatInitdata(*initdata);
  if (!text.ok()) return;
  const auto again = ParseInitdata(*text);
  if (!again.ok() || again->data != initdata->data) std::abort();
}

std::vector<std::string> Seeds() {
  const std::string document =
      "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"policy.rego\" = '''\nallow = "
      "[]\n'''\n";
  const auto disk = EncodeInitdataImage(document);
  return {ToString(*disk), document, "initdata", std::string("initdata\0\0\0\0\0\0\0\0", 16),
          "version = \"0.1.0\"\nalgorithm = \"sha512\"\n[data]\na = \"'''\\u0001\"\n"};
}

NACRE_FUZZ_TARGET(Initdata, Try, Seeds)

}  // namespace
}  // namespace nacre::tee
