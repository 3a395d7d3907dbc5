#include "runtime/sandbox/guest_spec.h"

#include <iterator>

#include "base/strings.h"
#include "runtime/sandbox/spec_reader.h"

namespace nacre::runtime {
namespace {

void ReadCapabilities(SpecReader reader, grpc::LinuxCapabilities* out) {
  reader.Strings("bounding", out->mutable_bounding());
  reader.Strings("effective", out->mutable_effective());
  reader.Strings("inheritable", out->mutable_inheritable());
  reader.Strings("permitted", out->mutable_permitted());
  reader.Strings("ambient", out->mutable_ambient());
  reader.Finish();
}

void ReadUser(SpecReader reader, grpc::User* out) {
  out->set_uid(reader.U32("uid"));
  out->set_gid(reader.U32("gid"));
  out->set_username(reader.String("username"));
  reader.Ignore("umask");
  reader.EachNumber("additionalGids", [&](uint64_t gid) { out->add_additionalgids(gid); });
  reader.Finish();
}

void ReadProcess(SpecReader reader, grpc::Process* out) {
  out->set_terminal(reader.Bool("terminal"));
  reader.Object("consoleSize", [&](SpecReader size) {
    out->mutable_consolesize()->set_height(size.U32("height"));
    out->mutable_consolesize()->set_width(size.U32("width"));
    size.Finish();
  });
  reader.Object("user", [&](SpecReader user) { ReadUser(user, out->mutable_user()); });
  reader.Strings("args", out->mutable_args());
  reader.Strings("env", out->mutable_env());
  out->set_cwd(reader.String("cwd"));
  reader.Object("capabilities", [&](SpecReader capabilities) {
    ReadCapabilities(capabilities, out->mutable_capabilities());
  });
  reader.Each("rlimits", [&](SpecReader limit) {
    grpc::POSIXRlimit* to = out->add_rlimits();
    to->set_type(limit.String("type"));
    to->set_hard(limit.U64("hard"));
    to->set_soft(limit.U64("soft"));
    limit.Finish();
  });
  out->set_nonewprivileges(reader.Bool("noNewPrivileges"));
  out->set_oomscoreadj(reader.I64("oomScoreAdj"));
  // The host's security modules do not reach into the guest.
  reader.Ignore("apparmorProfile");
  reader.Ignore("selinuxLabel");
  reader.Finish();
}

void ReadMount(SpecReader reader, grpc::Spec* spec) {
  grpc::Mount* out = spec->add_mounts();
  out->set_destination(reader.String("destination"));
  out->set_source(reader.String("source"));
  out->set_type(reader.String("type"));
  reader.Strings("options", out->mutable_options());
  bool bind = out->type() == "bind";
  for (const std::string& option : out->options()) bind |= option == "bind" || option == "rbind";
  if (bind) {
    reader.Fail(StrCat("bind mount of ", out->source(), " at ", out->destination(),
                       ": host folders are not shared with a confidential guest"));
  }
  reader.Finish();
}

void ReadMemory(SpecReader reader, grpc::LinuxMemory* out) {
  out->set_limit(reader.I64("limit"));
  out->set_reservation(reader.I64("reservation"));
  out->set_swap(reader.I64("swap"));
  out->set_kernel(reader.I64("kernel"));
  out->set_kerneltcp(reader.I64("kernelTCP"));
  out->set_swappiness(reader.U64("swappiness"));
  out->set_disableoomkiller(reader.Bool("disableOOMKiller"));
  reader.Ignore("checkBeforeUpdate");
  reader.Finish();
}

void ReadCpu(SpecReader reader, grpc::LinuxCPU* out) {
  out->set_shares(reader.U64("shares"));
  out->set_quota(reader.I64("quota"));
  out->set_period(reader.U64("period"));
  out->set_realtimeruntime(reader.I64("realtimeRuntime"));
  out->set_realtimeperiod(reader.U64("realtimePeriod"));
  // A cpuset names CPUs of the host; the guest has its own.
  reader.Ignore("cpus");
  reader.Ignore("mems");
  reader.Finish();
}

void ReadResources(SpecReader reader, grpc::LinuxResources* out) {
  reader.Each("devices", [&](SpecReader rule) {
    grpc::LinuxDeviceCgroup* to = out->add_devices();
    to->set_allow(rule.Bool("allow"));
    to->set_type(rule.String("type"));
    to->set_major(rule.I64("major"));
    to->set_minor(rule.I64("minor"));
    to->set_access(rule.String("access"));
    rule.Finish();
  });
  reader.Object("memory", [&](SpecReader memory) { ReadMemory(memory, out->mutable_memory()); });
  reader.Object("cpu", [&](SpecReader cpu) { ReadCpu(cpu, out->mutable_cpu()); });
  reader.Object("pids", [&](SpecReader pids) {
    out->mutable_pids()->set_limit(pids.I64("limit"));
    pids.Finish();
  });
  // Weights and limits of the host's disks and network cards.
  for (const char* host : {"blockIO", "hugepageLimits", "network", "rdma", "unified"}) {
    reader.Ignore(host);
  }
  reader.Finish();
}

void ReadSyscallRule(SpecReader reader, grpc::LinuxSyscall* out) {
  reader.Strings("names", out->mutable_names());
  out->set_action(reader.String("action"));
  if (reader.Has("errnoRet")) out->set_errnoret(reader.U32("errnoRet"));
  reader.Each("args", [&](SpecReader arg) {
    grpc::LinuxSeccompArg* to = out->add_args();
    to->set_index(arg.U64("index"));
    to->set_value(arg.U64("value"));
    to->set_valuetwo(arg.U64("valueTwo"));
    to->set_op(arg.String("op"));
    arg.Finish();
  });
  reader.Finish();
}

void ReadSeccomp(SpecReader reader, grpc::LinuxSeccomp* out) {
  out->set_defaultaction(reader.String("defaultAction"));
  reader.Strings("architectures", out->mutable_architectures());
  reader.Strings("flags", out->mutable_flags());
  reader.Each("syscalls", [&](SpecReader rule) { ReadSyscallRule(rule, out->add_syscalls()); });
  // The agent protocol has no field for it; without it a refused call answers EPERM.
  reader.Ignore("defaultErrnoRet");
  reader.Finish();
}

// The VM is the network namespace, and the guest has its own cgroup tree.
void ReadNamespace(SpecReader reader, grpc::Linux* out) {
  const std::string type = reader.String("type");
  const std::string path = reader.String("path");
  if (type != "network" && !path.empty()) {
    reader.Fail(
        StrCat("joining the host's ", type, " namespace at ", path, " is impossible from a VM"));
  }
  if (type != "network") out->add_namespaces()->set_type(type);
  reader.Finish();
}

void ReadLinux(SpecReader reader, grpc::Linux* out) {
  reader.StringMap("sysctl", out->mutable_sysctl());
  reader.Object("resources",
                [&](SpecReader resources) { ReadResources(resources, out->mutable_resources()); });
  reader.Each("namespaces", [&](SpecReader ns) { ReadNamespace(ns, out); });
  reader.Object("seccomp",
                [&](SpecReader seccomp) { ReadSeccomp(seccomp, out->mutable_seccomp()); });
  out->set_rootfspropagation(reader.String("rootfsPropagation"));
  reader.Strings("maskedPaths", out->mutable_maskedpaths());
  reader.Strings("readonlyPaths", out->mutable_readonlypaths());
  reader.Ignore("cgroupsPath");
  reader.Ignore("mountLabel");
  for (const char* refused : {"uidMappings", "gidMappings", "devices", "intelRdt", "personality"}) {
    reader.Refuse(refused, "cannot reach into a confidential guest");
  }
  reader.Finish();
}

// Requests to the runtime (such as initdata itself) are answered on this side.
void DropRuntimeAnnotations(grpc::Spec* spec) {
  auto& annotations = *spec->mutable_annotations();
  for (auto it = annotations.begin(); it != annotations.end();) {
    it = it->first.starts_with("io.katacontainers.") ? annotations.erase(it) : std::next(it);
  }
}

}  // namespace

absl::Status FillGuestSpec(const Json& spec, const std::string& rootfs, grpc::Spec* out) {
  absl::Status error;
  SpecReader reader(spec, "config.json", &error);
  out->set_version(reader.String("ociVersion"));
  reader.Object("process",
                [&](SpecReader process) { ReadProcess(process, out->mutable_process()); });
  reader.Object("root", [&](SpecReader root) {
    out->mutable_root()->set_path(rootfs);
    out->mutable_root()->set_readonly(root.Bool("readonly"));
    root.Ignore("path");
    root.Finish();
  });
  out->set_hostname(reader.String("hostname"));
  reader.Ignore("domainname");
  reader.Each("mounts", [&](SpecReader mount) { ReadMount(mount, out); });
  reader.StringMap("annotations", out->mutable_annotations());
  DropRuntimeAnnotations(out);
  reader.Object("linux", [&](SpecReader part) { ReadLinux(part, out->mutable_linux()); });
  reader.Refuse("hooks", "host programs do not run in the guest");
  for (const char* other : {"solaris", "windows", "vm", "zos"}) {
    reader.Refuse(other, "only Linux containers are run");
  }
  reader.Finish();
  return error;
}

absl::Status FillGuestProcess(const Json& process, grpc::Process* out) {
  absl::Status error;
  ReadProcess(SpecReader(process, "process", &error), out);
  return error;
}

}  // namespace nacre::runtime
