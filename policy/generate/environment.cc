#include "policy/generate/environment.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::policy {
namespace {

using Kind = EnvValue::Kind;

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr char kAddress[] = "[0-9a-fA-F.:]{2,45}";

absl::Status Refused(const std::string& where, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(where, ": ", why));
}

std::string QuoteRegex(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

EnvValue SecretValue(const std::string& value) {
  // A sealed secret says nothing to who has no key.
  if (value.starts_with("sealed.")) return {Kind::kText, value};
  return {Kind::kSha256, HexEncode(crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(value)))};
}

EnvValue ValueOf(const KeyedObject& object, const std::string& value) {
  return object.secret ? SecretValue(value) : EnvValue{Kind::kText, value};
}

// metadata.labels['app'] -> app
std::optional<std::string> KeyIn(std::string_view path, std::string_view map) {
  if (!path.starts_with(map)) return std::nullopt;
  path.remove_prefix(map.size());
  if (path.size() < 5 || !path.starts_with("['") || !path.ends_with("']")) return std::nullopt;
  return std::string(path.substr(2, path.size() - 4));
}

absl::StatusOr<EnvValue> FieldValue(const EnvEntry& entry, const Workload& workload) {
  const std::string& path = entry.text;
  const std::string ips = StrCat("^", kAddress, "(,", kAddress, ")*$");
  if (path == "metadata.name") return EnvValue{Kind::kPattern, workload.pod_name};
  if (path == "metadata.namespace") return EnvValue{Kind::kPattern, NamespacePattern(workload)};
  if (path == "metadata.uid")
    return EnvValue{Kind::kPattern, "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"};
  if (path == "spec.nodeName")
    return EnvValue{Kind::kPattern, "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"};
  if (path == "spec.serviceAccountName") return EnvValue{Kind::kText, workload.service_account};
  if (path == "status.podIP" || path == "status.hostIP")
    return EnvValue{Kind::kPattern, StrCat("^", kAddress, "$")};
  if (path == "status.podIPs" || path == "status.hostIPs") return EnvValue{Kind::kPattern, ips};
  const std::pair<std::string_view, const std::map<std::string, std::string>*> maps[] = {
      {"metadata.labels", &workload.labels}, {"metadata.annotations", &workload.annotations}};
  for (const auto& [name, map] : maps) {
    const auto key = KeyIn(path, name);
    if (!key.has_value()) continue;
    auto found = map->find(*key);
    if (found != map->end()) return EnvValue{Kind::kText, found->second};
    return Refused(entry.where, StrCat(path, " is not in the manifest"));
  }
  return Refused(entry.where, StrCat("field '", path, "' is not known to a policy"));
}

// nullopt: the variable is left out.
absl::StatusOr<std::optional<EnvValue>> KeyedValue(const EnvEntry& entry,
                                                   const EnvironmentInput& input) {
  const bool secret = entry.source == EnvEntry::Source::kSecret;
  const char* kind = secret ? "Secret" : "ConfigMap";
  const KeyedObject* object = input.manifests.Find(secret, entry.object);
  if (object != nullptr) {
    auto found = object->values.find(entry.key);
    if (found != object->values.end()) return ValueOf(*object, found->second);
    if (entry.optional) return std::nullopt;
    return Refused(entry.where, StrCat(kind, " '", entry.object, "' has no key '", entry.key, "'"));
  }
  if (secret && input.settings.any_secret) {
    return EnvValue{Kind::kPattern, "(?s)^.*$", !entry.optional};
  }
  return Refused(entry.where,
                 StrCat(kind, " '", entry.object,
                        "' is not among the files (-f), and its value must not be the host's "
                        "choice"));
}

absl::Status AddBulk(const EnvBulk& bulk, const EnvironmentInput& input, Environment* out) {
  const KeyedObject* object = input.manifests.Find(bulk.secret, bulk.object);
  if (object == nullptr) {
    return Refused(bulk.where, StrCat(bulk.secret ? "Secret" : "ConfigMap", " '", bulk.object,
                                      "' is not among the files (-f), so its variables are not "
                                      "known"));
  }
  for (const auto& [key, value] : object->values) {
    EnvValue one = ValueOf(*object, value);
    one.required = !bulk.optional;
    (*out)[bulk.prefix + key] = std::move(one);
  }
  return absl::OkStatus();
}

bool MayBeService(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         name.find("_PORT") != name.npos;
}

}  // namespace

std::string NamespacePattern(const Workload& workload) {
  if (!workload.name_space.empty()) return StrCat("^", QuoteRegex(workload.name_space), "$");
  return "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
}

absl::StatusOr<std::string> Expand(std::string_view text, const Environment& environment,
                                   const std::string& where) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += text[i++];
      continue;
    }
    const size_t close = text[i + 1] == '(' ? text.find(')', i) : text.npos;
    if (close == text.npos) {
      out += text[i];
      continue;
    }
    const std::string name(text.substr(i + 2, close - i - 2));
    auto found = environment.find(name);
    if (found != environment.end() && found->second.kind == Kind::kText) {
      out += found->second.text;
    } else if (found != environment.end() || MayBeService(name)) {
      return Refused(where, StrCat("$(", name, ") is known only in the cluster"));
    } else {
      out += text.substr(i, close - i + 1);  // as the kubelet leaves it
    }
    i = close;
  }
  return out;
}

absl::StatusOr<Environment> MakeEnvironment(const EnvironmentInput& input) {
  // The manifest's own first: references see nothing of the image.
  Environment own;
  for (const EnvBulk& bulk : input.container.env_from) RETURN_IF_ERROR(AddBulk(bulk, input, &own));
  for (const EnvEntry& entry : input.container.env) {
    std::optional<EnvValue> value;
    switch (entry.source) {
      case EnvEntry::Source::kText: {
        ASSIGN_OR_RETURN(std::string text, Expand(entry.text, own, entry.where));
        value = EnvValue{Kind::kText, std::move(text)};
        break;
      }
      case EnvEntry::Source::kConfigMap:
      case EnvEntry::Source::kSecret: {
        ASSIGN_OR_RETURN(value, KeyedValue(entry, input));
        break;
      }
      case EnvEntry::Source::kField: {
        ASSIGN_OR_RETURN(value, FieldValue(entry, input.workload));
        break;
      }
      case EnvEntry::Source::kResource:
        value = EnvValue{Kind::kPattern, "^[0-9]+$"};
        break;
    }
    if (value.has_value()) own[entry.name] = *std::move(value);
  }
  Environment out = std::move(own);
  auto weak = [&](std::string_view entry) {
    const size_t equals = entry.find('=');
    const std::string name(entry.substr(0, equals));
    const std::string value(equals == entry.npos ? "" : entry.substr(equals + 1));
    out.emplace(name, EnvValue{Kind::kText, value, !input.settings.guest_fills_in});
  };
  for (const std::string& entry : input.image_env) weak(entry);
  out.emplace("PATH", EnvValue{Kind::kText, kDefaultPath, false});
  if (input.container.terminal) out.emplace("TERM", EnvValue{Kind::kText, "xterm", false});
  return out;
}

}  // namespace nacre::policy
