// The JSON that coco's attesters send for Azure's virtual machines.

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "tee/common/refusal_class.h"
#include "tee/tpm/azure.h"

namespace nacre::tee::tpm {
namespace {

constexpr size_t kMaxJson = 1 << 20;
constexpr size_t kMaxPcrs = 24;
constexpr std::string_view kWhere = "Azure evidence";

enum class TextForm { kHex, kBase64Url };

// Bytes in either form of the document: text, or an array of numbers.
absl::StatusOr<Bytes> BytesOf(const Json& value, TextForm form, std::string_view name) {
  if (value.is_array()) {
    Bytes out;
    for (const Json& number : value) {
      if (!number.is_number_unsigned() || number.get<uint64_t>() > 0xff) {
        return absl::InvalidArgumentError(StrCat(name, ": not an array of bytes"));
      }
      out.push_back(static_cast<uint8_t>(number.get<uint64_t>()));
    }
    return out;
  }
  if (!value.is_string())
    return absl::InvalidArgumentError(StrCat(name, ": neither text nor array"));
  std::string text = value.get<std::string>();
  if (form == TextForm::kHex) return HexDecode(text);
  while (text.ends_with('=') && text.size() % 4 <= 3) text.pop_back();
  return Base64UrlDecode(text);
}

absl::StatusOr<Bytes> Member(const Json& object, std::string_view key, TextForm form) {
  ASSIGN_OR_RETURN(const Json* value, JsonMember(object, key, kWhere));
  return BytesOf(*value, form, key);
}

absl::StatusOr<TpmEvidence> ReadQuote(const Json& quote) {
  TpmEvidence out;
  ASSIGN_OR_RETURN(out.attest, Member(quote, "message", TextForm::kHex), "message");
  ASSIGN_OR_RETURN(Bytes signature, Member(quote, "signature", TextForm::kHex), "signature");
  out.signature = SerializeSignature(RawRsaSsa(signature));
  ASSIGN_OR_RETURN(const Json* pcrs, JsonArray(quote, "pcrs", kWhere));
  if (pcrs->size() > kMaxPcrs) return absl::InvalidArgumentError("more than 24 PCRs");
  for (size_t i = 0; i < pcrs->size(); ++i) {
    ASSIGN_OR_RETURN(out.pcrs[Bank::kSha256][static_cast<uint32_t>(i)],
                     BytesOf((*pcrs)[i], TextForm::kHex, StrCat("PCR ", i)));
  }
  return out;
}

// PEM in the older form, base64url of DER in the newer.
absl::StatusOr<Bytes> ReadVcek(const Json& json) {
  ASSIGN_OR_RETURN(std::string text, JsonString(json, "vcek", kWhere));
  if (!text.starts_with("-----BEGIN")) return BytesOf(text, TextForm::kBase64Url, "vcek");
  ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::FromPem(text), "vcek");
  return certificate.der();
}

absl::StatusOr<AzureEvidence> Read(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("not a JSON object");
  AzureEvidence out;
  const bool renamed = json.contains("hcl_report");
  ASSIGN_OR_RETURN(out.hcl_report,
                   Member(json, renamed ? "hcl_report" : "report", TextForm::kBase64Url));
  const char* quote_name = json.contains("tpm_quote") ? "tpm_quote" : "quote";
  ASSIGN_OR_RETURN(const Json* quote, JsonObject(json, quote_name, kWhere));
  ASSIGN_OR_RETURN(out.tpm, ReadQuote(*quote));
  if (json.contains("vcek")) {
    ASSIGN_OR_RETURN(Bytes vcek, ReadVcek(json));
    out.certificates.push_back({sev::CertificateKind::kVcek, std::move(vcek)});
  }
  if (json.contains("td_quote")) {
    ASSIGN_OR_RETURN(out.td_quote, Member(json, "td_quote", TextForm::kBase64Url));
  }
  if (out.certificates.empty() == out.td_quote.empty()) {
    return absl::InvalidArgumentError("must have one of 'vcek' and 'td_quote'");
  }
  return out;
}

}  // namespace

absl::StatusOr<AzureEvidence> ParseAzureEvidence(std::string_view text) {
  const auto json = ParseJson(text, {.max_size = kMaxJson, .max_depth = 8});
  if (!json.ok()) return WithClass(json.status(), RefusalClass::kFormat);
  auto out = Read(*json);
  if (!out.ok()) {
    return RefusedError(RefusalClass::kFormat, StrCat(kWhere, ": ", Message(out.status())));
  }
  return out;
}

}  // namespace nacre::tee::tpm
