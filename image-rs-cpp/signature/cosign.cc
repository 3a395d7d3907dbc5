#include "image-rs-cpp/signature/cosign.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"

namespace nacre::image {
namespace {

using Annotations = std::map<std::string, std::string>;

const std::string* Find(const Annotations& annotations, std::string_view name) {
  const auto found = annotations.find(std::string(name));
  return found == annotations.end() || found->second.empty() ? nullptr : &found->second;
}

// {"SignedEntryTimestamp": base64, "Payload": {"body": base64, "integratedTime": seconds,
//  "logIndex": number, "logID": hex}}
absl::StatusOr<LogEntry> ReadLogAnnotation(std::string_view text) {
  constexpr std::string_view kWhat = "log entry";
  ASSIGN_OR_RETURN(const Json json,
                   ParseJsonObject(text, kWhat, {.max_size = 256 << 10, .max_depth = 8}));
  RETURN_IF_ERROR(JsonOnlyMembers(json, {"SignedEntryTimestamp", "Payload"}, kWhat));
  ASSIGN_OR_RETURN(const std::string promise, JsonString(json, "SignedEntryTimestamp", kWhat));
  ASSIGN_OR_RETURN(const Json* payload, JsonObject(json, "Payload", kWhat));
  RETURN_IF_ERROR(
      JsonOnlyMembers(*payload, {"body", "integratedTime", "logIndex", "logID"}, kWhat));
  ASSIGN_OR_RETURN(const std::string body, JsonString(*payload, "body", kWhat));
  ASSIGN_OR_RETURN(const uint64_t time, JsonUint(*payload, "integratedTime", kWhat));
  ASSIGN_OR_RETURN(const std::string log_id, JsonString(*payload, "logID", kWhat));
  LogEntry entry;
  ASSIGN_OR_RETURN(entry.log_index, JsonUint(*payload, "logIndex", kWhat));
  ASSIGN_OR_RETURN(entry.promise, Base64Decode(promise), kWhat);
  ASSIGN_OR_RETURN(entry.body, Base64Decode(body), kWhat);
  ASSIGN_OR_RETURN(entry.log_id, HexDecode(log_id), kWhat);
  if (time > uint64_t{INT64_MAX}) return absl::InvalidArgumentError(StrCat(kWhat, ": bad time"));
  entry.integrated_time = static_cast<int64_t>(time);
  return entry;
}

absl::StatusOr<std::vector<crypto::Certificate>> ReadCertificates(const Annotations& annotations) {
  std::vector<crypto::Certificate> out;
  const std::string* leaf = Find(annotations, "dev.sigstore.cosign/certificate");
  if (leaf == nullptr) return out;
  ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::FromPem(*leaf),
                   "certificate");
  out.push_back(std::move(certificate));
  if (const std::string* chain = Find(annotations, "dev.sigstore.cosign/chain")) {
    ASSIGN_OR_RETURN(auto above, crypto::Certificate::AllFromPem(*chain), "certificate chain");
    out.insert(out.end(), above.begin(), above.end());
  }
  return out;
}

}  // namespace

std::string CosignTag(std::string_view digest) {
  std::string tag(digest);
  if (const size_t colon = tag.find(':'); colon != tag.npos) tag[colon] = '-';
  return tag + ".sig";
}

absl::StatusOr<SigstoreSignature> ReadCosignLayer(const Annotations& annotations, Bytes payload) {
  const std::string* signature = Find(annotations, kCosignSignature);
  if (signature == nullptr) {
    return absl::InvalidArgumentError(StrCat("annotation '", kCosignSignature, "' is missing"));
  }
  SigstoreSignature out;
  ASSIGN_OR_RETURN(out.signature, Base64Decode(*signature), "signature");
  ASSIGN_OR_RETURN(out.certificates, ReadCertificates(annotations));
  if (const std::string* entry = Find(annotations, "dev.sigstore.cosign/bundle")) {
    ASSIGN_OR_RETURN(out.log_entry, ReadLogAnnotation(*entry));
  }
  out.signed_bytes = payload;
  out.payload = std::move(payload);
  return out;
}

}  // namespace nacre::image
