#include "image-rs-cpp/signature/policy.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/signature/requirement.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxPolicy = 256 << 10;
constexpr size_t kMaxScopes = 1024;
constexpr size_t kMaxRequirements = 16;

absl::StatusOr<Requirements> ParseList(const Json& list, const std::string& where,
                                       const Documents& documents) {
  if (!list.is_array()) return absl::InvalidArgumentError(StrCat(where, ": not an array"));
  if (list.size() > kMaxRequirements) {
    return absl::ResourceExhaustedError(
        StrCat(where, ": ", list.size(), " requirements, allowed are ", kMaxRequirements));
  }
  Requirements out;
  for (const Json& item : list) {
    const std::string place = StrCat(where, " requirement ", out.size());
    ASSIGN_OR_RETURN(Requirement requirement, ParseRequirement(item, place, documents));
    out.push_back(std::move(requirement));
  }
  return out;
}

// A name as it can stand in a canonical reference, or "*." and a domain.
bool IsDockerScope(std::string_view scope) {
  if (scope.empty()) return true;
  if (scope.starts_with("*.")) {
    scope.remove_prefix(2);
    return !scope.empty() && std::all_of(scope.begin(), scope.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-';
    });
  }
  const size_t slash = scope.find('/');
  const std::string_view host = scope.substr(0, slash);
  // A registry, spelled out: a short name would never be equal to a canonical reference.
  if (host != "localhost" && host.find_first_of(".:") == host.npos) return false;
  return ParseImageReference(slash == scope.npos ? StrCat(scope, "/x") : std::string(scope)).ok();
}

absl::Status ParseDocker(const Json& scopes, const Documents& documents, ImagePolicy* out) {
  for (const auto& [scope, list] : scopes.items()) {
    const std::string where = StrCat("transports.docker '", Printable(scope, 300), "'");
    if (!IsDockerScope(scope)) {
      return absl::InvalidArgumentError(
          StrCat(where, ": not a registry, namespace, repository or image reference in full"));
    }
    ASSIGN_OR_RETURN(Requirements requirements, ParseList(list, where, documents));
    out->docker.emplace(scope, std::move(requirements));
  }
  return absl::OkStatus();
}

absl::Status ParseTransports(const Json& transports, const Documents& documents, ImagePolicy* out) {
  if (!transports.is_object()) return absl::InvalidArgumentError("transports: not an object");
  for (const auto& [name, scopes] : transports.items()) {
    const std::string where = StrCat("transports.", Printable(name, 40));
    if (!scopes.is_object()) return absl::InvalidArgumentError(StrCat(where, ": not an object"));
    if (scopes.size() > kMaxScopes) {
      return absl::ResourceExhaustedError(
          StrCat(where, ": ", scopes.size(), " scopes, allowed are ", kMaxScopes));
    }
    if (name == "docker") {
      RETURN_IF_ERROR(ParseDocker(scopes, documents, out));
      continue;
    }
    // Images come from registries only; the rest of an owner's document must still be sound.
    for (const auto& [scope, list] : scopes.items()) {
      RETURN_IF_ERROR(
          ParseList(list, StrCat(where, " '", Printable(scope, 300), "'"), documents).status());
    }
  }
  return absl::OkStatus();
}

// From the longest name to the shortest.
std::vector<std::string> Scopes(const ImageReference& reference) {
  const std::string repository = StrCat(reference.registry, "/", reference.repository);
  std::vector<std::string> out = {reference.ToString()};
  if (!reference.digest.empty() && !reference.tag.empty()) {
    out.push_back(StrCat(repository, "@", reference.digest));
    out.push_back(StrCat(repository, ":", reference.tag));
  }
  for (std::string name = repository;;) {
    out.push_back(name);
    const size_t slash = name.rfind('/');
    if (slash == name.npos) break;
    name.resize(slash);
  }
  // Wildcards know no port.
  std::string_view host = reference.registry;
  if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
  for (size_t dot = host.find('.'); dot != host.npos; dot = host.find('.', dot + 1)) {
    out.push_back(StrCat("*", host.substr(dot)));
  }
  out.push_back("");
  return out;
}

absl::StatusOr<ImagePolicy> Parse(std::string_view text, const Documents& documents) {
  ASSIGN_OR_RETURN(const Json document, ParseJson(text, {.max_size = kMaxPolicy, .max_depth = 16}));
  if (!document.is_object()) return absl::InvalidArgumentError("not an object");
  RETURN_IF_ERROR(JsonOnlyMembers(document, {"default", "transports"}, "document"));
  ASSIGN_OR_RETURN(const Json* fallback, JsonMember(document, "default", "document"));
  ImagePolicy out;
  ASSIGN_OR_RETURN(out.fallback, ParseList(*fallback, "default", documents));
  if (const auto transports = document.find("transports"); transports != document.end()) {
    RETURN_IF_ERROR(ParseTransports(*transports, documents, &out));
  }
  return out;
}

}  // namespace

absl::StatusOr<ImagePolicy> ParseImagePolicy(std::string_view text, const Documents& documents) {
  absl::StatusOr<ImagePolicy> policy = Parse(text, documents);
  if (!policy.ok()) return Annotate(policy.status(), "image policy");
  return policy;
}

ImagePolicy::Found ImagePolicy::Find(const ImageReference& reference) const {
  for (const std::string& scope : Scopes(reference)) {
    const auto found = docker.find(scope);
    if (found != docker.end()) return {scope, &found->second};
  }
  return {"default", &fallback};
}

}  // namespace nacre::image
