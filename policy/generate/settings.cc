#include "policy/generate/settings.h"

#include <algorithm>

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::policy {
namespace {

constexpr char kAddress[] = "[0-9a-fA-F.:\\[\\]]{2,45}";
constexpr char kService[] = "^[A-Z_][A-Z0-9_]*";

// Takes a key out of a table, so that TableReader does not see it.
Json Taken(Json* table, std::string_view key) {
  auto found = table->find(std::string(key));
  if (found == table->end()) return Json();
  Json out = *found;
  table->erase(found);
  return out;
}

absl::Status ReadTexts(const Json& list, const std::string& where, std::vector<std::string>* out) {
  if (!list.is_array()) return absl::InvalidArgumentError(StrCat(where, " is no list of texts"));
  for (const Json& one : list) {
    if (!one.is_string()) return absl::InvalidArgumentError(StrCat(where, " is no list of texts"));
    out->push_back(one.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadTextMap(const Json& table, const std::string& where,
                         std::map<std::string, std::string>* out) {
  if (table.is_null()) return absl::OkStatus();
  if (!table.is_object()) return absl::InvalidArgumentError(StrCat(where, " is no table"));
  for (const auto& [key, value] : table.items()) {
    if (!value.is_string())
      return absl::InvalidArgumentError(StrCat(where, ".", key, " is no text"));
    (*out)[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

// An array of tables; `read` takes one.
template <typename Read>
absl::Status EachTable(const Json& list, const std::string& where, Read read) {
  if (list.is_null()) return absl::OkStatus();
  if (!list.is_array()) return absl::InvalidArgumentError(StrCat(where, " is no list of tables"));
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string place = StrCat(where, "[", i, "]");
    if (!list[i].is_object()) return absl::InvalidArgumentError(StrCat(place, " is no table"));
    TableReader reader(list[i], place);
    RETURN_IF_ERROR(read(reader, place));
  }
  return absl::OkStatus();
}

absl::Status ReadEnv(const Json& table, const std::string& where, Settings* out) {
  if (table.is_null()) return absl::OkStatus();
  if (!table.is_object()) return absl::InvalidArgumentError(StrCat(where, " is no table"));
  Json rest = table;
  const Json forms = Taken(&rest, "also");
  TableReader reader(rest, where);
  reader.Bool("any_secret", &out->any_secret);
  RETURN_IF_ERROR(reader.Finish());
  return EachTable(forms, StrCat(where, ".also"), [&](TableReader& form, const std::string& place) {
    EnvForm one;
    form.String("name", &one.name).String("value", &one.value).Bool("service", &one.service);
    RETURN_IF_ERROR(form.Finish());
    for (const std::string* pattern : {&one.name, &one.value}) {
      if (!pattern->starts_with('^') || !pattern->ends_with('$')) {
        return absl::InvalidArgumentError(
            StrCat(place, ": an expression must begin with ^ and end with $"));
      }
    }
    out->env.push_back(std::move(one));
    return absl::OkStatus();
  });
}

absl::Status ReadRequests(const Json& table, const std::string& where, Settings* out) {
  if (table.is_null()) return absl::OkStatus();
  if (!table.is_object()) return absl::InvalidArgumentError(StrCat(where, " is no table"));
  Json rest = table;
  const Json exec = Taken(&rest, "exec");
  TableReader reader(rest, where);
  std::vector<std::string> allow;
  reader.Bool("partial", &out->partial).Strings("allow", &allow);
  RETURN_IF_ERROR(reader.Finish());
  out->allow.insert(out->allow.end(), allow.begin(), allow.end());
  for (const std::string& name : out->allow) {
    const auto& known = SwitchedRequests();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = NearestName(name, known);
    return absl::InvalidArgumentError(StrCat(where, ".allow: '", name,
                                             "' is no request that can be switched on",
                                             near.empty() ? "" : "; is it ", near));
  }
  if (exec.is_null()) return absl::OkStatus();
  if (!exec.is_array()) return absl::InvalidArgumentError(StrCat(where, ".exec is no list"));
  for (const Json& command : exec) {
    RETURN_IF_ERROR(ReadTexts(command, StrCat(where, ".exec"), &out->exec.emplace_back()));
    if (out->exec.back().empty())
      return absl::InvalidArgumentError(StrCat(where, ".exec: an empty command"));
  }
  return absl::OkStatus();
}

absl::Status ReadMount(TableReader& table, const std::string& place, Settings* out) {
  MountForm form;
  table.String("container", &form.container).String("destination", &form.destination);
  table.String("type", &form.type).String("source", &form.source).String("shared", &form.shared);
  table.Strings("options", &form.options);
  RETURN_IF_ERROR(table.Finish());
  if (!form.destination.starts_with('/') || form.type.empty() ||
      form.source.empty() == form.shared.empty()) {
    return absl::InvalidArgumentError(
        StrCat(place, ": needs an absolute destination, a type, and either source or shared"));
  }
  out->mounts.push_back(std::move(form));
  return absl::OkStatus();
}

absl::Status ReadPod(const Json& table, const std::string& where, Settings* out) {
  if (table.is_null()) return absl::OkStatus();
  if (!table.is_object()) return absl::InvalidArgumentError(StrCat(where, " is no table"));
  Json rest = table;
  RETURN_IF_ERROR(ReadTextMap(Taken(&rest, "sysctls"), StrCat(where, ".sysctls"), &out->sysctls));
  TableReader reader(rest, where);
  reader.Strings("pause_images", &out->pause_images).Strings("pause_args", &out->pause_args);
  reader.Strings("pause_env", &out->pause_env);
  reader.Uint("pause_user", &out->pause_user, 0, UINT32_MAX - 1);
  reader.Uint("pause_group", &out->pause_group, 0, UINT32_MAX - 1);
  reader.String("cgroup_path", &out->cgroup_path);
  reader.Strings("annotation_prefixes", &out->annotation_prefixes);
  std::vector<std::string> more;
  reader.Strings("more_annotations", &more);
  out->annotation_prefixes.insert(out->annotation_prefixes.end(), more.begin(), more.end());
  reader.Strings("apparmor_profiles", &out->apparmor_profiles);
  reader.Strings("capabilities", &out->capabilities);
  reader.Strings("masked_paths", &out->masked_paths);
  reader.Strings("readonly_paths", &out->readonly_paths);
  return reader.Finish();
}

}  // namespace

Settings::Settings()
    : env({
          {"^HOSTNAME$", "^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$", false},
          {"^KUBERNETES_SERVICE_HOST$", StrCat("^", kAddress, "$"), false},
          {"^KUBERNETES_SERVICE_PORT(_HTTPS)?$", "^[0-9]{1,5}$", false},
          {"^KUBERNETES_PORT(_443_TCP)?$", StrCat("^tcp://", kAddress, ":[0-9]{1,5}$"), false},
          {"^KUBERNETES_PORT_443_TCP_PROTO$", "^tcp$", false},
          {"^KUBERNETES_PORT_443_TCP_PORT$", "^[0-9]{1,5}$", false},
          {"^KUBERNETES_PORT_443_TCP_ADDR$", StrCat("^", kAddress, "$"), false},
          {StrCat(kService, "_SERVICE_HOST$"), StrCat("^", kAddress, "$"), true},
          {StrCat(kService, "_SERVICE_PORT(_[A-Z0-9_]+)?$"), "^[0-9]{1,5}$", true},
          {StrCat(kService, "_PORT(_[0-9]+_(TCP|UDP|SCTP))?$"),
           StrCat("^(tcp|udp|sctp)://", kAddress, ":[0-9]{1,5}$"), true},
          {StrCat(kService, "_PORT_[0-9]+_(TCP|UDP|SCTP)_PROTO$"), "^(tcp|udp|sctp)$", true},
          {StrCat(kService, "_PORT_[0-9]+_(TCP|UDP|SCTP)_PORT$"), "^[0-9]{1,5}$", true},
          {StrCat(kService, "_PORT_[0-9]+_(TCP|UDP|SCTP)_ADDR$"), StrCat("^", kAddress, "$"), true},
      }) {}

const std::vector<std::string>& SwitchedRequests() {
  static const std::vector<std::string> kNames = {
      "AddSwapPathRequest",
      "AddSwapRequest",
      "CloseStdinRequest",
      "DestroySandboxRequest",
      "GetDiagnosticDataRequest",
      "GetIPTablesRequest",
      "GetMetricsRequest",
      "GetOOMEventRequest",
      "GuestDetailsRequest",
      "ListInterfacesRequest",
      "ListRoutesRequest",
      "MemAgentCompactConfig",
      "MemAgentMemcgConfig",
      "MemHotplugByProbeRequest",
      "OnlineCPUMemRequest",
      "PauseContainerRequest",
      "ReadStreamRequest",
      "RemoveStaleVirtiofsShareMountsRequest",
      "ReseedRandomDevRequest",
      "ResizeVolumeRequest",
      "ResumeContainerRequest",
      "SetGuestDateTimeRequest",
      "SetIPTablesRequest",
      "SetPolicyRequest",
      "SignalProcessRequest",
      "StatsContainerRequest",
      "TtyWinResizeRequest",
      "UpdateContainerRequest",
      "UpdateEphemeralMountsRequest",
      "VolumeStatsRequest",
      "WaitProcessRequest",
      "WriteStreamRequest",
  };
  return kNames;
}

absl::StatusOr<Settings> ParseSettings(std::string_view toml, const std::string& where) {
  Settings out;
  RETURN_IF_ERROR(AddSettings(toml, where, &out));
  return out;
}

absl::Status AddSettings(std::string_view toml, const std::string& where, Settings* settings) {
  ASSIGN_OR_RETURN(Json json, ParseToml(toml), where);
  Settings& out = *settings;
  RETURN_IF_ERROR(ReadPod(Taken(&json, "pod"), StrCat(where, ": pod"), &out));
  RETURN_IF_ERROR(ReadRequests(Taken(&json, "requests"), StrCat(where, ": requests"), &out));
  RETURN_IF_ERROR(ReadEnv(Taken(&json, "env"), StrCat(where, ": env"), &out));
  RETURN_IF_ERROR(EachTable(
      Taken(&json, "mounts"), StrCat(where, ": mounts"),
      [&](TableReader& table, const std::string& place) { return ReadMount(table, place, &out); }));
  TableReader reader(json, where);
  if (const Json* image = reader.Table("image")) {
    TableReader table(*image, StrCat(where, ": image"));
    table.Bool("guest_fills_in", &out.guest_fills_in);
    RETURN_IF_ERROR(table.Finish());
  }
  if (const Json* registry = reader.Table("registry")) {
    Json rest = *registry;
    RETURN_IF_ERROR(
        ReadTextMap(Taken(&rest, "mirrors"), StrCat(where, ": registry.mirrors"), &out.mirrors));
    TableReader table(rest, StrCat(where, ": registry"));
    table.Strings("insecure", &out.insecure_registries).String("ca_file", &out.ca_file);
    RETURN_IF_ERROR(table.Finish());
  }
  return reader.Finish();
}

}  // namespace nacre::policy
