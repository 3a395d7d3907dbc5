// Particulars of a cluster, its runtime and its registry, that a policy depends on and no manifest
// says: a TOML file (docs/reference/policy-settings.md). Every key has a default; an unknown one is
// an error.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace nacre::policy {

// A variable that containers may have besides their own: both are regular expressions.
struct EnvForm {
  std::string name;
  std::string value;
  bool service = false;  // only where the pod has enableServiceLinks
};

// A mount that containers may have besides their own.
struct MountForm {
  std::string container;  // "" for every one
  std::string destination;
  std::string type;
  std::string source;  // exactly this; or
  std::string shared;  // the end of the name of a file the host copies in
  std::vector<std::string> options;
};

struct Settings {
  // [pod]
  std::vector<std::string> pause_images = {"pause"};
  std::vector<std::string> pause_args = {"/pause"};
  std::vector<std::string> pause_env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  uint64_t pause_user = 65535;
  uint64_t pause_group = 65535;
  std::string cgroup_path =
      "^(/[A-Za-z0-9_/.-]*|[A-Za-z0-9_.-]+\\.slice:[A-Za-z0-9_-]+:[A-Za-z0-9_.-]+)?$";
  std::map<std::string, std::string> sysctls = {
      {"net.ipv4.ip_unprivileged_port_start", "0"},
      {"net.ipv4.ping_group_range", "0 2147483647"},
  };
  std::vector<std::string> annotation_prefixes = {
      "io.kubernetes.cri.", "io.katacontainers.pkg.oci.", "io.containerd.cri.", "nerdctl/"};
  std::vector<std::string> apparmor_profiles = {"", "cri-containerd.apparmor.d"};
  std::vector<std::string> capabilities = {
      "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
      "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",   "CAP_SETFCAP",
      "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};
  std::vector<std::string> masked_paths = {
      "/proc/acpi",          "/proc/asound",     "/proc/kcore",       "/proc/keys",
      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
      "/proc/scsi",          "/sys/firmware"};
  std::vector<std::string> readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                             "/proc/sysrq-trigger"};
  // [requests]
  bool partial = false;            // a request may leave out what Kata's runtime may leave out
  std::vector<std::string> allow;  // requests that are denied otherwise
  std::vector<std::vector<std::string>> exec;  // commands, in every container
  // [image]
  bool guest_fills_in = true;  // the guest takes from the image what a request leaves out
  // [env]
  bool any_secret = false;  // a Secret that is not among the files may have any value
  std::vector<EnvForm> env;
  // [[mounts]]
  std::vector<MountForm> mounts;
  // [registry]
  std::vector<std::string> insecure_registries;
  std::map<std::string, std::string> mirrors;
  std::string ca_file;

  Settings();  // the defaults of `env`
};

// Puts a file's settings over those there are. Lists of what is allowed besides (requests.allow,
// requests.exec, env.also, mounts, pod.more_annotations) and tables grow; other keys are replaced.
// `where` is put before messages. kInvalidArgument naming the key.
absl::Status AddSettings(std::string_view toml, const std::string& where, Settings* settings);
// Over the defaults.
absl::StatusOr<Settings> ParseSettings(std::string_view toml, const std::string& where);

// Requests that settings may allow (requests.allow); the others have rules of their own.
const std::vector<std::string>& SwitchedRequests();

}  // namespace nacre::policy
