// What manifests say about pods, as far as it reaches into a guest. Kubernetes API, v1 of core,
// apps and batch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/yaml/yaml.h"

namespace nacre::policy {

// One variable of a container, before references are followed.
struct EnvEntry {
  enum class Source { kText, kConfigMap, kSecret, kField, kResource };
  std::string name;
  Source source = Source::kText;
  std::string text;    // the value; of a field its path, of a resource its name
  std::string object;  // name of the ConfigMap or Secret
  std::string key;     // in it
  bool optional = false;
  std::string where;  // "pod.yaml: spec.containers[0].env[2]", for errors
};

// envFrom: every key of a ConfigMap or Secret.
struct EnvBulk {
  bool secret = false;
  std::string object;
  std::string prefix;
  bool optional = false;
  std::string where;
};

struct VolumeMount {
  std::string volume;
  std::string path;
  bool read_only = false;
  std::string propagation;  // "", "None", "HostToContainer", "Bidirectional"
};

struct SecurityContext {
  std::optional<int64_t> user;
  std::optional<int64_t> group;
  std::optional<bool> non_root;
  std::optional<bool> seccomp;  // false: Unconfined
};

struct WorkloadContainer {
  std::string name;
  std::string image;
  const yaml::Node* image_node = nullptr;  // where it stands
  std::vector<std::string> command;
  std::vector<std::string> args;
  bool has_command = false;
  bool has_args = false;
  std::string working_dir;
  std::vector<EnvBulk> env_from;
  std::vector<EnvEntry> env;
  std::vector<VolumeMount> mounts;
  std::vector<std::string> devices;
  std::vector<std::vector<std::string>> exec;  // commands of probes and lifecycle hooks
  SecurityContext security;
  std::vector<std::string> add_capabilities;  // "NET_ADMIN" or "CAP_NET_ADMIN" or "ALL"
  std::vector<std::string> drop_capabilities;
  bool no_new_privileges = false;
  bool read_only = false;
  bool unmasked = false;  // procMount: Unmasked
  bool terminal = false;
  bool stdin_open = false;
  int64_t gpus = 0;
  std::string termination_log = "/dev/termination-log";
  std::string where;  // "pod.yaml: spec.containers[0]"
};

enum class VolumeKind { kEmpty, kMemory, kFiles, kClaim };

struct Workload {
  std::string file;
  size_t document = 0;  // in the file, from 0
  std::string kind;     // "Deployment"
  std::string name;
  std::string pod_name;             // regular expression
  std::string name_space;           // "" when the manifest leaves it to kubectl
  const yaml::Node* pod = nullptr;  // the mapping with metadata and spec of the pod
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  SecurityContext security;
  std::optional<int64_t> fs_group;
  std::vector<int64_t> groups;
  std::map<std::string, std::string> sysctls;
  bool share_pid = false;
  bool service_links = true;
  bool service_token = true;
  std::string service_account = "default";
  std::map<std::string, VolumeKind> volumes;
  std::vector<WorkloadContainer> containers;
};

// A ConfigMap or Secret; values of a Secret are already decoded.
struct KeyedObject {
  bool secret = false;
  std::string name;
  std::map<std::string, std::string> values;
};

// A file of manifests, read.
struct ManifestFile {
  std::string name;
  std::string text;
  yaml::Stream stream;
};

struct Manifests {
  std::vector<std::unique_ptr<ManifestFile>> files;
  std::vector<Workload> workloads;  // in their order; nodes point into `files`
  std::vector<KeyedObject> objects;
  std::set<std::string> claims;  // names of the PersistentVolumeClaims among them

  const KeyedObject* Find(bool secret, std::string_view name) const;
};

inline constexpr size_t kMaxManifest = 4 << 20;

// Adds one file's documents. kInvalidArgument "<file>:<line>: <path>: <reason>" for a document that
// is not understood to its last field.
absl::Status ReadManifests(std::string name, std::string text, Manifests* out);

}  // namespace nacre::policy
