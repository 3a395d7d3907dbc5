#include "image-rs-cpp/registry/auth_challenge.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxHeader = 4096;
constexpr size_t kMaxToken = 16 << 10;
constexpr uint32_t kDefaultLife = 60;  // seconds, as the token specification says
constexpr uint64_t kLongestLife = 24 * 3600;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return out;
}

// Reads name=value or name="quoted value" from the front of `rest`.
bool TakeParameter(std::string_view* rest, std::string* name, std::string* value) {
  const size_t equals = rest->find('=');
  if (equals == std::string_view::npos) return false;
  *name = Lower(StripSpace(rest->substr(0, equals)));
  rest->remove_prefix(equals + 1);
  value->clear();
  if (!rest->starts_with('"')) {
    const size_t end = std::min(rest->find(','), rest->size());
    *value = StripSpace(rest->substr(0, end));
    rest->remove_prefix(end);
    return !name->empty();
  }
  size_t i = 1;
  for (; i < rest->size() && (*rest)[i] != '"'; ++i) {
    if ((*rest)[i] == '\\' && ++i == rest->size()) return false;
    *value += (*rest)[i];
  }
  if (i >= rest->size()) return false;
  rest->remove_prefix(i + 1);
  return !name->empty();
}

absl::Status BadHeader(std::string_view header) {
  return absl::InvalidArgumentError(
      StrCat("WWW-Authenticate does not parse: '", Printable(header), "'"));
}

// A token goes into a header: one word of visible characters.
bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

}  // namespace

absl::StatusOr<BearerChallenge> ParseBearerChallenge(std::string_view header) {
  if (header.size() > kMaxHeader) return BadHeader(header);
  const size_t space = header.find(' ');
  if (Lower(header.substr(0, space)) != "bearer" || space == std::string_view::npos) {
    return absl::UnauthenticatedError(StrCat("the registry asks for '",
                                             Printable(header.substr(0, space), 40),
                                             "' credentials, and there are none"));
  }
  BearerChallenge challenge;
  std::string_view rest = header.substr(space + 1);
  while (!(rest = StripSpace(rest)).empty()) {
    std::string name, value;
    if (!TakeParameter(&rest, &name, &value)) return BadHeader(header);
    if (name == "realm") challenge.realm = value;
    if (name == "service") challenge.service = value;
    if (name == "scope") challenge.scope = value;
    rest = StripSpace(rest);
    if (rest.empty()) break;
    if (rest.front() != ',') return BadHeader(header);
    rest.remove_prefix(1);
  }
  if (challenge.realm.empty()) return BadHeader(header);
  return challenge;
}

std::string ChooseChallenge(const net::HttpHeaders& headers) {
  std::string chosen;
  for (const auto& [name, value] : headers) {
    if (Lower(name) != "www-authenticate") continue;
    if (Lower(value).starts_with("bearer ")) return value;
    if (chosen.empty() || IsBasicChallenge(value)) chosen = value;
  }
  return chosen;
}

bool IsBasicChallenge(std::string_view header) {
  return Lower(header.substr(0, header.find(' '))) == "basic";
}

absl::Status RegistryRefusal(const net::HttpResponse& response, std::string_view who) {
  std::string message = StrCat("the ", who, " answers ", response.status,
                               response.body.empty() ? "" : ": ", Printable(response.body, 200));
  const std::string_view wait = response.Header("Retry-After");
  if (!wait.empty()) StrAppend(&message, " (asks to wait: ", Printable(wait, 40), ")");
  switch (response.status) {
    case 401:
      return absl::UnauthenticatedError(message);
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
      return absl::NotFoundError(message);
    default:
      if (response.status == 429 || response.status >= 500) return absl::UnavailableError(message);
      return absl::InternalError(message);
  }
}

absl::StatusOr<TokenAnswer> ParseTokenAnswer(std::string_view json) {
  constexpr std::string_view kWhat = "token server's answer";
  ASSIGN_OR_RETURN(Json answer, ParseJsonObject(json, kWhat, {.max_depth = 16}));
  TokenAnswer out;
  out.expires_in = kDefaultLife;
  if (auto life = answer.find("expires_in"); life != answer.end()) {
    if (!life->is_number_unsigned()) {
      return absl::InvalidArgumentError(StrCat(kWhat, ": 'expires_in' is not a number"));
    }
    out.expires_in = static_cast<uint32_t>(std::min(life->get<uint64_t>(), kLongestLife));
  }
  for (const char* member : {"token", "access_token"}) {
    auto found = answer.find(member);
    if (found == answer.end() || !found->is_string()) continue;
    out.token = found->get<std::string>();
    if (IsToken(out.token)) return out;
  }
  return absl::InvalidArgumentError(StrCat(kWhat, ": no usable token in it"));
}

}  // namespace nacre::image
