// A pod of ten containers and the request for one of them, of the size Kata's runtime sends: for
// the bench and for the test that a decision leaves the heap alone.
#pragma once

#include <string>

#include "base/strings.h"
#include "policy/generate/testing.h"

namespace nacre::policy::generate_testing {

inline constexpr int kVariables = 24;
inline constexpr int kVolumes = 8;

inline std::string TenContainers() {
  std::string out = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  volumes:\n";
  for (int v = 0; v < kVolumes; ++v)
    StrAppend(&out, "  - {name: files-", v, ", configMap: {name: c}}\n");
  out += "  containers:\n";
  for (int i = 0; i < 10; ++i) {
    StrAppend(&out, "  - name: worker-", i, "\n    image: registry.example/team/worker-", i,
              ":1\n    args: [\"--name=worker-", i, "\"]\n    env:\n");
    for (int e = 0; e < kVariables; ++e)
      StrAppend(&out, "    - {name: SETTING_", e, ", value: value-", i, "-", e, "}\n");
    out += "    volumeMounts:\n";
    for (int v = 0; v < kVolumes; ++v)
      StrAppend(&out, "    - {name: files-", v, ", mountPath: /mnt/files-", v,
                ", readOnly: true}\n");
  }
  return out;
}

inline std::string MountJson(const std::string& destination, const std::string& source,
                             const char* type, const char* options) {
  return StrCat(R"({"destination":")", destination, R"(","source":")", source, R"(","type_":")",
                type, R"(","options":[)", options, "]}");
}

inline std::string Mounts(const std::string& id) {
  const std::string shared =
      StrCat("/run/kata-containers/shared/containers/", id, "-0123456789abcdef-");
  std::string out = StrCat(
      "[", MountJson("/proc", "proc", "proc", R"("nosuid","noexec","nodev")"), ",",
      MountJson("/dev", "tmpfs", "tmpfs", R"("nosuid","strictatime","mode=755","size=65536k")"),
      ",",
      MountJson("/dev/pts", "devpts", "devpts",
                R"("nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5")"),
      ",", MountJson("/sys", "sysfs", "sysfs", R"("nosuid","noexec","nodev","ro")"), ",",
      MountJson("/sys/fs/cgroup", "cgroup", "cgroup",
                R"("nosuid","noexec","nodev","relatime","ro","nsdelegate")"));
  for (const char* file : {"hosts", "hostname", "resolv.conf"}) {
    StrAppend(
        &out, ",",
        MountJson(StrCat("/etc/", file), shared + file, "bind", R"("rbind","rprivate","rw")"));
  }
  for (int v = 0; v < kVolumes; ++v) {
    const std::string name = StrCat("files-", v);
    StrAppend(&out, ",",
              MountJson("/mnt/" + name, shared + name, "bind", R"("rbind","rprivate","ro")"));
  }
  return out + "]";
}

inline std::string TextList(const std::vector<std::string>& texts) {
  return *DumpJson(Json(texts));
}

// The input, as RequestInput makes it.
inline std::string ContainerInput(int index) {
  const std::string id(64, '7');
  const std::string name = StrCat("worker-", index);
  const std::string root = StrCat("/run/kata-containers/", id, "/rootfs");
  std::vector<std::string> env = {"PATH=/bin", "MODE=image", "HOSTNAME=shop",
                                  "KUBERNETES_SERVICE_HOST=10.0.0.1",
                                  "KUBERNETES_SERVICE_PORT=443"};
  for (int e = 0; e < kVariables; ++e)
    env.push_back(StrCat("SETTING_", e, "=value-", index, "-", e));
  const Settings defaults;
  const std::string capabilities = TextList(defaults.capabilities);
  return StrCat(
      R"({"container_id":")", id, R"(","exec_id":")", id,
      R"(","string_user":null,"shared_mounts":[],"sandbox_pidns":false,"devices":[],"storages":[{)",
      R"("driver":"image_guest_pull","driver_options":[],"source":"registry.example/team/)", name,
      "@", kDigest, R"(","fstype":"overlay","options":[],"mount_point":")", root,
      R"(","fs_group":null,"shared":false}],"OCI":{"Version":"1.1.0","Hostname":"","Hooks":null,)",
      R"("Solaris":null,"Windows":null,"Root":{"Path":")", root,
      R"(","Readonly":false},"Annotations":{"io.kubernetes.cri.container-type":"container",)",
      R"("io.kubernetes.cri.container-name":")", name,
      R"(","io.kubernetes.cri.sandbox-name":"shop",)",
      R"("io.kubernetes.cri.sandbox-namespace":"default",)",
      R"("io.kubernetes.cri.sandbox-id":"0","io.katacontainers.pkg.oci.bundle_path":"/run/a/)", id,
      R"("},"Mounts":)", Mounts(id), R"(,"Process":{"Terminal":false,"Cwd":"/srv",)",
      R"("Args":["/bin/serve","--name=)", name, R"("],"Env":)", TextList(env),
      R"(,"User":{"UID":1000,"GID":1001,"AdditionalGids":[1001],"Username":""},)",
      R"("Capabilities":{"Ambient":[],"Inheritable":[],"Bounding":)", capabilities,
      R"(,"Effective":)", capabilities, R"(,"Permitted":)", capabilities,
      R"(},"NoNewPrivileges":false,"SelinuxLabel":"","ApparmorProfile":"","Rlimits":[]},)",
      R"("Linux":{"UIDMappings":[],"GIDMappings":[],"IntelRdt":null,"Devices":[],"MountLabel":"",)",
      R"("RootfsPropagation":"","CgroupsPath":"/kubepods/pod1/a","Sysctl":{},"Seccomp":null,)",
      R"("Namespaces":[{"Type":"ipc","Path":""},{"Type":"uts","Path":""},)",
      R"({"Type":"mount","Path":""}],"Resources":{"Devices":[]},"MaskedPaths":)",
      TextList(defaults.masked_paths), R"(,"ReadonlyPaths":)", TextList(defaults.readonly_paths),
      "}}}");
}

}  // namespace nacre::policy::generate_testing
