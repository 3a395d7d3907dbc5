// JSON: what is read can be written, and reading that again gives the same value.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/json.h"

namespace nacre {
namespace {

void Try(ByteView data) {
  absl::StatusOr<Json> value = ParseJson(AsText(data));
  if (!value.ok()) return;
  absl::StatusOr<std::string> text = DumpJson(*value);
  if (!text.ok()) std::abort();
  absl::StatusOr<Json> again = ParseJson(*text);
  if (!again.ok() || *again != *value) std::abort();
  // A canonical text is its own canonical text.
  absl::StatusOr<std::string> canonical = CanonicalJson(*value);
  if (!canonical.ok()) return;  // integers past 2^53
  absl::StatusOr<Json> reread = ParseJson(*canonical);
  if (!reread.ok() || CanonicalJson(*reread).value_or("") != *canonical) std::abort();
}

std::vector<std::string> Seeds() {
  return {R"({"a":[1,-2,2.5e-3,1E400,true,false,null],"b":{"c":"\u00e9\ud83d\ude00\n"}})",
          R"({"version":"0.4.0","tee":"snp","extra-params":{}})",
          R"([[[[[[[[{"k":[{}]}]]]]]]]])",
          "{\"\xe2\x82\xac\":\"\xf0\x9f\x98\x80\",\"\\ufb33\":9007199254740993}",
          R"([0,-0,1e21,1e-7,123456789012345680000,5e-324,18446744073709551615])",
          std::string(70, '[')};
}

NACRE_FUZZ_TARGET(Json, Try, Seeds)

}  // namespace
}  // namespace nacre
