#include "policy/generate/policy_data.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/generate/container_data.h"
#include "policy/generate/environment.h"
#include "policy/generate/mount_data.h"
#include "tee/common/initdata.h"

namespace nacre::policy {
namespace {

// The container that holds a Kubernetes pod's namespaces. It runs nothing but the guest's own
// pause.
Json PauseData(const Workload& workload, const Settings& settings) {
  const auto user = workload.security.user.value_or(static_cast<int64_t>(settings.pause_user));
  const auto group = workload.security.group.value_or(
      workload.security.user.has_value() ? 0 : static_cast<int64_t>(settings.pause_group));
  Json env = Json::object();
  for (const std::string& entry : settings.pause_env) {
    const size_t equals = entry.find('=');
    env[entry.substr(0, equals)] = equals == entry.npos ? "" : entry.substr(equals + 1);
  }
  std::vector<int64_t> groups = workload.groups;
  if (workload.fs_group.has_value()) groups.push_back(*workload.fs_group);
  Json users = Json::array();
  users.push_back(UserData(user, group, groups));
  if (!groups.empty()) users.push_back(UserData(user, group, {}));
  return {{"name", ""},
          {"args", std::vector<std::vector<std::string>>{settings.pause_args}},
          {"cwd", std::vector<std::string>{"/"}},
          {"devices", Json::array()},
          {"env", env},
          {"env_required", Json::array()},
          {"gpus", 0},
          {"image_names", Json::array()},
          {"images", settings.pause_images},
          {"mounts", Json::object()},
          {"no_new_privileges", false},
          {"read_only", true},
          {"required_mounts", Json::array()},
          {"storages", 0},
          {"terminal", false},
          {"users", users}};
}

Json PodData(const Workload& workload) {
  Json annotations = Json::object();
  for (const auto& [key, value] : workload.annotations) {
    if (key.starts_with("io.katacontainers.") && key != tee::kInitdataAnnotation)
      annotations[key] = value;
  }
  Json pod = {{"name", workload.pod_name},
              {"namespace", NamespacePattern(workload)},
              {"share_pid", workload.share_pid},
              {"annotations", annotations}};
  if (workload.fs_group.has_value()) pod["fs_group"] = *workload.fs_group;
  return pod;
}

Json SettingsData(const Settings& settings) {
  Json env = Json::array();
  for (const EnvForm& form : settings.env) {
    Json one = {{"name", form.name}, {"value", form.value}};
    if (form.service) one["service"] = true;
    env.push_back(std::move(one));
  }
  Json out = {{"annotation_prefixes", settings.annotation_prefixes},
              {"apparmor_profiles", settings.apparmor_profiles},
              {"cgroup_path", settings.cgroup_path},
              {"env", env}};
  if (settings.partial) out["partial"] = true;
  return out;
}

}  // namespace

std::string PinnedReference(const ImageFacts& facts) {
  image::ImageReference pinned = facts.reference;
  pinned.digest = facts.digest;
  return pinned.ToString();
}

absl::StatusOr<Json> MakePolicyData(const Manifests& manifests, const Workload& workload,
                                    const Settings& settings, const FindImage& find_image) {
  Json containers = Json::object();
  for (const WorkloadContainer& container : workload.containers) {
    ASSIGN_OR_RETURN(const ImageFacts facts, find_image(container.image), container.where);
    ASSIGN_OR_RETURN(containers[container.name],
                     MakeContainerData({manifests, workload, container, settings, facts}));
  }
  Json sysctls = settings.sysctls;
  for (const auto& [name, value] : workload.sysctls) sysctls[name] = value;
  Json capabilities = Json::object();
  for (const std::string& name : settings.capabilities) capabilities[name] = true;
  Json out = {{"version", kPolicyDataVersion},
              {"workload", StrCat(workload.kind, "/", workload.name)},
              {"capabilities", capabilities},
              {"containers", containers},
              {"masked_paths", settings.masked_paths},
              {"mounts", CommonMounts(workload, settings)},
              {"pause", PauseData(workload, settings)},
              {"pod", PodData(workload)},
              {"readonly_paths", settings.readonly_paths},
              {"settings", SettingsData(settings)},
              {"sysctls", sysctls}};
  if (workload.containers.size() == 1) out["only"] = workload.containers[0].name;
  return out;
}

}  // namespace nacre::policy
