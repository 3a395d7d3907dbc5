// The runtime's one configuration: a TOML file, then every *.toml in the folder "<file>.d" in name
// order, later keys winning. An unknown key, a wrong type or an impossible combination is an error
// that names the file, the table and the key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::runtime {

// What kind of memory protection the VM runs with.
enum class Tee { kNone, kEmulatedSnp, kSnp, kTdx };
// "none", "emulated-snp", "snp", "tdx": the words of the configuration file.
std::string_view TeeName(Tee tee);

enum class AcceleratorChoice { kAuto, kKvm, kTcg };
enum class NetworkMode { kNone, kUser };
// How the shim reaches the agent. The guest serves whichever device its machine has, so the choice
// is not measured: one reference value fits hosts with and without vhost-vsock.
enum class AgentChannel { kAuto, kVsock, kVirtioSerial };

// [hypervisor]
struct HypervisorConfig {
  std::string path = "/usr/bin/qemu-system-x86_64";
  AcceleratorChoice accelerator = AcceleratorChoice::kAuto;  // "auto", "kvm", "tcg"
  // "auto" (vsock where this host's kernel offers /dev/vhost-vsock, else virtio-serial), "vsock",
  // "virtio-serial"
  AgentChannel agent_channel = AgentChannel::kAuto;
  Tee tee = Tee::kNone;
  std::string firmware;               // measured image; required unless tee = "none"
  std::string kernel;                 // bzImage, required
  std::string initrd;                 // required
  std::string kernel_params;          // appended to the runtime's own arguments; measured
  std::string vcpu_type = "EPYC-v4";  // the CPU model an SNP launch measurement is computed for
  // tee = "snp" only, both or none: what the owner signed about this launch (tee/sev/id_block.h),
  // 96 and 4096 bytes in base64. The hardware starts no other guest then.
  std::string id_block;
  std::string id_auth;
  uint64_t vcpus = 1;         // 1..64
  uint64_t memory_mib = 512;  // 128..1048576
};

// [emulator]: needed when tee = "emulated-snp".
struct EmulatorConfig {
  std::string path;  // nacre-tee-emulator
  std::string dir;   // its keys and certificates, made by `nacre-tee-emulator init`
};

// [network]
struct NetworkConfig {
  NetworkMode mode = NetworkMode::kUser;  // "none", "user"
};

// [node_cache]: blobs of images kept on this node for its guests, which trust none of it. Shims use
// it when its socket is there.
struct NodeCacheConfig {
  std::string socket = "/run/nacre-node-cache.sock";  // empty: no guest of this node uses a cache
  std::string folder = "/var/cache/nacre/blobs";
  uint64_t max_size_mib = 20480;  // 1..67108864; the blobs used longest ago go first
  bool fetch = true;              // get what is missing from the registry, without credentials
  bool unpacked = true;           // keep plain layers unpacked too, in the room that blobs leave
  std::string registries_conf;    // containers-registries.conf(5) of this node; may be empty
  std::string extra_ca;           // PEM file of roots besides the system's; may be empty
};

// [scratch_disk]: room on this node's disk for what a guest would else keep in its memory. It is
// offered; whether a guest uses it, and how it is encrypted, its owner decides in initdata.
struct ScratchDiskConfig {
  uint64_t size_mib = 0;  // 0: none; 64..67108864, sparse, so this is what it may grow to
  std::string folder = "/var/lib/nacre/scratch";
};

// [runtime]
struct RuntimeSection {
  std::string state_dir = "/run/nacre";
  uint64_t create_timeout_ms = 60000;  // from Create to a container ready to start; 1000..3600000
  // Which io.katacontainers.config.hypervisor.* annotations a pod may set.
  std::vector<std::string> enable_annotations = {"cc_init_data"};
};

struct RuntimeConfig {
  HypervisorConfig hypervisor;
  EmulatorConfig emulator;
  NetworkConfig network;
  NodeCacheConfig node_cache;
  ScratchDiskConfig scratch_disk;
  RuntimeSection runtime;
};

// Where the runtime looks when containerd passes no ConfigPath.
inline constexpr std::string_view kDefaultConfigPath = "/etc/nacre/runtime.toml";

// Parses one complete document; `name` is put before errors.
absl::StatusOr<RuntimeConfig> ParseRuntimeConfig(std::string_view toml, std::string_view name);
// Reads `path` and its drop-in folder.
absl::StatusOr<RuntimeConfig> LoadRuntimeConfig(const std::string& path);

}  // namespace nacre::runtime
