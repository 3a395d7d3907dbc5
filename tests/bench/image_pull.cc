// What tests/bench/image_pull.sh and node_cache.sh measure with; one JSON line each.
//
//   image_pull pull REFERENCE FOLDER [KEY.pem] [--ca FILE] [--cache SOCKET] [--volumes EMPTY]
//       pulls from a registry (on plain http, unless --ca says whom to trust) into FOLDER, asking
//       the node cache at SOCKET first: wall and CPU seconds, and the most memory resident over
//       what was before. Layers become EROFS images with verity trees in the folder EMPTY, mounted,
//       where one is given
//   image_pull bare LAYOUT TAG [KEY.pem]         CPU seconds of the operations a pull cannot do
//       without, alone on the same bytes in memory
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/aes_ctr.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "guest-agent/storage/node_cache_source.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/unpack/decompress.h"
#include "runtime/node_cache/admission.h"

namespace nacre::image {
namespace {

constexpr const char* kKeyUri = "kbs:///bench/key/1";

struct Cpu {
  double user = 0, kernel = 0;
};

Cpu CpuSoFar() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {seconds(usage.ru_utime), seconds(usage.ru_stime)};
}

double CpuSeconds() {
  const Cpu cpu = CpuSoFar();
  return cpu.user + cpu.kernel;
}

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A line of /proc/self/status, in MiB.
double StatusMib(const std::string& name) {
  const std::string text = ReadTextFile("/proc/self/status", 1 << 16).value_or("");
  const size_t at = text.find(name + ":");
  return at == std::string::npos ? 0
                                 : std::strtod(text.c_str() + at + name.size() + 1, nullptr) / 1024;
}

absl::StatusOr<std::map<std::string, Bytes>> Keys(const std::string& file) {
  std::map<std::string, Bytes> keys;
  if (file.empty()) return keys;
  ASSIGN_OR_RETURN(keys[kKeyUri], ReadFile(file, 1 << 16));
  return keys;
}

absl::Status Print(const Json& json) {
  ASSIGN_OR_RETURN(std::string text, DumpJson(json));
  std::printf("%s\n", text.c_str());
  return absl::OkStatus();
}

struct PullWords {
  std::string reference, folder, key_file, ca_file, cache_socket, volumes;
};

absl::Status Pull(const PullWords& words) {
  const auto& [reference, folder, key_file, ca_file, cache_socket, volumes_at] = words;
  ASSIGN_OR_RETURN(auto key_bytes, Keys(key_file));
  testing::KeyTable keys(key_bytes);
  ImagePullerOptions options;
  options.work_dir = folder;
  options.trust = TrustPolicy::AcceptAnything();
  options.key_resolver = &keys;
  if (!key_file.empty()) options.private_key_uris = {kKeyUri};
  if (ca_file.empty()) {
    options.registry.insecure_registries = {reference.substr(0, reference.find('/'))};
  } else {
    ASSIGN_OR_RETURN(options.registry.extra_ca_pem, ReadTextFile(ca_file, 1 << 16));
  }
  std::unique_ptr<guest_agent::NodeCacheSource> cache;
  if (!cache_socket.empty()) {
    ASSIGN_OR_RETURN(UniqueFd connection,
                     runtime::ConnectNodeCache(cache_socket, {"bench", reference}));
    ASSIGN_OR_RETURN(cache, guest_agent::NodeCacheSource::Create(std::move(connection)));
    options.blob_sources = {cache.get()};
  }
  std::optional<testing::FileVolumes> volumes;
  if (!volumes_at.empty()) {
    RETURN_IF_ERROR(testing::HidesMounts());
    volumes.emplace(volumes_at, uint64_t{64} << 30);
    volumes->SkipTools();
    options.store.volumes = &*volumes;
  }
  ASSIGN_OR_RETURN(auto puller, ImagePuller::Create(std::move(options)));
  (void)WriteFile("/proc/self/clear_refs", AsBytes("5"));  // the high-water mark starts here
  const double idle = StatusMib("VmRSS"), wall = WallSeconds();
  const Cpu before = CpuSoFar();
  ASSIGN_OR_RETURN(PulledImage image, puller->Pull(reference));
  const Cpu cpu = CpuSoFar();
  return Print({{"wall", WallSeconds() - wall},
                {"cpu", cpu.user - before.user + cpu.kernel - before.kernel},
                {"kernel", cpu.kernel - before.kernel},
                {"memory_mib", StatusMib("VmHWM") - idle},
                {"layers", image.layers.size()}});
}

template <typename Work>
double CpuOf(Work work) {
  const double before = CpuSeconds();
  work();
  return CpuSeconds() - before;
}

// Room that is written over again and again: bytes are made, and nobody wants them.
class Dropped : public ByteOutput {
 public:
  std::span<uint8_t> Room() override { return buffer_; }
  void Commit(size_t count) override { size_ += count; }
  uint64_t size() const { return size_; }

 private:
  Bytes buffer_ = Bytes(256 << 10);
  uint64_t size_ = 0;
};

struct Bare {
  double digest = 0, hmac = 0, aes = 0, inflate = 0, diff_id = 0;
  uint64_t compressed = 0, unpacked = 0;
};

absl::Status MeasureLayer(const OciLayout& layout, const Descriptor& layer, const LayerKey* key,
                          Bare* bare) {
  Bytes blob;
  blob.reserve(layer.size);
  RETURN_IF_ERROR(layout.StreamBlob(layer, [&](ByteView piece) {
    blob.insert(blob.end(), piece.begin(), piece.end());
    return absl::OkStatus();
  }));
  bare->compressed += blob.size();
  bare->digest += CpuOf([&] { crypto::Digest(crypto::HashAlgorithm::kSha256, blob); });
  if (key != nullptr) {
    bare->hmac += CpuOf(
        [&] { crypto::Hmac(crypto::HashAlgorithm::kSha256, key->symmetric_key.view(), blob); });
    ASSIGN_OR_RETURN(crypto::Aes256Ctr cipher,
                     crypto::Aes256Ctr::Create(key->symmetric_key.view(), key->nonce));
    absl::Status opened;
    bare->aes += CpuOf([&] { opened = cipher.Update(blob, blob); });
    RETURN_IF_ERROR(opened);
  }
  ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
  for (bool measured : {true, false}) {
    ASSIGN_OR_RETURN(auto decompressor, Decompressor::Create(type.compression, {}));
    if (measured) {
      Dropped out;
      absl::Status inflated;
      bare->inflate += CpuOf([&] { inflated = decompressor->WriteTo(blob, &out); });
      RETURN_IF_ERROR(inflated);
      bare->unpacked += out.size();
      continue;
    }
    // In pieces that stay in a cache, as a pipeline's do.
    crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
    RETURN_IF_ERROR(decompressor->Write(blob, [&](ByteView plain) {
      bare->diff_id += CpuOf([&] { hasher.Update(plain); });
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::Status MeasureBare(const std::string& path, const std::string& tag,
                         const std::string& key_file) {
  const Limits limits;
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Open(path, limits));
  ASSIGN_OR_RETURN(Descriptor tagged, layout.FindTag(tag));
  ASSIGN_OR_RETURN(std::string text, layout.ReadBlob(tagged, limits.max_manifest_size));
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(text, limits));
  ASSIGN_OR_RETURN(auto key_bytes, Keys(key_file));
  testing::KeyTable table(key_bytes);
  LayerKeyOptions options;
  options.resolver = &table;
  if (!key_file.empty()) options.private_key_uris = {kKeyUri};
  ASSIGN_OR_RETURN(auto keys, UnwrapLayerKeys(manifest.layers, options));
  Bare bare;
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    RETURN_IF_ERROR(MeasureLayer(layout, manifest.layers[i], keys[i] ? &*keys[i] : nullptr, &bare));
  }
  return Print({{"cpu", bare.digest + bare.hmac + bare.aes + bare.inflate + bare.diff_id},
                {"digest", bare.digest},
                {"hmac", bare.hmac},
                {"aes", bare.aes},
                {"inflate", bare.inflate},
                {"diff_id", bare.diff_id},
                {"compressed", bare.compressed},
                {"unpacked", bare.unpacked}});
}

absl::Status Main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto option = [&words](const std::string& name) {
    std::string value;
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i] != name) continue;
      value = words[i + 1];
      words.erase(words.begin() + static_cast<ptrdiff_t>(i),
                  words.begin() + static_cast<ptrdiff_t>(i) + 2);
    }
    return value;
  };
  const std::string ca = option("--ca"), cache = option("--cache"), volumes = option("--volumes");
  if (words.size() != 3 && words.size() != 4) {
    return absl::InvalidArgumentError("image_pull pull|bare IMAGE FOLDER|TAG [KEY.pem]");
  }
  const std::string key = words.size() == 4 ? words[3] : "";
  if (words[0] == "pull") return Pull({words[1], words[2], key, ca, cache, volumes});
  if (words[0] == "bare") return MeasureBare(words[1], words[2], key);
  return absl::InvalidArgumentError("pull or bare");
}

}  // namespace
}  // namespace nacre::image

int main(int argc, char** argv) {
  const absl::Status status = nacre::image::Main(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "image_pull: %s\n", std::string(nacre::Message(status)).c_str());
  return 1;
}
