#include "runtime/config/runtime_config.h"

#include <algorithm>
#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/toml.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxConfigSize = 64 << 10;
constexpr size_t kMaxDropIns = 64;
constexpr uint64_t kMinScratchDiskMib = 64;
constexpr uint64_t kMaxScratchDiskMib = 1 << 26;

absl::Status ReadHypervisor(const Json& table, const std::string& where, HypervisorConfig* out) {
  std::string accelerator = "auto", channel = "auto", tee = "none";
  RETURN_IF_ERROR(TableReader(table, where)
                      .String("path", &out->path)
                      .Choice("accelerator", &accelerator, {"auto", "kvm", "tcg"})
                      .Choice("agent_channel", &channel, {"auto", "vsock", "virtio-serial"})
                      .Choice("tee", &tee, {"none", "emulated-snp", "snp", "tdx"})
                      .String("firmware", &out->firmware)
                      .String("kernel", &out->kernel)
                      .String("initrd", &out->initrd)
                      .String("kernel_params", &out->kernel_params)
                      .String("vcpu_type", &out->vcpu_type)
                      .String("id_block", &out->id_block)
                      .String("id_auth", &out->id_auth)
                      .Uint("vcpus", &out->vcpus, 1, 64)
                      .Uint("memory_mib", &out->memory_mib, 128, 1 << 20)
                      .Finish());
  out->accelerator = accelerator == "kvm"   ? AcceleratorChoice::kKvm
                     : accelerator == "tcg" ? AcceleratorChoice::kTcg
                                            : AcceleratorChoice::kAuto;
  out->agent_channel = channel == "vsock"           ? AgentChannel::kVsock
                       : channel == "virtio-serial" ? AgentChannel::kVirtioSerial
                                                    : AgentChannel::kAuto;
  for (Tee kind : {Tee::kNone, Tee::kEmulatedSnp, Tee::kSnp, Tee::kTdx}) {
    if (TeeName(kind) == tee) out->tee = kind;
  }
  return absl::OkStatus();
}

absl::Status ReadNetwork(const Json& table, const std::string& where, NetworkConfig* out) {
  std::string mode = "user";
  RETURN_IF_ERROR(TableReader(table, where).Choice("mode", &mode, {"none", "user"}).Finish());
  out->mode = mode == "none" ? NetworkMode::kNone : NetworkMode::kUser;
  return absl::OkStatus();
}

absl::Status ReadNodeCache(const Json& table, const std::string& where, NodeCacheConfig* out) {
  return TableReader(table, where)
      .String("socket", &out->socket)
      .String("folder", &out->folder)
      .Uint("max_size_mib", &out->max_size_mib, 1, 1 << 26)
      .Bool("fetch", &out->fetch)
      .Bool("unpacked", &out->unpacked)
      .String("registries_conf", &out->registries_conf)
      .String("extra_ca", &out->extra_ca)
      .Finish();
}

absl::Status ReadScratchDisk(const Json& table, const std::string& where, ScratchDiskConfig* out) {
  RETURN_IF_ERROR(TableReader(table, where)
                      .Uint("size_mib", &out->size_mib, 0, kMaxScratchDiskMib)
                      .String("folder", &out->folder)
                      .Finish());
  if (out->size_mib == 0 || out->size_mib >= kMinScratchDiskMib) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat(where, ": size_mib is ", out->size_mib,
                                           ", expected 0 (no disk) or at least ",
                                           kMinScratchDiskMib));
}

// An absolute path that QEMU's option syntax can carry: no comma (its separator), no control byte.
absl::Status CheckPath(std::string_view where, std::string_view path, bool required) {
  if (path.empty()) {
    return required ? absl::InvalidArgumentError(StrCat(where, " is required")) : absl::OkStatus();
  }
  if (path[0] != '/') {
    return absl::InvalidArgumentError(
        StrCat(where, ": expected an absolute path, got '", path, "'"));
  }
  for (unsigned char c : path) {
    if (c == ',' || c < 0x20 || c == 0x7f) {
      return absl::InvalidArgumentError(
          StrCat(where, ": a path may not hold a comma or a control character"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAnnotationNames(const std::string& name, const RuntimeConfig& config) {
  for (const std::string& annotation : config.runtime.enable_annotations) {
    if (annotation != "cc_init_data" && annotation != "kernel_params") {
      return absl::InvalidArgumentError(
          StrCat(name, ": [runtime] enable_annotations: unknown annotation '", annotation,
                 "'; known are cc_init_data, kernel_params"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckIdBlock(const std::string& name, const HypervisorConfig& hypervisor) {
  if (hypervisor.id_block.empty() && hypervisor.id_auth.empty()) return absl::OkStatus();
  const auto refuse = [&name](std::string_view why) {
    return absl::InvalidArgumentError(StrCat(name, ": [hypervisor] ", why));
  };
  if (hypervisor.tee != Tee::kSnp) return refuse("id_block and id_auth need tee = \"snp\"");
  const struct {
    std::string_view key;
    const std::string& text;
    size_t size;
  } fields[] = {{"id_block", hypervisor.id_block, 96}, {"id_auth", hypervisor.id_auth, 4096}};
  for (const auto& [key, text, size] : fields) {
    const auto bytes = Base64Decode(text);
    if (bytes.ok() && bytes->size() == size) continue;
    return refuse(StrCat(key, ": expected ", size, " bytes in base64, beside its counterpart"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const std::string& name, const RuntimeConfig& config) {
  const HypervisorConfig& hypervisor = config.hypervisor;
  const bool emulated = hypervisor.tee == Tee::kEmulatedSnp;
  const auto check = [&](std::string_view key, const std::string& path, bool required) {
    return CheckPath(StrCat(name, ": ", key), path, required);
  };
  RETURN_IF_ERROR(check("[hypervisor] path", hypervisor.path, true));
  RETURN_IF_ERROR(check("[hypervisor] kernel", hypervisor.kernel, true));
  RETURN_IF_ERROR(check("[hypervisor] initrd", hypervisor.initrd, true));
  RETURN_IF_ERROR(
      check("[hypervisor] firmware", hypervisor.firmware, hypervisor.tee != Tee::kNone));
  RETURN_IF_ERROR(check("[emulator] path", config.emulator.path, emulated));
  RETURN_IF_ERROR(check("[emulator] dir", config.emulator.dir, emulated));
  RETURN_IF_ERROR(check("[node_cache] socket", config.node_cache.socket, false));
  RETURN_IF_ERROR(check("[node_cache] folder", config.node_cache.folder, true));
  RETURN_IF_ERROR(check("[node_cache] extra_ca", config.node_cache.extra_ca, false));
  RETURN_IF_ERROR(check("[node_cache] registries_conf", config.node_cache.registries_conf, false));
  RETURN_IF_ERROR(check("[scratch_disk] folder", config.scratch_disk.folder, true));
  RETURN_IF_ERROR(check("[runtime] state_dir", config.runtime.state_dir, true));
  RETURN_IF_ERROR(CheckAnnotationNames(name, config));
  RETURN_IF_ERROR(CheckIdBlock(name, hypervisor));
  if (hypervisor.tee == Tee::kNone && !hypervisor.firmware.empty()) {
    return absl::InvalidArgumentError(
        StrCat(name, ": [hypervisor] firmware is set but tee = \"none\" measures nothing"));
  }
  const bool hardware = hypervisor.tee == Tee::kSnp || hypervisor.tee == Tee::kTdx;
  if (hardware && hypervisor.accelerator == AcceleratorChoice::kTcg) {
    return absl::InvalidArgumentError(StrCat(name, ": [hypervisor] tee = \"",
                                             TeeName(hypervisor.tee), "\" needs accelerator kvm"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RuntimeConfig> FromJson(const Json& document, const std::string& name) {
  RuntimeConfig config;
  TableReader top(document, name);
  const Json* hypervisor = top.Table("hypervisor");
  const Json* emulator = top.Table("emulator");
  const Json* network = top.Table("network");
  const Json* node_cache = top.Table("node_cache");
  const Json* scratch_disk = top.Table("scratch_disk");
  const Json* runtime = top.Table("runtime");
  RETURN_IF_ERROR(top.Finish());
  const auto where = [&](std::string_view table) { return StrCat(name, ": [", table, "]"); };
  if (hypervisor) {
    RETURN_IF_ERROR(ReadHypervisor(*hypervisor, where("hypervisor"), &config.hypervisor));
  }
  if (emulator) {
    RETURN_IF_ERROR(TableReader(*emulator, where("emulator"))
                        .String("path", &config.emulator.path)
                        .String("dir", &config.emulator.dir)
                        .Finish());
  }
  if (network) RETURN_IF_ERROR(ReadNetwork(*network, where("network"), &config.network));
  if (node_cache) {
    RETURN_IF_ERROR(ReadNodeCache(*node_cache, where("node_cache"), &config.node_cache));
  }
  if (scratch_disk) {
    RETURN_IF_ERROR(ReadScratchDisk(*scratch_disk, where("scratch_disk"), &config.scratch_disk));
  }
  if (runtime) {
    RETURN_IF_ERROR(TableReader(*runtime, where("runtime"))
                        .String("state_dir", &config.runtime.state_dir)
                        .Uint("create_timeout_ms", &config.runtime.create_timeout_ms, 1000, 3600000)
                        .Strings("enable_annotations", &config.runtime.enable_annotations)
                        .Finish());
  }
  RETURN_IF_ERROR(Validate(name, config));
  return config;
}

absl::StatusOr<std::vector<std::string>> DropIns(const std::string& path) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(StrCat(path, ".d"), error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".toml") files.push_back(it->path().string());
    if (files.size() > kMaxDropIns) {
      return absl::ResourceExhaustedError(
          StrCat(path, ".d: more than ", kMaxDropIns, " drop-in files"));
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::UnavailableError(StrCat(path, ".d: ", error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<Json> ReadDocument(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, kMaxConfigSize));
  return ParseToml(text);
}

}  // namespace

std::string_view TeeName(Tee tee) {
  switch (tee) {
    case Tee::kNone:
      return "none";
    case Tee::kEmulatedSnp:
      return "emulated-snp";
    case Tee::kSnp:
      return "snp";
    case Tee::kTdx:
      return "tdx";
  }
  return "unknown";
}

absl::StatusOr<RuntimeConfig> ParseRuntimeConfig(std::string_view toml, std::string_view name) {
  ASSIGN_OR_RETURN(Json document, ParseToml(toml), name);
  return FromJson(document, std::string(name));
}

absl::StatusOr<RuntimeConfig> LoadRuntimeConfig(const std::string& path) {
  ASSIGN_OR_RETURN(Json document, ReadDocument(path), "runtime configuration");
  ASSIGN_OR_RETURN(std::vector<std::string> drop_ins, DropIns(path));
  for (const std::string& file : drop_ins) {
    ASSIGN_OR_RETURN(Json patch, ReadDocument(file), StrCat("drop-in ", file));
    document.merge_patch(patch);
  }
  return FromJson(document, path);
}

}  // namespace nacre::runtime
