#include "policy/generate/mount_data.h"

#include <set>

namespace nacre::policy {
namespace {

using Texts = std::vector<std::string>;

constexpr char kServiceToken[] = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string BaseName(const std::string& path) {
  std::string text = path;
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text.substr(text.rfind('/') + 1);
}

Json Form(const char* type, const char* source, const Texts& options) {
  return {{"type", type}, {"source", source}, {"options", std::vector<Texts>{options}}};
}

Json SharedForm(const std::string& destination, std::vector<Texts> options) {
  return {{"type", "bind"}, {"shared", BaseName(destination)}, {"options", std::move(options)}};
}

Json SettingsForm(const MountForm& mount) {
  Json form = {{"type", mount.type}, {"options", std::vector<Texts>{mount.options}}};
  if (!mount.source.empty()) form["source"] = mount.source;
  if (!mount.shared.empty()) form["shared"] = mount.shared;
  return form;
}

// What is bound from the host is private to the guest whatever the manifest asks, unless the
// runtime passes that on.
std::vector<Texts> BindOptions(const VolumeMount& mount) {
  const std::string access = mount.read_only ? "ro" : "rw";
  std::vector<Texts> out = {{"rbind", "rprivate", access}};
  if (mount.propagation == "HostToContainer") out.push_back({"rbind", "rslave", access});
  if (mount.propagation == "Bidirectional") out.push_back({"rbind", "rshared", access});
  return out;
}

Json VolumeForm(const VolumeMount& mount, VolumeKind kind) {
  if (kind == VolumeKind::kFiles || kind == VolumeKind::kClaim)
    return SharedForm(mount.path, BindOptions(mount));
  Json form = {{"type", "bind"}, {"options", BindOptions(mount)}};
  form["storage"] =
      kind == VolumeKind::kMemory ? Texts{"ephemeral"} : Texts{"blk", "scsi", "mmioblk", "local"};
  return form;
}

}  // namespace

Json CommonMounts(const Workload& workload, const Settings& settings) {
  const Texts quiet = {"nosuid", "noexec", "nodev"};
  const std::vector<Texts> files = {{"rbind", "rprivate", "rw"},
                                    {"rbind", "rprivate", "ro"},
                                    {"rbind", "ro", "nosuid", "nodev", "noexec"}};
  Json cgroup = Form("cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"});
  cgroup["extra"] = Texts{"nsdelegate", "memory_recursiveprot"};
  Json out = Json::object();
  auto add = [&](const char* destination, Json form) {
    out[destination].push_back(std::move(form));
  };
  add("/proc", Form("proc", "proc", quiet));
  add("/dev", Form("tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  add("/dev/pts", Form("devpts", "devpts",
                       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  add("/dev/mqueue", Form("mqueue", "mqueue", quiet));
  add("/dev/shm", Form("bind", "/run/kata-containers/sandbox/shm", {"rbind"}));
  add("/dev/shm", Form("tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}));
  add("/sys", Form("sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
  add("/sys/fs/cgroup", cgroup);
  for (const char* file : {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"})
    add(file, SharedForm(file, files));
  if (workload.service_token) {
    add(kServiceToken, SharedForm(kServiceToken, {Texts{"rbind", "rprivate", "ro"}}));
  }
  for (const MountForm& mount : settings.mounts) {
    if (mount.container.empty()) out[mount.destination].push_back(SettingsForm(mount));
  }
  return out;
}

void PutMounts(const ContainerInput& input, Json* out) {
  Json mounts = Json::object();
  std::set<std::string> required;
  int storages = 0;
  for (const std::string& path : input.image.config.volumes)
    mounts[path].push_back(SharedForm(path, {Texts{"rbind", "rprivate", "rw"}}));
  if (!input.container.termination_log.empty()) {
    const std::string& path = input.container.termination_log;
    mounts[path] = Json::array();
    mounts[path].push_back(
        SharedForm(path, {Texts{"rbind", "rprivate", "rw"}, Texts{"rbind", "rprivate", "ro"}}));
  }
  for (const VolumeMount& mount : input.container.mounts) {
    const VolumeKind kind = input.workload.volumes.at(mount.volume);
    mounts[mount.path] = Json::array();
    mounts[mount.path].push_back(VolumeForm(mount, kind));
    required.insert(mount.path);
    storages += kind == VolumeKind::kEmpty || kind == VolumeKind::kMemory;
  }
  for (const MountForm& mount : input.settings.mounts) {
    if (mount.container == input.container.name)
      mounts[mount.destination].push_back(SettingsForm(mount));
  }
  (*out)["mounts"] = mounts;
  (*out)["required_mounts"] = required;
  (*out)["storages"] = storages;
}

}  // namespace nacre::policy
