// The guest's key is made for key agreement (ECDH-ES) and signs here too. For one EC key in both
// roles ECDSA and ECIES are proven not to weaken each other (Degabriele et al., CT-RSA 2012), and
// "typ" keeps these signatures apart from any other that the key might come to make.
#include "attestation/protocol/denials.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/strings.h"
#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kType = "nacre-denials";
constexpr std::string_view kWhere = "denials";
constexpr uint64_t kMaxId = (uint64_t{1} << 53) - 1;
// base64url makes 4 of 3; header and signature take less than what is left.
constexpr size_t kMaxPayload = (kMaxDenialsMessage - 1024) / 4 * 3;

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(kWhere, ": ", message));
}

absl::StatusOr<crypto::JwsAlgorithm> AlgorithmOf(const crypto::PublicKey& key) {
  const auto curve = key.curve();
  if (curve.ok() && *curve == crypto::Curve::kP256) return crypto::JwsAlgorithm::kEs256;
  if (curve.ok() && *curve == crypto::Curve::kP384) return crypto::JwsAlgorithm::kEs384;
  return Refuse("they are signed with the guest's EC key, P-256 or P-384, which this one has not");
}

bool IsRequestName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDenialRequest && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
}

absl::Status Check(const GuestDenial& denial, uint64_t after) {
  if (denial.id <= after || denial.id > kMaxId) return Refuse("an id is out of order or range");
  if (!IsRequestName(denial.request)) return Refuse("a request's name is none");
  if (denial.explanation.size() > kMaxDenialExplanation)
    return Refuse("an explanation is too long");
  return absl::OkStatus();
}

std::string Readable(std::string_view text) {
  if (DumpJson(Json(text)).ok()) return std::string(text);
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return out;
}

}  // namespace

absl::StatusOr<std::string> SignDenials(std::span<const GuestDenial> denials,
                                        const crypto::PrivateKey& key, size_t* taken) {
  ASSIGN_OR_RETURN(const crypto::JwsAlgorithm algorithm, AlgorithmOf(key.public_key()));
  std::string entries;
  size_t count = 0;
  uint64_t last = 0;
  for (const GuestDenial& denial : denials.first(std::min(denials.size(), kMaxDenials))) {
    const absl::Status fits = Check(denial, last);
    if (!fits.ok() && count == 0) return fits;
    if (!fits.ok()) break;
    ASSIGN_OR_RETURN(const std::string entry,
                     DumpJson({{"id", denial.id},
                               {"request", denial.request},
                               {"explanation", Readable(denial.explanation)}}));
    if (entries.size() + entry.size() + 16 > kMaxPayload) break;
    StrAppend(&entries, count == 0 ? "" : ",", entry);
    last = denial.id;
    ++count;
  }
  if (count == 0) return Refuse("there are none");
  *taken = count;
  const std::string payload = StrCat("{\"denials\":[", entries, "]}");
  return crypto::JwsSign(key, algorithm, {{"typ", kType}}, AsBytes(payload));
}

absl::StatusOr<std::vector<GuestDenial>> ReadDenials(std::string_view message,
                                                     const crypto::PublicKey& key) {
  ASSIGN_OR_RETURN(const crypto::JwsAlgorithm algorithm, AlgorithmOf(key));
  if (message.size() > kMaxDenialsMessage) return Refuse("the message is too long");
  ASSIGN_OR_RETURN(const crypto::Jws jws, crypto::JwsVerify(message, key, algorithm), kWhere);
  RETURN_IF_ERROR(JsonOnlyMembers(jws.header, {"alg", "typ"}, StrCat(kWhere, ": header")));
  ASSIGN_OR_RETURN(const std::string type, JsonString(jws.header, "typ", kWhere));
  if (type != kType) return Refuse(StrCat("header: typ is not ", kType));
  ASSIGN_OR_RETURN(const Json payload,
                   ParseJson(AsText(jws.payload), {.max_size = kMaxDenialsMessage, .max_depth = 4}),
                   kWhere);
  RETURN_IF_ERROR(JsonOnlyMembers(payload, {"denials"}, kWhere));
  ASSIGN_OR_RETURN(const Json* list, JsonArray(payload, "denials", kWhere));
  if (list->empty() || list->size() > kMaxDenials) {
    return Refuse(StrCat("want 1 to ", kMaxDenials, " of them"));
  }
  std::vector<GuestDenial> out;
  uint64_t last = 0;
  for (const Json& entry : *list) {
    RETURN_IF_ERROR(JsonOnlyMembers(entry, {"id", "request", "explanation"}, kWhere));
    GuestDenial denial;
    ASSIGN_OR_RETURN(denial.id, JsonUint(entry, "id", kWhere));
    ASSIGN_OR_RETURN(denial.request, JsonString(entry, "request", kWhere));
    ASSIGN_OR_RETURN(denial.explanation, JsonString(entry, "explanation", kWhere));
    RETURN_IF_ERROR(Check(denial, last));
    last = denial.id;
    out.push_back(std::move(denial));
  }
  return out;
}

}  // namespace nacre::attestation
