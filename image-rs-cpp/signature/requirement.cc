// Key material stands in a member itself ("...Data": base64 of a PEM file, or the PEM text as it
// is) or is named ("...Path": a broker's resource or a file). Members in the plural hold several.
#include "image-rs-cpp/signature/requirement.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/signature/keyring.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxKeys = 16;

absl::Status Bad(std::string_view where, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(where, ": ", why));
}

// One text, or an array of them, or nothing.
absl::StatusOr<std::vector<std::string>> Texts(const Json& object, const std::string& key,
                                               std::string_view where) {
  std::vector<std::string> out;
  const auto found = object.find(key);
  if (found == object.end()) return out;
  const bool many = key.ends_with("s");
  if (many != found->is_array()) {
    return Bad(where, StrCat("'", key, "' must be ", many ? "an array" : "a string"));
  }
  if (!many) {
    ASSIGN_OR_RETURN(std::string text, JsonString(object, key, where));
    return std::vector<std::string>{std::move(text)};
  }
  if (found->empty()) return Bad(where, StrCat("'", key, "' is empty"));
  if (found->size() > kMaxKeys) {
    return absl::ResourceExhaustedError(
        StrCat(where, ": '", key, "' has ", found->size(), " entries, allowed are ", kMaxKeys));
  }
  for (const Json& item : *found) {
    if (!item.is_string()) return Bad(where, StrCat("'", key, "' holds something but strings"));
    out.push_back(item.get<std::string>());
  }
  return out;
}

absl::StatusOr<Bytes> Inline(const std::string& text, std::string_view where) {
  if (StripSpace(text).starts_with("-----BEGIN ")) return ToBytes(text);
  absl::StatusOr<Bytes> bytes = Base64Decode(text);
  if (!bytes.ok()) return Bad(where, "is neither PEM text nor base64");
  return bytes;
}

// The contents of "<stem>Path(s)" and "<stem>Data(s)"; at most one of the four may be there.
absl::StatusOr<std::vector<Bytes>> Material(const Json& json, const std::string& stem,
                                            const std::string& where, const Documents& documents) {
  std::vector<Bytes> out;
  std::string seen;
  for (const char* form : {"Path", "Paths", "Data", "Datas"}) {
    const std::string key = StrCat(stem, form);
    ASSIGN_OR_RETURN(std::vector<std::string> texts, Texts(json, key, where));
    if (texts.empty()) continue;
    if (!seen.empty()) return Bad(where, StrCat("'", seen, "' and '", key, "' exclude each other"));
    seen = key;
    for (const std::string& text : texts) {
      if (key.find("Data") != key.npos) {
        ASSIGN_OR_RETURN(Bytes bytes, Inline(text, StrCat(where, ": '", key, "'")));
        out.push_back(std::move(bytes));
      } else {
        ASSIGN_OR_RETURN(SecretBytes bytes, documents.Load(text), where);
        out.push_back(ToBytes(bytes.view()));
      }
    }
  }
  return out;
}

absl::StatusOr<std::vector<crypto::PublicKey>> Keys(const Json& json, const std::string& stem,
                                                    const std::string& where,
                                                    const Documents& documents) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> texts, Material(json, stem, where, documents));
  std::vector<crypto::PublicKey> out;
  for (const Bytes& text : texts) {
    ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKey::FromPem(AsText(text)),
                     StrCat(where, ": ", stem, " ", out.size()));
    out.push_back(std::move(key));
  }
  return out;
}

absl::Status ParseAuthorities(const Json& json, const std::string& where,
                              const Documents& documents, FulcioRequirement* out) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> files, Material(json, "ca", where, documents));
  if (files.empty()) return Bad(where, "neither 'caPath' nor 'caData'");
  for (const Bytes& file : files) {
    ASSIGN_OR_RETURN(auto certificates, crypto::Certificate::AllFromPem(AsText(file)),
                     StrCat(where, ": ca"));
    for (crypto::Certificate& certificate : certificates) {
      if (!certificate.is_ca()) {
        return Bad(where, StrCat("ca: ", certificate.subject_text(), " is no authority"));
      }
      const bool root = certificate.subject_text() == certificate.issuer_text();
      (root ? out->roots : out->intermediates).push_back(std::move(certificate));
    }
  }
  if (out->roots.empty()) return Bad(where, "ca: no root certificate");
  return absl::OkStatus();
}

absl::StatusOr<FulcioRequirement> ParseFulcio(const Json& json, const std::string& where,
                                              const Documents& documents) {
  if (!json.is_object()) return Bad(where, "not an object");
  RETURN_IF_ERROR(JsonOnlyMembers(
      json, {"caPath", "caData", "oidcIssuer", "subjectEmail", "subjectURI"}, where));
  FulcioRequirement out;
  RETURN_IF_ERROR(ParseAuthorities(json, where, documents, &out));
  ASSIGN_OR_RETURN(out.oidc_issuer, JsonString(json, "oidcIssuer", where));
  if (out.oidc_issuer.empty()) return Bad(where, "'oidcIssuer' is empty");
  if (json.contains("subjectEmail") == json.contains("subjectURI")) {
    return Bad(where, "want one of 'subjectEmail' and 'subjectURI'");
  }
  const bool email = json.contains("subjectEmail");
  ASSIGN_OR_RETURN(std::string subject,
                   JsonString(json, email ? "subjectEmail" : "subjectURI", where));
  if (subject.empty()) return Bad(where, "the subject is empty");
  (email ? out.subject_email : out.subject_uri) = std::move(subject);
  return out;
}

absl::StatusOr<Requirement> ParseSigstore(const Json& json, const std::string& where,
                                          const Documents& documents) {
  if (json.contains("pki")) return absl::UnimplementedError(StrCat(where, ": 'pki' is not known"));
  RETURN_IF_ERROR(JsonOnlyMembers(
      json,
      {"type", "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "rekorPublicKeyPath",
       "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas", "signedIdentity"},
      where));
  SigstoreSigned out;
  ASSIGN_OR_RETURN(out.keys, Keys(json, "key", where, documents));
  ASSIGN_OR_RETURN(out.rekor_keys, Keys(json, "rekorPublicKey", where, documents));
  if (const auto fulcio = json.find("fulcio"); fulcio != json.end()) {
    ASSIGN_OR_RETURN(out.fulcio, ParseFulcio(*fulcio, StrCat(where, ": fulcio"), documents));
    // Its certificates live for minutes: only a log can say when one was used.
    if (out.rekor_keys.empty()) return Bad(where, "'fulcio' needs a 'rekorPublicKey...'");
  }
  if (out.keys.empty() == !out.fulcio.has_value()) {
    return Bad(where, "want one of 'keyPath', 'keyPaths', 'keyData', 'keyDatas' and 'fulcio'");
  }
  if (const auto identity = json.find("signedIdentity"); identity != json.end()) {
    ASSIGN_OR_RETURN(out.identity,
                     ParseSignedIdentity(*identity, StrCat(where, ": signedIdentity")));
  }
  return out;
}

absl::StatusOr<Requirement> ParseSignedBy(const Json& json, const std::string& where,
                                          const Documents& documents) {
  RETURN_IF_ERROR(JsonOnlyMembers(
      json, {"type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"}, where));
  ASSIGN_OR_RETURN(const std::string key_type, JsonString(json, "keyType", where));
  if (key_type != "GPGKeys") {
    return Bad(where, StrCat("keyType '", Printable(key_type, 40), "' is not 'GPGKeys'"));
  }
  ASSIGN_OR_RETURN(const std::vector<Bytes> files, Material(json, "key", where, documents));
  if (files.empty()) return Bad(where, "want one of 'keyPath', 'keyPaths' and 'keyData'");
  SignedBy out;
  for (const Bytes& file : files) {
    ASSIGN_OR_RETURN(const Bytes keyring, ReadKeyring(file), where);
    out.keyring.insert(out.keyring.end(), keyring.begin(), keyring.end());
  }
  if (const auto identity = json.find("signedIdentity"); identity != json.end()) {
    ASSIGN_OR_RETURN(out.identity,
                     ParseSignedIdentity(*identity, StrCat(where, ": signedIdentity")));
  }
  return out;
}

}  // namespace

absl::StatusOr<Requirement> ParseRequirement(const Json& json, const std::string& where,
                                             const Documents& documents) {
  if (!json.is_object()) return Bad(where, "not an object");
  ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", where));
  if (type == "sigstoreSigned") return ParseSigstore(json, where, documents);
  if (type == "signedBy") return ParseSignedBy(json, where, documents);
  if (type != "insecureAcceptAnything" && type != "reject") {
    return Bad(where, StrCat("type '", Printable(type, 60), "' is not known"));
  }
  RETURN_IF_ERROR(JsonOnlyMembers(json, {"type"}, where));
  if (type == "reject") return Reject();
  return InsecureAcceptAnything();
}

}  // namespace nacre::image
