#include "cli/run_spec.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::cli {
namespace {

constexpr char kImageAnnotation[] = "io.kubernetes.cri.image-name";
constexpr char kKernelAnnotation[] = "io.katacontainers.config.hypervisor.kernel_params";

// The capabilities containers get where nobody asks for more or fewer.
Json Capabilities() {
  Json names = {"CAP_AUDIT_WRITE", "CAP_CHOWN",     "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                "CAP_FSETID",      "CAP_KILL",      "CAP_MKNOD",        "CAP_NET_BIND_SERVICE",
                "CAP_NET_RAW",     "CAP_SETFCAP",   "CAP_SETGID",       "CAP_SETPCAP",
                "CAP_SETUID",      "CAP_SYS_CHROOT"};
  return {{"bounding", names}, {"effective", names}, {"permitted", names}};
}

Json Mount(const char* destination, const char* type, const char* source, Json options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
}

Json Mounts() {
  return Json::array({
      Mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      Mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      Mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      Mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      Mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      Mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
  });
}

// The network namespace is the VM itself.
Json Linux() {
  Json namespaces = Json::array();
  for (const char* type : {"pid", "ipc", "uts", "mount"}) namespaces.push_back({{"type", type}});
  return {
      {"namespaces", namespaces},
      {"resources", {{"devices", Json::array({{{"allow", false}, {"access", "rwm"}}})}}},
      {"maskedPaths",
       {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
        "/sys/firmware"}},
      {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}},
  };
}

Json Process(const RunOptions& options) {
  Json process = {{"terminal", options.terminal},
                  {"user", {{"uid", 0}, {"gid", 0}}},
                  {"cwd", "/"},
                  {"capabilities", Capabilities()},
                  {"noNewPrivileges", true}};
  if (!options.args.empty()) process["args"] = options.args;
  if (!options.env.empty()) process["env"] = options.env;
  return process;
}

absl::Status CheckEnvironment(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(StrCat("--env '", entry, "' is not NAME=value"));
    }
  }
  return absl::OkStatus();
}

// Each --kernel-arg is one argument: a space inside would make it two, and measured otherwise.
absl::Status CheckKernelArguments(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const bool printable =
        std::all_of(argument.begin(), argument.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (argument.empty() || !printable) {
      return absl::InvalidArgumentError(
          StrCat("--kernel-arg '", argument, "' is not one kernel argument"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> Annotations(const RunOptions& options, const std::string& initdata) {
  Json annotations = {{kImageAnnotation, options.image}};
  if (!options.kernel_args.empty()) {
    annotations[kKernelAnnotation] = StrJoin(options.kernel_args, " ");
  }
  if (!initdata.empty()) {
    ASSIGN_OR_RETURN(annotations[std::string(tee::kInitdataAnnotation)],
                     tee::EncodeInitdataAnnotation(initdata));
  }
  return annotations;
}

}  // namespace

absl::StatusOr<std::string> MakeRunSpec(const RunOptions& options, const std::string& initdata) {
  RETURN_IF_ERROR(CheckEnvironment(options.env));
  RETURN_IF_ERROR(CheckKernelArguments(options.kernel_args));
  ASSIGN_OR_RETURN(Json annotations, Annotations(options, initdata));
  Json spec = {
      {"ociVersion", "1.0.2"},
      {"process", Process(options)},
      {"root", {{"path", options.rootfs.empty() ? "rootfs" : options.rootfs}}},
      {"hostname", options.id.substr(0, 63)},
      {"mounts", Mounts()},
      {"annotations", annotations},
      {"linux", Linux()},
  };
  return DumpJson(spec);
}

}  // namespace nacre::cli
