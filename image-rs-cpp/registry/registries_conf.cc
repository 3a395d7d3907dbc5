#include "image-rs-cpp/registry/registries_conf.h"

#include <algorithm>

#include "base/strings.h"
#include "base/toml.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "registries.conf";
constexpr size_t kMaxRegistries = 256;
constexpr size_t kMaxMirrors = 16;

absl::Status Bad(std::string_view where, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(kWhat, ": ", where, ": ", why));
}

std::string_view HostOf(std::string_view place) { return place.substr(0, place.find('/')); }

bool IsRegistryHost(std::string_view host) {
  return host == "localhost" || host.find_first_of(".:[") != host.npos;
}

// "host[:port][/namespace...]", no tag.
absl::Status CheckPlace(std::string_view where, std::string_view place) {
  if (IsRegistryHost(HostOf(place)) && ParseImageReference(StrCat(place, "/x:t")).ok()) {
    return absl::OkStatus();
  }
  return Bad(where, StrCat("'", Printable(place), "' is not a registry or a namespace of one"));
}

bool IsWildcard(std::string_view prefix) { return prefix.starts_with("*."); }

absl::Status CheckPrefix(std::string_view where, std::string_view prefix) {
  if (!IsWildcard(prefix)) return CheckPlace(where, prefix);
  if (prefix.find('/') != prefix.npos || !CheckPlace(where, prefix.substr(2)).ok()) {
    return Bad(where, StrCat("'", Printable(prefix), "' is not '*.' and a domain"));
  }
  return absl::OkStatus();
}

bool Covers(std::string_view prefix, const ImageReference& image) {
  if (IsWildcard(prefix)) {
    std::string_view host = image.registry;
    host = host.starts_with('[') ? host : host.substr(0, host.find(':'));
    return host.size() >= prefix.size() && host.ends_with(prefix.substr(1));
  }
  const std::string name = StrCat(image.registry, "/", image.repository);
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

}  // namespace

class RegistriesReader {
 public:
  absl::StatusOr<RegistriesConf> Read(const Json& root) {
    RETURN_IF_ERROR(JsonOnlyMembers(root, {"unqualified-search-registries", "registry"}, kWhat));
    Json search = root;
    search.erase("registry");
    RETURN_IF_ERROR(TableReader(search, std::string(kWhat))
                        .Strings("unqualified-search-registries", &out_.search_)
                        .Finish());
    for (const std::string& name : out_.search_) {
      RETURN_IF_ERROR(CheckPlace("unqualified-search-registries", name));
    }
    const auto registries = root.find("registry");
    if (registries == root.end()) return std::move(out_);
    if (!registries->is_array()) return Bad("registry", "not an array of tables: [[registry]]");
    if (registries->size() > kMaxRegistries) return Bad("registry", "more than 256");
    for (const Json& item : *registries) RETURN_IF_ERROR(ReadRegistry(item));
    return std::move(out_);
  }

 private:
  absl::Status ReadRegistry(const Json& table) {
    const std::string where = StrCat("[[registry]] ", out_.registries_.size());
    if (!table.is_object()) return Bad(where, "not a table");
    Json plain = table;
    plain.erase("mirror");
    RegistriesConf::Registry registry;
    RETURN_IF_ERROR(TableReader(plain, StrCat(kWhat, ": ", where))
                        .String("prefix", &registry.prefix)
                        .String("location", &registry.location.place)
                        .Bool("insecure", &registry.location.insecure)
                        .Bool("blocked", &registry.blocked)
                        .Finish());
    if (registry.prefix.empty()) registry.prefix = registry.location.place;
    if (registry.prefix.empty()) return Bad(where, "neither prefix nor location");
    RETURN_IF_ERROR(CheckPrefix(where, registry.prefix));
    RETURN_IF_ERROR(CheckLocation(where, registry.prefix, registry.location));
    RETURN_IF_ERROR(ReadMirrors(table, where, &registry));
    for (const auto& other : out_.registries_) {
      if (other.prefix == registry.prefix) {
        return Bad(where, StrCat("prefix '", registry.prefix, "' is there twice"));
      }
    }
    out_.registries_.push_back(std::move(registry));
    return absl::OkStatus();
  }

  absl::Status ReadMirrors(const Json& table, const std::string& where,
                           RegistriesConf::Registry* registry) {
    const auto mirrors = table.find("mirror");
    if (mirrors == table.end()) return absl::OkStatus();
    if (!mirrors->is_array()) return Bad(where, "mirror is not an array of tables");
    if (mirrors->size() > kMaxMirrors) return Bad(where, "more than 16 mirrors");
    for (const Json& item : *mirrors) {
      const std::string place = StrCat(where, " mirror ", registry->mirrors.size());
      if (!item.is_object()) return Bad(place, "not a table");
      RegistriesConf::Location mirror;
      RETURN_IF_ERROR(TableReader(item, StrCat(kWhat, ": ", place))
                          .String("location", &mirror.place)
                          .Bool("insecure", &mirror.insecure)
                          .Finish());
      if (mirror.place.empty()) return Bad(place, "no location");
      RETURN_IF_ERROR(CheckLocation(place, registry->prefix, mirror));
      registry->mirrors.push_back(std::move(mirror));
    }
    return absl::OkStatus();
  }

  absl::Status CheckLocation(std::string_view where, std::string_view prefix,
                             const RegistriesConf::Location& location) {
    if (!location.place.empty()) RETURN_IF_ERROR(CheckPlace(where, location.place));
    if (!location.insecure) return absl::OkStatus();
    const std::string_view place = location.place.empty() ? prefix : location.place;
    if (IsWildcard(place)) return Bad(where, "insecure for a whole domain");
    out_.insecure_hosts_.emplace_back(HostOf(place));
    return absl::OkStatus();
  }

  RegistriesConf out_;
};

absl::StatusOr<RegistriesConf> RegistriesConf::Parse(std::string_view toml) {
  ASSIGN_OR_RETURN(const Json root, ParseToml(toml, {.max_size = 256 << 10, .max_depth = 8}),
                   kWhat);
  return RegistriesReader().Read(root);
}

absl::StatusOr<std::vector<ImageReference>> RegistriesConf::Resolve(
    std::string_view written) const {
  ASSIGN_OR_RETURN(ImageReference plain, ParseImageReference(written));
  const size_t slash = written.find('/');
  const bool named = slash != written.npos && IsRegistryHost(written.substr(0, slash));
  if (named || search_.empty()) return std::vector<ImageReference>{std::move(plain)};
  std::vector<ImageReference> out;
  for (const std::string& registry : search_) {
    ASSIGN_OR_RETURN(ImageReference full, ParseImageReference(StrCat(registry, "/", written)));
    out.push_back(std::move(full));
  }
  return out;
}

const RegistriesConf::Registry* RegistriesConf::Find(const ImageReference& image) const {
  const Registry* best = nullptr;
  for (const Registry& registry : registries_) {
    if (!Covers(registry.prefix, image)) continue;
    // Names before wildcards, and the longest of either.
    const auto rank = [](const Registry& r) {
      return std::pair(!IsWildcard(r.prefix), r.prefix.size());
    };
    if (best == nullptr || rank(registry) > rank(*best)) best = &registry;
  }
  return best;
}

absl::StatusOr<Endpoint> RegistriesConf::Rewrite(const ImageReference& image,
                                                 const Registry& registry,
                                                 const Location& location) const {
  std::string name = StrCat(image.registry, "/", image.repository);
  if (!location.place.empty()) {
    const size_t replaced =
        IsWildcard(registry.prefix) ? image.registry.size() : registry.prefix.size();
    name = StrCat(location.place, name.substr(replaced));
  }
  ASSIGN_OR_RETURN(const ImageReference moved, ParseImageReference(name),
                   StrCat(kWhat, ": '", registry.prefix, "' to '", location.place, "'"));
  return Endpoint{moved.ApiHost(), moved.repository, location.insecure};
}

absl::StatusOr<std::vector<Endpoint>> RegistriesConf::Endpoints(const ImageReference& image) const {
  const Registry* registry = Find(image);
  if (registry == nullptr) {
    return std::vector<Endpoint>{{image.ApiHost(), image.repository, false}};
  }
  if (registry->blocked) {
    return absl::PermissionDeniedError(
        StrCat(kWhat, ": '", registry->prefix, "' is blocked by the owner"));
  }
  std::vector<Endpoint> out;
  for (const Location& mirror : registry->mirrors) {
    ASSIGN_OR_RETURN(Endpoint endpoint, Rewrite(image, *registry, mirror));
    out.push_back(std::move(endpoint));
  }
  ASSIGN_OR_RETURN(Endpoint own, Rewrite(image, *registry, registry->location));
  out.push_back(std::move(own));
  return out;
}

}  // namespace nacre::image
