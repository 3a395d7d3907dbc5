#include "image-rs-cpp/signature/bundle.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "bundle";
constexpr std::string_view kSignPredicate = "https://sigstore.dev/cosign/sign/v1";
constexpr size_t kMaxHashes = 64;  // as deep as a tree can be
constexpr size_t kMaxSubjects = 16;

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat(kWhat, ": ", why));
}

absl::StatusOr<Bytes> Base64Member(const Json& object, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, kWhat));
  ASSIGN_OR_RETURN(Bytes out, Base64Decode(text), StrCat(kWhat, ": '", key, "'"));
  return out;
}

// protobuf's JSON writes 64-bit numbers as text, and leaves out zeros.
absl::StatusOr<uint64_t> NumberMember(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return uint64_t{0};
  if (found->is_number_unsigned()) return found->get<uint64_t>();
  uint64_t out = 0;
  if (found->is_string() && ParseNumber(found->get_ref<const std::string&>(), &out)) return out;
  return Bad(StrCat("'", key, "' is not a number"));
}

const Json* OptionalObject(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_object() ? nullptr : &*found;
}

absl::StatusOr<InclusionProof> ParseProof(const Json& json) {
  InclusionProof out;
  ASSIGN_OR_RETURN(out.index, NumberMember(json, "logIndex"));
  ASSIGN_OR_RETURN(out.tree_size, NumberMember(json, "treeSize"));
  ASSIGN_OR_RETURN(out.root, Base64Member(json, "rootHash"));
  if (const auto hashes = json.find("hashes"); hashes != json.end()) {
    if (!hashes->is_array() || hashes->size() > kMaxHashes) return Bad("'hashes' is malformed");
    for (const Json& hash : *hashes) {
      if (!hash.is_string()) return Bad("a hash is not a string");
      ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(hash.get_ref<const std::string&>()), kWhat);
      out.hashes.push_back(std::move(bytes));
    }
  }
  ASSIGN_OR_RETURN(const Json* checkpoint, JsonObject(json, "checkpoint", kWhat));
  ASSIGN_OR_RETURN(out.checkpoint, JsonString(*checkpoint, "envelope", kWhat));
  return out;
}

absl::StatusOr<LogEntry> ParseLogEntry(const Json& json) {
  if (!json.is_object()) return Bad("a log entry is not an object");
  LogEntry out;
  ASSIGN_OR_RETURN(out.log_index, NumberMember(json, "logIndex"));
  ASSIGN_OR_RETURN(const Json* log_id, JsonObject(json, "logId", kWhat));
  ASSIGN_OR_RETURN(out.log_id, Base64Member(*log_id, "keyId"));
  ASSIGN_OR_RETURN(const uint64_t time, NumberMember(json, "integratedTime"));
  if (time > uint64_t{INT64_MAX}) return Bad("'integratedTime' is out of range");
  out.integrated_time = static_cast<int64_t>(time);
  ASSIGN_OR_RETURN(out.body, Base64Member(json, "canonicalizedBody"));
  if (const Json* promise = OptionalObject(json, "inclusionPromise")) {
    ASSIGN_OR_RETURN(out.promise, Base64Member(*promise, "signedEntryTimestamp"));
  }
  if (const Json* proof = OptionalObject(json, "inclusionProof")) {
    ASSIGN_OR_RETURN(out.proof, ParseProof(*proof));
  }
  return out;
}

absl::Status ParseMaterial(const Json& material, SigstoreSignature* out) {
  const Json* chain = OptionalObject(material, "x509CertificateChain");
  if (const Json* single = OptionalObject(material, "certificate")) {
    ASSIGN_OR_RETURN(const Bytes raw, Base64Member(*single, "rawBytes"));
    ASSIGN_OR_RETURN(auto certificate, crypto::Certificate::FromDer(raw), kWhat);
    out->certificates.push_back(std::move(certificate));
  } else if (chain != nullptr) {
    ASSIGN_OR_RETURN(const Json* list, JsonArray(*chain, "certificates", kWhat));
    if (list->empty() || list->size() > crypto::kMaxCertificatesInPem) {
      return Bad("has no certificate, or too many");
    }
    for (const Json& item : *list) {
      if (!item.is_object()) return Bad("a certificate is not an object");
      ASSIGN_OR_RETURN(const Bytes raw, Base64Member(item, "rawBytes"));
      ASSIGN_OR_RETURN(auto certificate, crypto::Certificate::FromDer(raw), kWhat);
      out->certificates.push_back(std::move(certificate));
    }
  } else if (OptionalObject(material, "publicKey") == nullptr) {
    return Bad("names neither certificate nor key");
  }
  if (const auto entries = material.find("tlogEntries"); entries != material.end()) {
    if (!entries->is_array() || entries->size() > 1) return Bad("has several log entries");
    if (entries->size() == 1) {
      ASSIGN_OR_RETURN(out->log_entry, ParseLogEntry(entries->front()));
    }
  }
  return absl::OkStatus();
}

absl::Status ParseEnvelope(const Json& envelope, SigstoreSignature* out) {
  ASSIGN_OR_RETURN(const std::string type, JsonString(envelope, "payloadType", kWhat));
  if (type != kStatementPayload) {
    return absl::UnimplementedError(
        StrCat(kWhat, ": payload type '", Printable(type, 80), "' is not an in-toto statement"));
  }
  ASSIGN_OR_RETURN(out->payload, Base64Member(envelope, "payload"));
  ASSIGN_OR_RETURN(const Json* signatures, JsonArray(envelope, "signatures", kWhat));
  if (signatures->size() != 1 || !signatures->front().is_object()) {
    return Bad("its envelope has not exactly one signature");
  }
  ASSIGN_OR_RETURN(out->signature, Base64Member(signatures->front(), "sig"));
  out->form = SigstoreSignature::Form::kStatement;
  out->signed_bytes = DssePreAuthEncoding(type, out->payload);
  return absl::OkStatus();
}

// {"name"?, "digest": {"sha256": hex, ...}}
absl::StatusOr<SignedSubject> ParseSubject(const Json& json) {
  if (!json.is_object()) return Bad("a subject is not an object");
  ASSIGN_OR_RETURN(const Json* digests, JsonObject(json, "digest", "subject"));
  ASSIGN_OR_RETURN(const std::string hex, JsonString(*digests, "sha256", "subject"));
  SignedSubject out;
  ASSIGN_OR_RETURN(const BlobDigest digest, BlobDigest::Parse(StrCat("sha256:", hex)), "subject");
  out.digest = digest.text();
  if (json.contains("name")) {
    ASSIGN_OR_RETURN(out.name, JsonString(json, "name", "subject"));
  }
  return out;
}

}  // namespace

bool IsBundleMediaType(std::string_view type) {
  return type == "application/vnd.dev.sigstore.bundle.v0.3+json" ||
         type == "application/vnd.dev.sigstore.bundle+json;version=0.3" ||
         type == "application/vnd.dev.sigstore.bundle+json;version=0.2" ||
         type == "application/vnd.dev.sigstore.bundle+json;version=0.1";
}

absl::StatusOr<SigstoreSignature> ParseBundle(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json,
                   ParseJsonObject(text, kWhat, {.max_size = kMaxBundle, .max_depth = 16}));
  ASSIGN_OR_RETURN(const std::string type, JsonString(json, "mediaType", kWhat));
  if (!IsBundleMediaType(type)) return Bad("its mediaType is not known");
  ASSIGN_OR_RETURN(const Json* material, JsonObject(json, "verificationMaterial", kWhat));
  const Json* envelope = OptionalObject(json, "dsseEnvelope");
  if (envelope == nullptr) {
    return absl::UnimplementedError(StrCat(kWhat, ": has no DSSE envelope"));
  }
  SigstoreSignature out;
  RETURN_IF_ERROR(ParseMaterial(*material, &out));
  RETURN_IF_ERROR(ParseEnvelope(*envelope, &out));
  return out;
}

Bytes DssePreAuthEncoding(std::string_view payload_type, ByteView payload) {
  return ToBytes(StrCat("DSSEv1 ", payload_type.size(), " ", payload_type, " ", payload.size(), " ",
                        AsText(payload)));
}

absl::StatusOr<std::vector<SignedSubject>> ReadSignStatement(ByteView statement) {
  ASSIGN_OR_RETURN(const Json json, ParseJsonObject(AsText(statement), "statement",
                                                    {.max_size = kMaxBundle, .max_depth = 32}));
  ASSIGN_OR_RETURN(const std::string type, JsonString(json, "_type", "statement"));
  if (type != "https://in-toto.io/Statement/v1" && type != "https://in-toto.io/Statement/v0.1") {
    return Bad(StrCat("statement type '", Printable(type, 80), "' is not known"));
  }
  ASSIGN_OR_RETURN(const std::string predicate, JsonString(json, "predicateType", "statement"));
  if (predicate != kSignPredicate) {
    return absl::PermissionDeniedError(
        StrCat("it is an attestation of type '", Printable(predicate, 100), "', not a signature"));
  }
  ASSIGN_OR_RETURN(const Json* subjects, JsonArray(json, "subject", "statement"));
  if (subjects->empty() || subjects->size() > kMaxSubjects) {
    return Bad("its statement has no subject, or too many");
  }
  std::vector<SignedSubject> out;
  for (const Json& subject : *subjects) {
    ASSIGN_OR_RETURN(SignedSubject parsed, ParseSubject(subject));
    out.push_back(std::move(parsed));
  }
  return out;
}

}  // namespace nacre::image
