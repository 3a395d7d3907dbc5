#include "image-rs-cpp/signature/lookaside.h"

#include "base/strings.h"
#include "base/toml.h"
#include "image-rs-cpp/printable.h"
#include "net/url.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "sigstore config";
constexpr size_t kMaxScopes = 256;

absl::StatusOr<Json> ParseText(std::string_view text) {
  const JsonLimits limits{.max_size = 256 << 10, .max_depth = 8};
  if (StripSpace(text).starts_with('{')) return ParseJson(text, limits);
  return ParseToml(text, limits);
}

absl::StatusOr<std::string> ParseBase(const Json& table, const std::string& where) {
  if (!table.is_object()) return absl::InvalidArgumentError(StrCat(where, ": not a table"));
  std::string base, old, staging;
  bool attachments = false;
  RETURN_IF_ERROR(TableReader(table, where)
                      .String("lookaside", &base)
                      .String("sigstore", &old)
                      .String("lookaside-staging", &staging)
                      .String("sigstore-staging", &staging)
                      .Bool("use-sigstore-attachments", &attachments)
                      .Finish());
  if (base.empty()) base = old;
  if (base.empty()) return base;
  ASSIGN_OR_RETURN(const net::Url url, net::ParseUrl(base), where);
  if (url.target.find('?') != std::string::npos) {
    return absl::InvalidArgumentError(StrCat(where, ": '", Printable(base), "' has a query"));
  }
  while (base.ends_with('/')) base.pop_back();
  return base;
}

}  // namespace

absl::StatusOr<Lookaside> Lookaside::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const Json root, ParseText(text), kWhat);
  if (!root.is_object()) return absl::InvalidArgumentError(StrCat(kWhat, ": not an object"));
  RETURN_IF_ERROR(JsonOnlyMembers(root, {"default-docker", "docker"}, kWhat));
  Lookaside out;
  if (const auto fallback = root.find("default-docker"); fallback != root.end()) {
    ASSIGN_OR_RETURN(out.fallback_, ParseBase(*fallback, StrCat(kWhat, ": default-docker")));
  }
  const auto docker = root.find("docker");
  if (docker == root.end()) return out;
  if (!docker->is_object() || docker->size() > kMaxScopes) {
    return absl::InvalidArgumentError(StrCat(kWhat, ": docker: not a table of at most 256"));
  }
  for (const auto& [scope, table] : docker->items()) {
    const std::string where = StrCat(kWhat, ": docker '", Printable(scope), "'");
    ASSIGN_OR_RETURN(std::string base, ParseBase(table, where));
    if (!base.empty()) out.docker_.emplace(scope, std::move(base));
  }
  return out;
}

std::string Lookaside::UrlFor(const ImageReference& image, std::string_view digest) const {
  const size_t colon = digest.find(':');
  if (colon == digest.npos) return "";
  std::string base = fallback_;
  std::string name = image.ToString();
  for (std::string next = StrCat(image.registry, "/", image.repository);;) {
    if (const auto found = docker_.find(name); found != docker_.end()) {
      base = found->second;
      break;
    }
    if (next.empty()) break;
    name = next;
    const size_t slash = next.rfind('/');
    next.resize(slash == next.npos ? 0 : slash);
  }
  if (base.empty()) return "";
  return StrCat(base, "/", image.repository, "@", digest.substr(0, colon), "=",
                digest.substr(colon + 1), "/signature-");
}

}  // namespace nacre::image
