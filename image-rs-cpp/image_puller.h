// From an image reference to verified layers, inside the guest. Registry, network and host are
// hostile: what decides is the chain of digests from the manifest down, and the keys.
//
// What a successful pull proves: the owner's image policy allows what the reference leads to, the
// bytes are those the manifest names, and every encrypted layer was made by somebody who holds its
// key. A *name* means no more than the policy makes of it: an owner who accepts anything and must
// not run somebody else's image says which one it is by digest ("registry/app@sha256:...", or
// PullExpectations::digest). Encryption pins the layers but not the configuration (entrypoint,
// environment), which only a signature or a digest covers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/decrypt/key_resolver.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "image-rs-cpp/registry/image_config.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/registry/resolve.h"
#include "image-rs-cpp/signature/trust.h"
#include "image-rs-cpp/store/compose.h"
#include "image-rs-cpp/store/layer_store.h"
#include "image-rs-cpp/store/rootfs.h"

namespace nacre::image {

struct ImagePullerOptions {
  // Absolute; made when missing. On a file system that knows trusted xattrs and device nodes
  // (tmpfs, ext4).
  std::string work_dir;
  LayerStoreOptions store;                    // emptied of earlier layers unless it says otherwise
  KeyResolver* key_resolver = nullptr;        // null: encrypted images are refused
  std::vector<std::string> private_key_uris;  // see LayerKeyOptions
  RegistryOptions registry;
  // Asked for layers and image configurations before the registry; they outlive the puller.
  std::vector<BlobSource*> blob_sources;
  // Which images may run at all; null: none.
  std::shared_ptr<const TrustPolicy> trust;
  Limits limits;
  Platform platform;
};

// What the caller knows about the image before asking anybody.
struct PullExpectations {
  std::string digest;                 // of the index or manifest the reference leads to
  bool all_layers_encrypted = false;  // a plain layer is then refused (kPermissionDenied)
};

// Keeps its layers in the store: hold it as long as it is mounted.
struct PulledImage {
  std::string reference;         // canonical
  std::string reference_digest;  // of what the registry has under the reference: index or manifest
  std::string manifest_digest;   // of the manifest for our platform; the same without an index
  ImageConfig config;
  std::vector<std::shared_ptr<const StoredLayer>> layers;  // bottom first
  std::shared_ptr<ScratchFolder> attributes;               // of the composed ones
  ComposedLayers composed;                                 // ready to mount
};

// Thread-safe: pulls run side by side and share layers.
class ImagePuller {
 public:
  static absl::StatusOr<std::unique_ptr<ImagePuller>> Create(ImagePullerOptions options);

  // A short name is looked for in the search registries of RegistryOptions::registries.
  // Everything is verified, unpacked and composed when this returns; nothing of a failed pull is
  // left but whole layers that passed. Errors begin with "image <reference>: " and name the layer.
  // Codes: kInvalidArgument malformed, kNotFound, kDataLoss changed or cut on the way,
  // kUnauthenticated wrong key or refused by the registry, kFailedPrecondition no key broker,
  // kPermissionDenied the policy's refusal, kUnimplemented, kResourceExhausted a limit or a full
  // disk, kUnavailable and kDeadlineExceeded the network; the key resolver's own.
  absl::StatusOr<PulledImage> Pull(std::string_view reference,
                                   const PullExpectations& expectations = {});

 private:
  explicit ImagePuller(ImagePullerOptions options) : options_(std::move(options)) {}
  absl::StatusOr<PulledImage> PullReference(const ImageReference& reference,
                                            const PullExpectations& expectations);
  absl::Status CheckTrust(const ImageReference& reference, const ResolvedImage& resolved);
  absl::StatusOr<std::string> GetConfigText(const ImageReference& reference,
                                            const Descriptor& blob);
  absl::StatusOr<ImageConfig> GetConfig(const ImageReference& reference, const Manifest& manifest);

  const ImagePullerOptions options_;
  std::unique_ptr<RegistryClient> registry_;
  std::unique_ptr<LayerStore> store_;
};

// Mounts the image's layers below a writable folder: the container's root file system. See
// MountLayers and UnmountRootfs in store/rootfs.h.
absl::Status MountRootfs(const PulledImage& image, const RootfsPlace& place);

}  // namespace nacre::image
