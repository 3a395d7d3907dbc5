#include "image-rs-cpp/registry/credentials.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "registry credentials";
constexpr size_t kMaxEntries = 1024;

absl::Status Bad(std::string_view name, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(kWhat, ": '", Printable(name), "': ", why));
}

// "https://index.docker.io/v1/" is how Docker has always called docker.io.
absl::StatusOr<std::string> NameOf(std::string_view text) {
  std::string_view name = text;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (name.starts_with(scheme)) name.remove_prefix(scheme.size());
  }
  while (name.ends_with('/')) name.remove_suffix(1);
  for (std::string_view version : {"/v1", "/v2"}) {
    if (text.find("://") != text.npos && name.ends_with(version)) {
      name.remove_suffix(version.size());
    }
  }
  const size_t slash = name.find('/');
  const std::string_view host = name.substr(0, slash);
  const std::string_view path = slash == name.npos ? "" : name.substr(slash);
  std::string out = host == "index.docker.io" || host == "registry-1.docker.io"
                        ? StrCat("docker.io", path)
                        : std::string(name);
  const bool registry = host == "localhost" || host.find_first_of(".:") != host.npos;
  if (!registry || !ParseImageReference(StrCat(out, "/x")).ok()) {
    return Bad(text, "not a registry or a repository of one");
  }
  return out;
}

absl::Status CheckAuth(std::string_view name, const std::string& auth) {
  absl::StatusOr<Bytes> decoded = Base64Decode(auth);
  if (!decoded.ok()) return Bad(name, "'auth' is not base64");
  const std::string_view text = AsText(*decoded);
  const size_t colon = text.find(':');
  const bool good = colon != text.npos && colon > 0 &&
                    text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
  std::fill(decoded->begin(), decoded->end(), 0);
  return good ? absl::OkStatus() : Bad(name, "'auth' is not that of 'user:password'");
}

absl::StatusOr<std::string> ParseEntry(const std::string& name, const Json& entry) {
  if (!entry.is_object()) return Bad(name, "not an object");
  RETURN_IF_ERROR(JsonOnlyMembers(entry, {"auth"}, StrCat(kWhat, ": '", Printable(name), "'")));
  ASSIGN_OR_RETURN(std::string auth, JsonString(entry, "auth", kWhat));
  RETURN_IF_ERROR(CheckAuth(name, auth));
  return auth;
}

}  // namespace

absl::StatusOr<Credentials> Credentials::Parse(const SecretBytes& json) {
  ASSIGN_OR_RETURN(const Json document, ParseJsonObject(AsText(json.view()), kWhat,
                                                        {.max_size = 1 << 20, .max_depth = 6}));
  RETURN_IF_ERROR(JsonOnlyMembers(document, {"auths"}, kWhat));
  ASSIGN_OR_RETURN(const Json* auths, JsonObject(document, "auths", kWhat));
  if (auths->size() > kMaxEntries) {
    return absl::ResourceExhaustedError(
        StrCat(kWhat, ": ", auths->size(), " entries, allowed are ", kMaxEntries));
  }
  Credentials out;
  for (const auto& [text, entry] : auths->items()) {
    ASSIGN_OR_RETURN(std::string name, NameOf(text));
    ASSIGN_OR_RETURN(std::string auth, ParseEntry(text, entry));
    if (!out.auths_.emplace(std::move(name), std::move(auth)).second) {
      return Bad(text, "is there twice under different spellings");
    }
  }
  return out;
}

std::optional<std::string> Credentials::Find(std::string_view registry,
                                             std::string_view repository) const {
  for (std::string name = StrCat(registry, "/", repository);;) {
    if (const auto found = auths_.find(name); found != auths_.end()) return found->second;
    const size_t slash = name.rfind('/');
    if (slash == name.npos) return std::nullopt;
    name.resize(slash);
  }
}

}  // namespace nacre::image
