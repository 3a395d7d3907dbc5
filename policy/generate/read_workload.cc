// Documents -> kinds -> pod templates.
#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "policy/generate/read_container.h"
#include "policy/generate/reader.h"
#include "policy/generate/workload.h"

namespace nacre::policy {
namespace {

using yaml::Node;

constexpr size_t kMostNodes = 200'000;  // of a document, aliases written out
constexpr size_t kMostContainers = 256;

// A name as part of a regular expression. Names that controllers make longer are cut there, so only
// their first 40 letters are certain.
constexpr size_t kCertainName = 40;
std::string Quoted(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '.') out += '\\';
    out += c;
  }
  return out;
}

std::string PodNamePattern(std::string_view kind, const std::string& name) {
  if (kind == "Pod") return StrCat("^", Quoted(name), "$");
  if (kind == "StatefulSet") return StrCat("^", Quoted(name), "-[0-9]+$");
  if (name.size() > kCertainName) {
    return StrCat("^", Quoted(name.substr(0, kCertainName)), "[a-z0-9.-]*$");
  }
  if (kind == "Deployment") return StrCat("^", Quoted(name), "-[a-z0-9]{1,10}-[a-z0-9]{5}$");
  if (kind == "CronJob") return StrCat("^", Quoted(name), "-[0-9]{1,11}-([0-9]+-)?[a-z0-9]{5}$");
  if (kind == "Job") return StrCat("^", Quoted(name), "-([0-9]+-)?[a-z0-9]{5}$");
  return StrCat("^", Quoted(name), "-[a-z0-9]{5}$");
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

void ReadVolume(FieldReader& volume, Workload* out) {
  const std::string name = volume.String("name");
  if (name.empty()) volume.Fail("has no name");
  std::optional<VolumeKind> kind;
  volume.Object("emptyDir", [&](FieldReader& empty) {
    const std::string medium = empty.String("medium");
    kind = medium == "Memory" ? VolumeKind::kMemory : VolumeKind::kEmpty;
    if (!medium.empty() && medium != "Memory") empty.FailAt("medium", "is not supported");
    empty.Ignore({"sizeLimit"});
  });
  for (const char* files : {"configMap", "secret", "projected", "downwardAPI"}) {
    if (volume.Has(files)) kind = VolumeKind::kFiles;
  }
  for (const char* claim : {"persistentVolumeClaim", "ephemeral"}) {
    if (volume.Has(claim)) kind = VolumeKind::kClaim;
  }
  volume.Refuse("hostPath", "folders of the host are not shared with a confidential guest");
  const Node* empty = volume.node() == nullptr ? nullptr : volume.node()->Find("emptyDir");
  if (!kind.has_value() && empty != nullptr) kind = VolumeKind::kEmpty;  // "emptyDir:"
  volume.Finish();
  if (!kind.has_value()) volume.Fail("is of no kind that a policy knows");
  if (kind.has_value() && !out->volumes.emplace(name, *kind).second) {
    volume.Fail(StrCat("a second volume '", name, "'"));
  }
}

void ReadPodSecurity(FieldReader& reader, Workload* out) {
  out->security = ReadSecurity(reader);
  out->fs_group = reader.Int("fsGroup");
  reader.Ignore({"fsGroupChangePolicy", "seLinuxChangePolicy"});
  const std::string policy = reader.String("supplementalGroupsPolicy");
  if (!policy.empty() && policy != "Merge" && policy != "Strict") {
    reader.FailAt("supplementalGroupsPolicy", "is not known");
  }
  if (const Node* groups = reader.Take("supplementalGroups")) {
    for (const Node* group : groups->items) {
      int64_t id = 0;
      if (!ParseNumber(group->text, &id) || id < 0 || id > UINT32_MAX - 1) {
        reader.FailAt("supplementalGroups", "holds something that is no group id");
      }
      out->groups.push_back(id);
    }
  }
  reader.Each("sysctls", [&](FieldReader& sysctl) {
    const std::string name = sysctl.String("name");
    out->sysctls[name] = sysctl.Scalar("value");
  });
}

void ReadPodSpec(FieldReader& spec, Workload* out) {
  for (const char* host : {"hostNetwork", "hostPID", "hostIPC"}) {
    spec.Refuse(host, "a confidential guest has no part in the host's namespaces");
  }
  spec.Refuse("ephemeralContainers", "containers for debugging are not part of a workload");
  spec.Refuse("resourceClaims", "devices of resource claims are not known to a policy");
  spec.Refuse("hostnameOverride", "is not supported");
  if (!spec.Bool("hostUsers", true)) spec.FailAt("hostUsers", "user namespaces are not supported");
  out->share_pid = spec.Bool("shareProcessNamespace");
  out->service_links = spec.Bool("enableServiceLinks", true);
  out->service_token = spec.Bool("automountServiceAccountToken", true);
  for (const char* key : {"serviceAccount", "serviceAccountName"}) {
    if (auto name = spec.MaybeString(key)) out->service_account = *name;
  }
  spec.Object("securityContext", [&](FieldReader& s) { ReadPodSecurity(s, out); });
  spec.Each("volumes", [&](FieldReader& v) { ReadVolume(v, out); });
  for (const char* list : {"initContainers", "containers"}) {
    spec.Each(list, [&](FieldReader& container) {
      out->containers.push_back(ReadContainer(container, out->file));
    });
  }
  if (out->containers.empty()) spec.Fail("has no containers");
  if (out->containers.size() > kMostContainers) spec.Fail("has too many containers");
  spec.Ignore({"activeDeadlineSeconds",
               "affinity",
               "dnsConfig",
               "dnsPolicy",
               "hostAliases",
               "hostname",
               "imagePullSecrets",
               "nodeName",
               "nodeSelector",
               "os",
               "overhead",
               "preemptionPolicy",
               "priority",
               "priorityClassName",
               "readinessGates",
               "resources",
               "restartPolicy",
               "runtimeClassName",
               "schedulerName",
               "schedulingGates",
               "setHostnameAsFQDN",
               "subdomain",
               "terminationGracePeriodSeconds",
               "tolerations",
               "topologySpreadConstraints"});
  spec.Finish();
  std::set<std::string> names;
  for (const WorkloadContainer& container : out->containers) {
    if (!names.insert(container.name).second) {
      spec.Fail(StrCat("two containers are called '", container.name, "'"));
    }
    for (const VolumeMount& mount : container.mounts) {
      if (!out->volumes.contains(mount.volume)) {
        spec.Fail(StrCat("container '", container.name, "' mounts volume '", mount.volume,
                         "', which the pod does not have"));
      }
    }
  }
}

// metadata and spec of a pod, or of a template of one.
void ReadPod(FieldReader& pod, Workload* out) {
  out->pod = pod.node();
  pod.Object("metadata", [&](FieldReader& metadata) {
    out->labels = metadata.ScalarMap("labels");
    out->annotations = metadata.ScalarMap("annotations");
    metadata.Ignore({"name", "generateName", "namespace", "creationTimestamp", "uid", "generation",
                     "resourceVersion", "ownerReferences", "finalizers", "managedFields",
                     "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"});
  });
  pod.Object("spec", [&](FieldReader& spec) { ReadPodSpec(spec, out); });
  if (out->containers.empty()) pod.Fail("has no spec with containers");
}

// Volumes that a StatefulSet makes for each of its pods.
void ReadClaimTemplates(FieldReader& spec, Workload* out) {
  spec.Each("volumeClaimTemplates", [&](FieldReader& claim) {
    claim.Object("metadata", [&](FieldReader& metadata) {
      out->volumes.emplace(metadata.String("name"), VolumeKind::kClaim);
      metadata.Ignore({"labels", "annotations", "creationTimestamp", "namespace"});
    });
    claim.Ignore({"apiVersion", "kind", "spec", "status"});
  });
}

void ReadTemplateOf(FieldReader& spec, Workload* out) {
  ReadClaimTemplates(spec, out);
  spec.Object("template", [&](FieldReader& pod) {
    ReadPod(pod, out);
    pod.Ignore({"apiVersion", "kind"});
  });
  if (out->containers.empty()) spec.Fail("has no template of a pod");
  // How many pods there are and when: nothing of what runs in one.
  spec.Ignore({"replicas",
               "selector",
               "strategy",
               "minReadySeconds",
               "revisionHistoryLimit",
               "paused",
               "progressDeadlineSeconds",
               "serviceName",
               "updateStrategy",
               "podManagementPolicy",
               "persistentVolumeClaimRetentionPolicy",
               "ordinals",
               "parallelism",
               "completions",
               "completionMode",
               "backoffLimit",
               "backoffLimitPerIndex",
               "maxFailedIndexes",
               "activeDeadlineSeconds",
               "ttlSecondsAfterFinished",
               "suspend",
               "manualSelector",
               "podFailurePolicy",
               "podReplacementPolicy",
               "successPolicy",
               "managedBy"});
}

void ReadWorkload(FieldReader& object, const std::string& kind, Workload* out) {
  out->kind = kind;
  object.Object("metadata", [&](FieldReader& metadata) {
    out->name = metadata.String("name");
    out->name_space = metadata.String("namespace");
    const std::string generated = metadata.String("generateName");
    if (kind == "Pod" && out->name.empty() && IsName(generated)) {
      out->name = generated;
      out->pod_name = StrCat("^", Quoted(generated), "[a-z0-9]{5}$");
    }
    if (!IsName(out->name)) metadata.FailAt("name", "is missing, or is no name of an object");
    if (!out->name_space.empty() && !IsName(out->name_space)) {
      metadata.FailAt("namespace", "is no name of an object");
    }
    if (metadata.node() != nullptr) metadata.Ignore({"labels", "annotations"});
    metadata.Ignore({"creationTimestamp", "uid", "generation", "resourceVersion", "ownerReferences",
                     "finalizers", "managedFields", "selfLink"});
  });
  if (!object.Has("metadata")) object.FailAt("metadata", "is missing: a workload has a name");
  if (out->pod_name.empty()) out->pod_name = PodNamePattern(kind, out->name);
  object.Ignore({"apiVersion", "kind", "status"});
  if (kind == "Pod") {
    ReadPod(object, out);
  } else if (kind == "CronJob") {
    object.Object("spec", [&](FieldReader& spec) {
      spec.Object("jobTemplate", [&](FieldReader& job) {
        job.Object("spec", [&](FieldReader& s) { ReadTemplateOf(s, out); });
        job.Ignore({"metadata", "apiVersion", "kind"});
      });
      spec.Ignore({"schedule", "timeZone", "concurrencyPolicy", "suspend",
                   "startingDeadlineSeconds", "successfulJobsHistoryLimit",
                   "failedJobsHistoryLimit"});
    });
  } else {
    object.Object("spec", [&](FieldReader& spec) { ReadTemplateOf(spec, out); });
  }
  if (out->containers.empty()) object.Fail("has no containers");
}

void ReadKeyedObject(FieldReader& object, bool secret, Manifests* out) {
  KeyedObject keyed;
  keyed.secret = secret;
  object.Object("metadata", [&](FieldReader& metadata) {
    keyed.name = metadata.String("name");
    metadata.Ignore({"namespace", "labels", "annotations", "creationTimestamp", "uid",
                     "resourceVersion", "managedFields", "generation", "finalizers",
                     "ownerReferences", "selfLink"});
  });
  for (auto& [key, value] : object.StringMap("data")) {
    if (!secret) {
      keyed.values[key] = value;
      continue;
    }
    auto bytes = Base64Decode(value);
    if (!bytes.ok()) {
      object.FailAt("data", StrCat(key, " is not base64"));
      break;
    }
    keyed.values[key] = std::string(AsText(*bytes));
  }
  if (secret) {
    for (auto& [key, value] : object.StringMap("stringData")) keyed.values[key] = value;
  }
  object.Ignore({"apiVersion", "kind", "immutable", "binaryData", "type"});
  out->objects.push_back(std::move(keyed));
}

// What stands beside workloads in a file and says nothing about what runs in a pod.
bool SaysNothing(std::string_view kind) {
  for (std::string_view known :
       {"Service", "ServiceAccount", "Namespace", "Ingress", "NetworkPolicy",
        "HorizontalPodAutoscaler", "PodDisruptionBudget", "Role", "RoleBinding", "ClusterRole",
        "ClusterRoleBinding", "StorageClass", "PersistentVolume", "RuntimeClass",
        "PriorityClass"}) {
    if (kind == known) return true;
  }
  return false;
}

void ReadObject(const Node* node, size_t document, std::string path, ReadErrors* errors,
                Manifests* out) {
  FieldReader object(node, std::move(path), errors);
  const std::string kind = object.String("kind");
  if (SaysNothing(kind) || !errors->first.ok()) return;
  if (kind == "List") {
    object.Ignore({"apiVersion", "metadata"});
    if (const Node* items = object.Take("items")) {
      for (size_t i = 0; i < items->items.size(); ++i) {
        ReadObject(items->items[i], document, StrCat("items[", i, "]"), errors, out);
      }
    }
  } else if (kind == "ConfigMap" || kind == "Secret") {
    ReadKeyedObject(object, kind == "Secret", out);
  } else if (kind == "PersistentVolumeClaim") {
    object.Object("metadata", [&](FieldReader& metadata) {
      out->claims.insert(metadata.String("name"));
      metadata.Ignore({"namespace", "labels", "annotations"});
    });
    return;
  } else if (kind == "Pod" || kind == "Deployment" || kind == "StatefulSet" ||
             kind == "DaemonSet" || kind == "Job" || kind == "CronJob" || kind == "ReplicaSet" ||
             kind == "ReplicationController") {
    Workload workload;
    workload.file = errors->file;
    workload.document = document;
    ReadWorkload(object, kind, &workload);
    out->workloads.push_back(std::move(workload));
  } else {
    object.FailAt("kind", StrCat("'", kind, "' is not known to the generator of policies"));
  }
  object.Finish();
}

}  // namespace

const KeyedObject* Manifests::Find(bool secret, std::string_view name) const {
  for (const KeyedObject& object : objects) {
    if (object.secret == secret && object.name == name) return &object;
  }
  return nullptr;
}

absl::Status ReadManifests(std::string name, std::string text, Manifests* out) {
  auto file = std::make_unique<ManifestFile>();
  file->name = std::move(name);
  file->text = std::move(text);
  yaml::Limits limits;
  limits.max_size = kMaxManifest;
  limits.max_weight = kMostNodes;
  ASSIGN_OR_RETURN(file->stream, yaml::Parse(file->text, limits), file->name);
  ReadErrors errors{file->name, {}};
  for (size_t i = 0; i < file->stream.documents().size() && errors.first.ok(); ++i) {
    const Node* document = file->stream.documents()[i];
    if (!IsNull(document)) ReadObject(document, i, "", &errors, out);
  }
  out->files.push_back(std::move(file));
  return errors.first;
}

}  // namespace nacre::policy
