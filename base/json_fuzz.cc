// JSON: what is read can be written, and reading that again gives the same value. What is read is
// what the library's own parser reads, and lists of bytes hold the same numbers.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/json.h"
#include "base/json_reader.h"

namespace nacre {
namespace {

void Try(ByteView data) {
  absl::StatusOr<Json> value = ParseJson(AsText(data));
  absl::StatusOr<Json> with_bytes = ParseJsonWithBytes(AsText(data));
  if (value.ok() != with_bytes.ok()) std::abort();
  if (!value.ok()) return;
  const auto cbor = Json::to_cbor(*value);
  if (Json::to_cbor(Json::parse(AsText(data), nullptr, false)) != cbor) std::abort();
  if (Json::to_cbor(ListBytes(*std::move(with_bytes))) != cbor) std::abort();
  absl::StatusOr<std::string> text = DumpJson(*value);
  if (!text.ok()) std::abort();
  absl::StatusOr<Json> again = ParseJson(*text);
  if (!again.ok() || *again != *value) std::abort();
  // A canonical text is its own canonical text. Only one of floating-point numbers from 2^53 to
  // 1e21, which ECMAScript writes as integers, is none: integers of that size are refused.
  absl::StatusOr<std::string> canonical = CanonicalJson(*value);
  if (!canonical.ok()) return;  // integers past 2^53
  absl::StatusOr<Json> reread = ParseJson(*canonical);
  if (!reread.ok() || CanonicalJson(*reread).value_or(*canonical) != *canonical) std::abort();
}

std::vector<std::string> Seeds() {
  return {R"({"a":[1,-2,2.5e-3,1E400,true,false,null],"b":{"c":"\u00e9\ud83d\ude00\n"}})",
          R"({"version":"0.4.0","tee":"snp","extra-params":{}})",
          R"([[[[[[[[{"k":[{}]}]]]]]]]])",
          "{\"\xe2\x82\xac\":\"\xf0\x9f\x98\x80\",\"\\ufb33\":9007199254740993}",
          R"([0,-0,1e21,1e-7,123456789012345680000,5e-324,18446744073709551615])",
          R"([[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,255],[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,256]])",
          std::string(70, '[')};
}

NACRE_FUZZ_TARGET(Json, Try, Seeds)

}  // namespace
}  // namespace nacre
