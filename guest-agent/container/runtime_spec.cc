// Conversion goes field by field: a field that is not written here does not reach crun. Scalars
// that are zero in protobuf are left out of the JSON, since proto3 cannot tell "unset" from zero
// and the runtime specification means "no change" by absence.

#include "guest-agent/container/runtime_spec.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/json.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

constexpr std::string_view kMountTypes[] = {"proc",   "sysfs",  "tmpfs",  "devpts",
                                            "mqueue", "cgroup", "cgroup2"};

struct PlainDevice {
  std::string_view path;
  int64_t major;
  int64_t minor;
};
constexpr PlainDevice kPlainDevices[] = {{"/dev/null", 1, 3},    {"/dev/zero", 1, 5},
                                         {"/dev/full", 1, 7},    {"/dev/random", 1, 8},
                                         {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

absl::Status CheckMounts(const grpc::Spec& spec) {
  for (int i = 0; i < spec.mounts_size(); ++i) {
    const grpc::Mount& mount = spec.mounts(i);
    if (!mount.destination().starts_with('/'))
      return absl::InvalidArgumentError(
          StrCat("spec: mounts[", i, "]: destination is not an absolute path"));
    if (std::ranges::find(kMountTypes, mount.type()) == std::end(kMountTypes))
      return absl::UnimplementedError(StrCat("spec: mounts[", i, "]: type '", mount.type(),
                                             "' cannot be mounted in the guest"));
    for (const std::string& option : mount.options()) {
      if (option == "bind" || option == "rbind")
        return absl::UnimplementedError(
            StrCat("spec: mounts[", i, "]: bind mounts are not shared into the guest"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNamespaces(const grpc::Linux& os) {
  std::set<std::string> seen;
  for (const grpc::LinuxNamespace& space : os.namespaces()) {
    if (!seen.insert(space.type()).second)
      return absl::InvalidArgumentError(
          StrCat("spec: namespace '", space.type(), "' is given twice"));
    if (space.type() == "user")
      return absl::UnimplementedError("spec: user namespaces are not supported in the guest");
    if (!space.path().empty() && space.type() != "network")
      return absl::InvalidArgumentError(
          StrCat("spec: namespace '", space.type(), "' is joined by a path of the host"));
  }
  return absl::OkStatus();
}

absl::Status CheckDevices(const grpc::Linux& os) {
  for (const grpc::LinuxDevice& device : os.devices()) {
    const bool plain = std::ranges::any_of(kPlainDevices, [&](const PlainDevice& known) {
      return device.path() == known.path && device.type() == "c" && device.major() == known.major &&
             device.minor() == known.minor;
    });
    if (!plain)
      return absl::UnimplementedError(
          StrCat("spec: device '", device.path(), "' is not available in the guest"));
  }
  return absl::OkStatus();
}

Json List(const auto& values) {
  Json out = Json::array();
  for (const auto& value : values) out.push_back(value);
  return out;
}

template <typename T>
void PutUnlessZero(Json* object, const char* key, const T& value) {
  if (value != T{}) (*object)[key] = value;
}
void PutUnlessEmpty(Json* object, const char* key, const auto& list) {
  if (!list.empty()) (*object)[key] = List(list);
}
void PutUnlessEmptyObject(Json* object, const char* key, Json value) {
  if (!value.empty()) (*object)[key] = std::move(value);
}

Json CapabilitiesJson(const grpc::LinuxCapabilities& capabilities) {
  Json out = Json::object();
  out["bounding"] = List(capabilities.bounding());
  out["effective"] = List(capabilities.effective());
  out["inheritable"] = List(capabilities.inheritable());
  out["permitted"] = List(capabilities.permitted());
  out["ambient"] = List(capabilities.ambient());
  return out;
}

// AppArmor and SELinux labels name profiles of the host; the guest's kernel has neither loaded.
Json ProcessJson(const grpc::Process& process) {
  Json out = Json::object();
  out["terminal"] = process.terminal();
  if (process.terminal() && process.has_consolesize()) {
    out["consoleSize"] = {{"height", process.consolesize().height()},
                          {"width", process.consolesize().width()}};
  }
  out["user"] = {{"uid", process.user().uid()}, {"gid", process.user().gid()}};
  PutUnlessEmpty(&out["user"], "additionalGids", process.user().additionalgids());
  out["args"] = List(process.args());
  out["env"] = List(process.env());
  out["cwd"] = process.cwd();
  out["capabilities"] = CapabilitiesJson(process.capabilities());
  Json rlimits = Json::array();
  for (const grpc::POSIXRlimit& limit : process.rlimits())
    rlimits.push_back({{"type", limit.type()}, {"hard", limit.hard()}, {"soft", limit.soft()}});
  PutUnlessEmptyObject(&out, "rlimits", std::move(rlimits));
  out["noNewPrivileges"] = process.nonewprivileges();
  PutUnlessZero(&out, "oomScoreAdj", process.oomscoreadj());
  return out;
}

Json MountsJson(const grpc::Spec& spec, const std::string& resolv_conf) {
  Json out = Json::array();
  bool mounts_resolv_conf = false;
  for (const grpc::Mount& mount : spec.mounts()) {
    mounts_resolv_conf |= mount.destination() == "/etc/resolv.conf";
    const bool cgroup = mount.type().starts_with("cgroup");
    out.push_back({{"destination", mount.destination()},
                   {"type", cgroup ? "cgroup" : mount.type()},
                   {"source", cgroup ? "cgroup" : mount.source()},
                   {"options", List(mount.options())}});
  }
  if (!resolv_conf.empty() && !mounts_resolv_conf) {
    out.push_back({{"destination", "/etc/resolv.conf"},
                   {"type", "bind"},
                   {"source", resolv_conf},
                   {"options", {"bind", "ro", "nosuid", "nodev", "noexec"}}});
  }
  return out;
}

// A container without its own pid or mount namespace would live in the agent's: both are always
// there. The network namespace is the pod's, which is the guest's.
Json NamespacesJson(const grpc::Linux& os) {
  std::set<std::string> types = {"mount", "pid"};
  for (const grpc::LinuxNamespace& space : os.namespaces()) types.insert(space.type());
  types.erase("network");
  Json out = Json::array();
  for (const std::string& type : types) out.push_back({{"type", type}});
  return out;
}

Json MemoryJson(const grpc::LinuxMemory& memory) {
  Json out = Json::object();
  PutUnlessZero(&out, "limit", memory.limit());
  PutUnlessZero(&out, "reservation", memory.reservation());
  PutUnlessZero(&out, "swap", memory.swap());
  return out;
}

Json CpuJson(const grpc::LinuxCPU& cpu) {
  Json out = Json::object();
  PutUnlessZero(&out, "shares", cpu.shares());
  PutUnlessZero(&out, "quota", cpu.quota());
  PutUnlessZero(&out, "period", cpu.period());
  PutUnlessZero(&out, "cpus", cpu.cpus());
  PutUnlessZero(&out, "mems", cpu.mems());
  return out;
}

Json ResourcesJson(const grpc::LinuxResources& resources) {
  Json out = Json::object();
  Json devices = Json::array();
  for (const grpc::LinuxDeviceCgroup& rule : resources.devices()) {
    Json one = {{"allow", rule.allow()}, {"access", rule.access()}};
    PutUnlessZero(&one, "type", rule.type());
    PutUnlessZero(&one, "major", rule.major());
    PutUnlessZero(&one, "minor", rule.minor());
    devices.push_back(std::move(one));
  }
  PutUnlessEmptyObject(&out, "devices", std::move(devices));
  PutUnlessEmptyObject(&out, "memory", MemoryJson(resources.memory()));
  PutUnlessEmptyObject(&out, "cpu", CpuJson(resources.cpu()));
  if (resources.pids().limit() != 0) out["pids"] = {{"limit", resources.pids().limit()}};
  return out;
}

Json SyscallJson(const grpc::LinuxSyscall& syscall) {
  Json out = {{"names", List(syscall.names())}, {"action", syscall.action()}};
  if (syscall.has_errnoret()) out["errnoRet"] = syscall.errnoret();
  Json args = Json::array();
  for (const grpc::LinuxSeccompArg& arg : syscall.args()) {
    args.push_back({{"index", arg.index()},
                    {"value", arg.value()},
                    {"valueTwo", arg.valuetwo()},
                    {"op", arg.op()}});
  }
  PutUnlessEmptyObject(&out, "args", std::move(args));
  return out;
}

Json SeccompJson(const grpc::LinuxSeccomp& seccomp) {
  Json out = {{"defaultAction", seccomp.defaultaction()}};
  PutUnlessEmpty(&out, "architectures", seccomp.architectures());
  PutUnlessEmpty(&out, "flags", seccomp.flags());
  Json syscalls = Json::array();
  for (const grpc::LinuxSyscall& syscall : seccomp.syscalls())
    syscalls.push_back(SyscallJson(syscall));
  out["syscalls"] = std::move(syscalls);
  return out;
}

Json LinuxJson(const grpc::Linux& os, const std::string& cgroup_path) {
  Json out = {{"namespaces", NamespacesJson(os)}, {"cgroupsPath", cgroup_path}};
  PutUnlessEmptyObject(&out, "resources", ResourcesJson(os.resources()));
  Json sysctl = Json::object();
  for (const auto& [name, value] : os.sysctl()) sysctl[name] = value;
  PutUnlessEmptyObject(&out, "sysctl", std::move(sysctl));
  if (!os.seccomp().defaultaction().empty()) out["seccomp"] = SeccompJson(os.seccomp());
  PutUnlessZero(&out, "rootfsPropagation", os.rootfspropagation());
  PutUnlessEmpty(&out, "maskedPaths", os.maskedpaths());
  PutUnlessEmpty(&out, "readonlyPaths", os.readonlypaths());
  return out;
}

}  // namespace

absl::Status CheckSpec(const grpc::Spec& spec) {
  const grpc::Hooks& hooks = spec.hooks();
  if (hooks.ByteSizeLong() != 0)
    return absl::InvalidArgumentError("spec: hooks of the host do not run in the guest");
  if (!spec.linux().uidmappings().empty() || !spec.linux().gidmappings().empty())
    return absl::UnimplementedError("spec: id mappings are not supported in the guest");
  RETURN_IF_ERROR(CheckMounts(spec));
  RETURN_IF_ERROR(CheckNamespaces(spec.linux()));
  return CheckDevices(spec.linux());
}

absl::StatusOr<std::string> RuntimeSpecJson(const grpc::Spec& spec,
                                            const RuntimeSpecInputs& inputs) {
  RETURN_IF_ERROR(CheckSpec(spec));
  Json out = Json::object();
  out["ociVersion"] = "1.0.2";
  out["process"] = ProcessJson(inputs.process);
  out["root"] = {{"path", inputs.rootfs}, {"readonly", spec.root().readonly()}};
  PutUnlessZero(&out, "hostname", spec.hostname());
  out["mounts"] = MountsJson(spec, inputs.resolv_conf);
  out["linux"] = LinuxJson(spec.linux(), inputs.cgroup_path);
  return DumpJson(out);
}

absl::StatusOr<std::string> RuntimeProcessJson(const grpc::Process& process) {
  return DumpJson(ProcessJson(process));
}

}  // namespace nacre::guest_agent
