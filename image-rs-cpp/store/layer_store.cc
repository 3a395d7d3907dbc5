#include "image-rs-cpp/store/layer_store.h"

#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::image {

absl::StatusOr<std::unique_ptr<LayerStore>> LayerStore::Create(const std::string& work_dir) {
  // overlayfs options are one string with ',' ':' and '\' as marks.
  if (work_dir.empty() || work_dir[0] != '/' ||
      work_dir.find_first_of(",:\\") != std::string::npos) {
    return absl::InvalidArgumentError(
        StrCat("image work folder '", work_dir, "' must be absolute, without ',', ':' or '\\'"));
  }
  for (const char* kind : {"layers", "staging", "attributes"}) {
    const std::string folder = StrCat(work_dir, "/", kind);
    RETURN_IF_ERROR(RemoveTree(folder));
    RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  }
  return std::unique_ptr<LayerStore>(new LayerStore(work_dir));
}

std::string LayerStore::UniquePath(const std::string& kind) {
  std::lock_guard lock(mutex_);
  return StrCat(work_dir_, "/", kind, "/", next_number_++);
}

absl::StatusOr<std::shared_ptr<const StoredLayer>> LayerStore::GetOrUnpack(
    const BlobDigest& diff_id, const Unpack& unpack) {
  {
    std::unique_lock lock(mutex_);
    while (true) {
      auto found = layers_.find(diff_id.text());
      if (found == layers_.end()) break;
      if (found->second != nullptr) return found->second;
      changed_.wait(lock);
    }
    layers_.emplace(diff_id.text(), nullptr);
  }
  absl::StatusOr<std::shared_ptr<const StoredLayer>> layer = UnpackNew(diff_id, unpack);
  std::lock_guard lock(mutex_);
  if (layer.ok()) {
    layers_[diff_id.text()] = *layer;
  } else {
    layers_.erase(diff_id.text());
  }
  changed_.notify_all();
  return layer;
}

absl::StatusOr<std::shared_ptr<const StoredLayer>> LayerStore::UnpackNew(const BlobDigest& diff_id,
                                                                         const Unpack& unpack) {
  const std::string staging = UniquePath("staging");
  const std::string final_path = UniquePath("layers");
  RETURN_IF_ERROR(MakeDirectories(staging, 0700));
  absl::StatusOr<LayerFacts> facts = unpack(staging);
  absl::Status status = facts.status();
  if (status.ok() && std::rename(staging.c_str(), final_path.c_str()) != 0) {
    status = ErrnoStatus(errno, StrCat("moving layer to ", final_path));
  }
  if (!status.ok()) {
    absl::Status removed = RemoveTree(staging);
    if (!removed.ok()) {
      return Annotate(status, StrCat("staging folder left behind (", Message(removed), ")"));
    }
    return status;
  }
  return std::make_shared<const StoredLayer>(
      StoredLayer{diff_id.text(), final_path, *std::move(facts)});
}

}  // namespace nacre::image
