// Any body as a reference value: refused, or read into values that are read again as the same.
#include <cstdlib>

#include "attestation/broker/reference_upload.h"
#include "attestation/reference/signed_reference.h"
#include "base/encoding.h"
#include "base/fuzz_testing.h"
#include "base/json.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kNow = 1'800'000'000;

void Try(ByteView data) {
  const std::string_view text = AsText(data);
  if (IsSignedReference(text)) UnverifiedReference(text).status().IgnoreError();
  const auto values = ReadReferenceUpload(text, kNow);
  if (!values.ok()) return;
  if (values->empty()) std::abort();
  for (const StoredReference& value : *values) {
    if (value.name.empty() || (value.expires_at != 0 && value.expires_at <= kNow)) std::abort();
    if (SchemaOf(value.document) == kPlainSchema) continue;
    const auto again = ReadReferenceUpload(value.document, kNow);
    if (!again.ok() || again->size() != 1 || (*again)[0].document != value.document) std::abort();
  }
}

std::string Message(const Json& values) {
  return Json{
      {"version", "0.1.0"}, {"type", "sample"}, {"payload", Base64Encode(AsBytes(values.dump()))}}
      .dump();
}

std::vector<std::string> Seeds() {
  return {Message({{"mr_td", {"00"}}}),
          Message({{"a", 1}, {"b", {{"c", nullptr}}}}),
          R"({"schema":"nacre.reference/1","name":"","mode":"snp"})",
          R"({"schema":"nacre.reference.tdx/1"})",
          R"({"schema":"nacre.reference.tpm/1"})",
          "eyJhbGciOiJFUzI1NiIsInR5cCI6Im5hY3JlLXJlZmVyZW5jZStqd3MifQ.e30.AAAA"};
}

NACRE_FUZZ_TARGET(ReferenceUpload, Try, Seeds)

}  // namespace
}  // namespace nacre::attestation
