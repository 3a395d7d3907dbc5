// The protected header is additional authenticated data as the base64url text it came in, so a
// parsed header is never written again when a JWE is opened.
#include "crypto/jwe_parts.h"

#include <optional>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/jwe_content.h"
#include "crypto/random.h"

namespace nacre::crypto {
namespace {

std::string Names(std::span<const JweEncryption> encryptions) {
  std::vector<std::string_view> names;
  for (JweEncryption encryption : encryptions) names.push_back(JweEncryptionName(encryption));
  return StrJoin(names, ", ");
}

absl::StatusOr<Bytes> Binary(const Json& object, std::string_view key) {
  RETURN_IF_ERROR(JsonMember(object, key, "JWE").status());
  return JweBinary(object, key);
}

// RFC 7516 section 4: no name may occur in two of the headers.
absl::Status Merge(const Json& from, Json& into) {
  if (!from.is_object()) return absl::InvalidArgumentError("JWE: a header is not an object");
  for (const auto& item : from.items()) {
    if (into.contains(item.key())) {
      return absl::InvalidArgumentError(StrCat("JWE: header member '", item.key(), "' twice"));
    }
    into[item.key()] = item.value();
  }
  return absl::OkStatus();
}

absl::StatusOr<JweRecipient> ReadRecipient(const Json& object, const Json& shared_header) {
  JweRecipient recipient;
  recipient.header = shared_header;
  if (object.contains("header")) RETURN_IF_ERROR(Merge(object["header"], recipient.header));
  for (const char* member : {"crit", "zip"}) {
    if (recipient.header.contains(member)) {
      return absl::InvalidArgumentError(StrCat("JWE: header member '", member, "' is refused"));
    }
  }
  ASSIGN_OR_RETURN(recipient.encrypted_key, JweBinary(object, "encrypted_key"));
  return recipient;
}

absl::StatusOr<std::vector<JweRecipient>> ReadRecipients(const Json& jwe,
                                                         const Json& shared_header) {
  std::vector<JweRecipient> out;
  if (!jwe.contains("recipients")) {
    ASSIGN_OR_RETURN(JweRecipient recipient, ReadRecipient(jwe, shared_header));
    out.push_back(std::move(recipient));
    return out;
  }
  if (jwe.contains("header")) return absl::InvalidArgumentError("JWE: both flattened and general");
  ASSIGN_OR_RETURN(const Json* recipients, JsonArray(jwe, "recipients", "JWE"));
  if (recipients->empty() || recipients->size() > kMaxJweRecipients) {
    return absl::InvalidArgumentError(
        StrCat("JWE: ", recipients->size(), " recipients, must be 1 to ", kMaxJweRecipients));
  }
  for (const Json& object : *recipients) {
    if (!object.is_object()) return absl::InvalidArgumentError("JWE: recipient is not an object");
    ASSIGN_OR_RETURN(JweRecipient recipient, ReadRecipient(object, shared_header));
    out.push_back(std::move(recipient));
  }
  // The tools' library writes the first recipient's key once more outside; that changes nothing.
  ASSIGN_OR_RETURN(Bytes again, JweBinary(jwe, "encrypted_key"));
  if (jwe.contains("encrypted_key") && again != out[0].encrypted_key) {
    return absl::InvalidArgumentError("JWE: both flattened and general");
  }
  return out;
}

absl::StatusOr<Json> SharedHeader(const Json& jwe, std::string* protected_text) {
  Json shared = Json::object();
  if (jwe.contains("protected")) {
    ASSIGN_OR_RETURN(*protected_text, JsonString(jwe, "protected", "JWE"));
    ASSIGN_OR_RETURN(Bytes decoded, Base64UrlDecode(*protected_text), "JWE: protected header");
    ASSIGN_OR_RETURN(Json header, ParseJson(AsText(decoded)), "JWE: protected header");
    RETURN_IF_ERROR(Merge(header, shared));
  }
  if (jwe.contains("unprotected")) RETURN_IF_ERROR(Merge(jwe["unprotected"], shared));
  return shared;
}

// RFC 7516 section 7.2.1: one content, so one "enc" for all.
absl::StatusOr<JweEncryption> ReadEncryption(const std::vector<JweRecipient>& recipients,
                                             std::span<const JweEncryption> accepted) {
  std::optional<std::string> common;
  for (const JweRecipient& recipient : recipients) {
    ASSIGN_OR_RETURN(std::string name, JsonString(recipient.header, "enc", "JWE: header"));
    if (common.has_value() && *common != name) {
      return absl::InvalidArgumentError("JWE: recipients name different enc");
    }
    common = std::move(name);
  }
  for (JweEncryption encryption : accepted) {
    if (common == JweEncryptionName(encryption)) return encryption;
  }
  return absl::InvalidArgumentError(StrCat("JWE: enc must be ", Names(accepted)));
}

}  // namespace

absl::Status JweNotOpened(bool tried) {
  if (!tried) return absl::InvalidArgumentError("JWE: no recipient with an allowed algorithm");
  return absl::UnauthenticatedError("JWE: not for this key, or changed");
}

absl::StatusOr<Bytes> JweBinary(const Json& object, std::string_view key) {
  if (!object.contains(key)) return Bytes();
  ASSIGN_OR_RETURN(std::string text, JsonString(object, key, "JWE"));
  ASSIGN_OR_RETURN(Bytes value, Base64UrlDecode(text), StrCat("JWE: member '", key, "'"));
  return value;
}

absl::StatusOr<JweParts> ParseJwe(std::string_view text, std::span<const JweEncryption> accepted) {
  ASSIGN_OR_RETURN(Json jwe, ParseJson(text, {.max_size = kMaxJweSize}), "JWE");
  if (!jwe.is_object()) return absl::InvalidArgumentError("JWE: not an object");
  JweParts parsed;
  ASSIGN_OR_RETURN(Json shared, SharedHeader(jwe, &parsed.aad));
  ASSIGN_OR_RETURN(parsed.recipients, ReadRecipients(jwe, shared));
  ASSIGN_OR_RETURN(parsed.encryption, ReadEncryption(parsed.recipients, accepted));
  ASSIGN_OR_RETURN(parsed.iv, Binary(jwe, "iv"));
  ASSIGN_OR_RETURN(parsed.ciphertext, Binary(jwe, "ciphertext"));
  ASSIGN_OR_RETURN(parsed.tag, Binary(jwe, "tag"));
  RETURN_IF_ERROR(CheckJweContent(parsed.encryption, parsed.iv, parsed.tag));
  if (jwe.contains("aad")) {
    ASSIGN_OR_RETURN(std::string aad, JsonString(jwe, "aad", "JWE"));
    StrAppend(&parsed.aad, ".", aad);
  }
  return parsed;
}

absl::StatusOr<std::string> WriteJwe(std::string_view algorithm, const SealedJweKey& sealed,
                                     ByteView plaintext) {
  std::string header = StrCat(R"({"alg":")", algorithm, R"(","enc":")",
                              JweEncryptionName(kWrittenJweEncryption), "\"");
  if (!sealed.header_member.empty()) StrAppend(&header, ",", sealed.header_member);
  header += "}";
  std::string protected_text = Base64UrlEncode(AsBytes(header));
  Bytes iv = RandomBytes(kGcmIvSize);
  ASSIGN_OR_RETURN(
      Bytes out, Aes256GcmSeal(sealed.content_key.view(), iv, AsBytes(protected_text), plaintext));
  ByteView tag = ByteView(out).last(kGcmTagSize);
  // Sorted by name, and nothing in it needs an escape.
  std::string jwe = StrCat(R"({"ciphertext":")",
                           Base64UrlEncode(ByteView(out).first(out.size() - kGcmTagSize)), "\"");
  // An empty encrypted key is left out (RFC 7516 section 7.2.1).
  if (!sealed.encrypted_key.empty()) {
    StrAppend(&jwe, R"(,"encrypted_key":")", Base64UrlEncode(sealed.encrypted_key), "\"");
  }
  StrAppend(&jwe, R"(,"iv":")", Base64UrlEncode(iv), R"(","protected":")", protected_text,
            R"(","tag":")", Base64UrlEncode(tag), "\"}");
  return jwe;
}

}  // namespace nacre::crypto
