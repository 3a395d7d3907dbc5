#include "policy/generate/read_container.h"

#include "base/strings.h"

namespace nacre::policy {
namespace {

using Source = EnvEntry::Source;

constexpr int64_t kMostGpus = 64;

std::string Where(const FieldReader& reader, const std::string& file) {
  return StrCat(file, ": ", reader.path());
}

void ReadKeyRef(FieldReader& from, std::string_view key, Source source, EnvEntry* entry) {
  from.Object(key, [&](FieldReader& ref) {
    entry->source = source;
    entry->object = ref.String("name");
    entry->key = ref.String("key");
    entry->optional = ref.Bool("optional");
  });
}

EnvEntry ReadEnv(FieldReader& reader, const std::string& file) {
  EnvEntry entry;
  entry.where = Where(reader, file);
  entry.name = reader.String("name");
  if (entry.name.empty() || entry.name.find('=') != std::string::npos) {
    reader.Fail("has no name that a variable could have");
  }
  entry.text = reader.String("value");
  reader.Object("valueFrom", [&](FieldReader& from) {
    ReadKeyRef(from, "configMapKeyRef", Source::kConfigMap, &entry);
    ReadKeyRef(from, "secretKeyRef", Source::kSecret, &entry);
    from.Object("fieldRef", [&](FieldReader& ref) {
      entry.source = Source::kField;
      entry.text = ref.String("fieldPath");
      ref.Ignore({"apiVersion"});
    });
    from.Object("resourceFieldRef", [&](FieldReader& ref) {
      entry.source = Source::kResource;
      entry.text = ref.String("resource");
      ref.Ignore({"containerName", "divisor"});
    });
    if (entry.source == Source::kText) from.Fail("names no source of a value");
  });
  return entry;
}

EnvBulk ReadEnvBulk(FieldReader& reader, const std::string& file) {
  EnvBulk bulk;
  bulk.where = Where(reader, file);
  bulk.prefix = reader.String("prefix");
  for (const char* key : {"configMapRef", "secretRef"}) {
    reader.Object(key, [&](FieldReader& ref) {
      bulk.secret = key == std::string_view("secretRef");
      bulk.object = ref.String("name");
      bulk.optional = ref.Bool("optional");
    });
  }
  if (bulk.object.empty()) reader.Fail("names no ConfigMap or Secret");
  return bulk;
}

VolumeMount ReadVolumeMount(FieldReader& reader) {
  VolumeMount mount;
  mount.volume = reader.String("name");
  mount.path = reader.String("mountPath");
  mount.read_only = reader.Bool("readOnly");
  mount.propagation = reader.String("mountPropagation");
  reader.Refuse("recursiveReadOnly", "is not supported");
  reader.Ignore({"subPath", "subPathExpr"});  // the kubelet's: the guest is given the part
  if (!mount.path.starts_with('/')) reader.FailAt("mountPath", "is not an absolute path");
  return mount;
}

void ReadExecAction(FieldReader& reader, WorkloadContainer* out) {
  reader.Object("exec", [&](FieldReader& exec) {
    out->exec.push_back(exec.Strings("command"));
    if (out->exec.back().empty()) exec.Fail("has no command");
  });
  // The kubelet does these over the network, or only waits.
  reader.Ignore({"httpGet", "tcpSocket", "grpc", "sleep"});
}

void ReadProbe(FieldReader& probe, WorkloadContainer* out) {
  ReadExecAction(probe, out);
  probe.Ignore({"failureThreshold", "initialDelaySeconds", "periodSeconds", "successThreshold",
                "terminationGracePeriodSeconds", "timeoutSeconds"});
}

void ReadResources(FieldReader& resources, WorkloadContainer* out) {
  for (const auto& [name, amount] : resources.ScalarMap("limits")) {
    if (!name.starts_with("nvidia.com/")) continue;
    if (!ParseNumber(amount, &out->gpus) || out->gpus < 0 || out->gpus > kMostGpus) {
      resources.Fail(StrCat("limits: ", name, ": '", amount, "' is not a number of devices"));
    }
  }
  resources.Refuse("claims", "devices of resource claims are not known to a policy");
  resources.Ignore({"requests"});
}

void ReadContainerSecurity(FieldReader& reader, WorkloadContainer* out) {
  out->security = ReadSecurity(reader);
  out->no_new_privileges = !reader.Bool("allowPrivilegeEscalation", true);
  out->read_only = reader.Bool("readOnlyRootFilesystem");
  reader.Refuse("privileged",
                "a privileged container is not confined by any policy: name what it needs in "
                "capabilities.add");
  const std::string proc = reader.String("procMount");
  out->unmasked = proc == "Unmasked";
  if (!proc.empty() && proc != "Default" && proc != "Unmasked") {
    reader.FailAt("procMount", StrCat("'", proc, "' is neither Default nor Unmasked"));
  }
  reader.Object("capabilities", [&](FieldReader& capabilities) {
    out->add_capabilities = capabilities.Strings("add");
    out->drop_capabilities = capabilities.Strings("drop");
  });
}

}  // namespace

SecurityContext ReadSecurity(FieldReader& reader) {
  SecurityContext out;
  out.user = reader.Int("runAsUser");
  out.group = reader.Int("runAsGroup");
  for (const auto& id : {out.user, out.group}) {
    if (id.has_value() && (*id < 0 || *id > UINT32_MAX - 1)) reader.Fail("an id is out of range");
  }
  if (reader.Has("runAsNonRoot")) out.non_root = reader.Bool("runAsNonRoot");
  reader.Object("seccompProfile", [&](FieldReader& profile) {
    const std::string type = profile.String("type");
    out.seccomp = type != "Unconfined";
    if (type != "Unconfined" && type != "RuntimeDefault" && type != "Localhost") {
      profile.FailAt("type", "is not known");
    }
    profile.Ignore({"localhostProfile"});
  });
  reader.Refuse("seLinuxOptions", "the guest has no SELinux");
  reader.Refuse("windowsOptions", "the guest is Linux");
  reader.Ignore({"appArmorProfile"});  // of the host's kernel; the guest's has no profiles
  return out;
}

WorkloadContainer ReadContainer(FieldReader& reader, const std::string& file) {
  WorkloadContainer out;
  out.where = Where(reader, file);
  out.name = reader.String("name");
  out.image = reader.String("image");
  out.image_node = reader.Take("image");
  if (out.name.empty()) reader.Fail("has no name");
  if (out.image.empty()) reader.Fail("has no image");
  out.has_command = reader.Has("command");
  out.command = reader.Strings("command");
  out.has_args = reader.Has("args");
  out.args = reader.Strings("args");
  out.working_dir = reader.String("workingDir");
  reader.Each("envFrom", [&](FieldReader& e) { out.env_from.push_back(ReadEnvBulk(e, file)); });
  reader.Each("env", [&](FieldReader& e) { out.env.push_back(ReadEnv(e, file)); });
  reader.Each("volumeMounts", [&](FieldReader& m) { out.mounts.push_back(ReadVolumeMount(m)); });
  reader.Each("volumeDevices", [&](FieldReader& device) {
    device.Ignore({"name"});
    out.devices.push_back(device.String("devicePath"));
  });
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    reader.Object(probe, [&](FieldReader& p) { ReadProbe(p, &out); });
  }
  reader.Object("lifecycle", [&](FieldReader& lifecycle) {
    for (const char* hook : {"postStart", "preStop"}) {
      lifecycle.Object(hook, [&](FieldReader& h) { ReadExecAction(h, &out); });
    }
    lifecycle.Ignore({"stopSignal"});
  });
  reader.Object("resources", [&](FieldReader& r) { ReadResources(r, &out); });
  reader.Object("securityContext", [&](FieldReader& s) { ReadContainerSecurity(s, &out); });
  out.terminal = reader.Bool("tty");
  out.stdin_open = reader.Bool("stdin");
  if (auto path = reader.MaybeString("terminationMessagePath")) out.termination_log = *path;
  reader.Ignore({"imagePullPolicy", "ports", "resizePolicy", "restartPolicy", "stdinOnce",
                 "terminationMessagePolicy"});
  return out;
}

}  // namespace nacre::policy
