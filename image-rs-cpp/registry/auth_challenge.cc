#include "image-rs-cpp/registry/auth_challenge.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxHeader = 4096;
constexpr size_t kMaxToken = 16 << 10;

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

absl::StatusOr<std::string> ParseTokenAnswer(std::string_view json) {
  constexpr std::string_view kWhat = "token server's answer";
  ASSIGN_OR_RETURN(Json answer, ParseJson(json), kWhat);
  if (!answer.is_object()) return absl::InvalidArgumentError(StrCat(kWhat, ": not an object"));
  for (const char* member : {"token", "access_token"}) {
    auto found = answer.find(member);
    if (found == answer.end() || !found->is_string()) continue;
    std::string token = found->get<std::string>();
    if (IsToken(token)) return token;
  }
  return absl::InvalidArgumentError(StrCat(kWhat, ": no usable token in it"));
}

}  // namespace nacre::image
