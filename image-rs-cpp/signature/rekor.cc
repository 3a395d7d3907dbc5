#include "image-rs-cpp/signature/rekor.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/signature/checkpoint.h"
#include "image-rs-cpp/signature/merkle.h"

namespace nacre::image {
namespace {

using crypto::HashAlgorithm;

absl::Status Bad(std::string_view why) {
  return absl::UnauthenticatedError(StrCat("log entry: ", why));
}

// The promise is over the canonical JSON of what it promises.
absl::Status CheckPromise(const LogEntry& entry, const crypto::PublicKey& key) {
  const Json promised = {{"body", Base64Encode(entry.body)},
                         {"integratedTime", entry.integrated_time},
                         {"logID", HexEncode(entry.log_id)},
                         {"logIndex", entry.log_index}};
  ASSIGN_OR_RETURN(const std::string text, CanonicalJson(promised), "log entry");
  return Annotate(key.VerifyEcdsaDer(HashAlgorithm::kSha256, AsBytes(text), entry.promise),
                  "log entry: signed entry timestamp");
}

absl::Status CheckProof(const LogEntry& entry, const crypto::PublicKey& key) {
  const InclusionProof& proof = *entry.proof;
  ASSIGN_OR_RETURN(const Checkpoint head, VerifyCheckpoint(proof.checkpoint, key), "log entry");
  if (head.tree_size != proof.tree_size || head.root != proof.root) {
    return Bad("the inclusion proof is for another tree than the checkpoint");
  }
  ASSIGN_OR_RETURN(const Bytes root,
                   RootFromInclusionProof(proof.index, proof.tree_size, MerkleLeafHash(entry.body),
                                          proof.hashes),
                   "log entry");
  return root == head.root ? absl::OkStatus() : Bad("the inclusion proof leads to another root");
}

absl::StatusOr<const crypto::PublicKey*> FindLogKey(
    const LogEntry& entry, const std::vector<crypto::PublicKey>& log_keys) {
  for (const crypto::PublicKey& key : log_keys) {
    ASSIGN_OR_RETURN(const Bytes spki, key.ToSpkiDer());
    if (crypto::Digest(HashAlgorithm::kSha256, spki) == entry.log_id) return &key;
  }
  return Bad(StrCat("is of log ", HexEncode(entry.log_id).substr(0, 64), ", which is not trusted"));
}

// PEM in base64: of a certificate, which must then be the signature's own, or of a key.
absl::Status CheckVerifier(const std::string& base64, const SigstoreSignature& signature,
                           const crypto::PublicKey& key) {
  ASSIGN_OR_RETURN(const Bytes pem, Base64Decode(base64), "log entry: key");
  if (AsText(pem).find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    ASSIGN_OR_RETURN(const auto certificate, crypto::Certificate::FromPem(AsText(pem)),
                     "log entry");
    if (!signature.certificates.empty() && signature.certificates[0] == certificate) {
      return absl::OkStatus();
    }
    return Bad("is about another certificate");
  }
  ASSIGN_OR_RETURN(const auto logged, crypto::PublicKey::FromPem(AsText(pem)), "log entry");
  return logged == key ? absl::OkStatus() : Bad("is about another key");
}

absl::Status CheckHash(const Json& hash, ByteView content) {
  ASSIGN_OR_RETURN(const std::string algorithm, JsonString(hash, "algorithm", "log entry"));
  ASSIGN_OR_RETURN(const std::string value, JsonString(hash, "value", "log entry"));
  const auto kind = algorithm == "sha256"   ? HashAlgorithm::kSha256
                    : algorithm == "sha384" ? HashAlgorithm::kSha384
                                            : HashAlgorithm::kSha512;
  if (algorithm != crypto::HashName(kind)) {
    return Bad(StrCat("hash '", Printable(algorithm, 40), "' is not known"));
  }
  if (value == HexEncode(crypto::Digest(kind, content))) return absl::OkStatus();
  return Bad("is about another payload");
}

absl::Status CheckHashedRekord(const Json& spec, const SigstoreSignature& signature,
                               const crypto::PublicKey& key) {
  constexpr std::string_view kWhat = "log entry";
  ASSIGN_OR_RETURN(const Json* data, JsonObject(spec, "data", kWhat));
  ASSIGN_OR_RETURN(const Json* hash, JsonObject(*data, "hash", kWhat));
  RETURN_IF_ERROR(CheckHash(*hash, signature.signed_bytes));
  ASSIGN_OR_RETURN(const Json* logged, JsonObject(spec, "signature", kWhat));
  ASSIGN_OR_RETURN(const std::string content, JsonString(*logged, "content", kWhat));
  if (content != Base64Encode(signature.signature)) return Bad("is about another signature");
  ASSIGN_OR_RETURN(const Json* public_key, JsonObject(*logged, "publicKey", kWhat));
  ASSIGN_OR_RETURN(const std::string pem, JsonString(*public_key, "content", kWhat));
  return CheckVerifier(pem, signature, key);
}

absl::Status CheckDsse(const Json& spec, const SigstoreSignature& signature,
                       const crypto::PublicKey& key) {
  constexpr std::string_view kWhat = "log entry";
  ASSIGN_OR_RETURN(const Json* hash, JsonObject(spec, "payloadHash", kWhat));
  RETURN_IF_ERROR(CheckHash(*hash, signature.payload));
  ASSIGN_OR_RETURN(const Json* signatures, JsonArray(spec, "signatures", kWhat));
  if (signatures->size() != 1) return Bad("has not exactly one signature");
  const Json& logged = signatures->front();
  if (!logged.is_object()) return Bad("its signature is not an object");
  ASSIGN_OR_RETURN(const std::string content, JsonString(logged, "signature", kWhat));
  if (content != Base64Encode(signature.signature)) return Bad("is about another signature");
  ASSIGN_OR_RETURN(const std::string pem, JsonString(logged, "verifier", kWhat));
  return CheckVerifier(pem, signature, key);
}

}  // namespace

absl::Status VerifyLogEntry(const LogEntry& entry, const std::vector<crypto::PublicKey>& log_keys) {
  ASSIGN_OR_RETURN(const crypto::PublicKey* key, FindLogKey(entry, log_keys));
  if (entry.promise.empty() && !entry.proof) return Bad("has no proof");
  if (!entry.promise.empty()) RETURN_IF_ERROR(CheckPromise(entry, *key));
  if (entry.proof) RETURN_IF_ERROR(CheckProof(entry, *key));
  return absl::OkStatus();
}

absl::Status CheckLogEntryIsAbout(const LogEntry& entry, const SigstoreSignature& signature,
                                  const crypto::PublicKey& key) {
  constexpr std::string_view kWhat = "log entry";
  ASSIGN_OR_RETURN(const Json body, ParseJsonObject(AsText(entry.body), kWhat,
                                                    {.max_size = 256 << 10, .max_depth = 12}));
  ASSIGN_OR_RETURN(const std::string kind, JsonString(body, "kind", kWhat));
  ASSIGN_OR_RETURN(const std::string version, JsonString(body, "apiVersion", kWhat));
  ASSIGN_OR_RETURN(const Json* spec, JsonObject(body, "spec", kWhat));
  const bool statement = signature.form == SigstoreSignature::Form::kStatement;
  if (version == "0.0.1" && kind == "hashedrekord") {
    return CheckHashedRekord(*spec, signature, key);
  }
  if (version == "0.0.1" && kind == "dsse" && statement) return CheckDsse(*spec, signature, key);
  return absl::UnimplementedError(StrCat("log entry: kind '", Printable(kind, 40), "' version '",
                                         Printable(version, 20), "' is not supported"));
}

}  // namespace nacre::image
