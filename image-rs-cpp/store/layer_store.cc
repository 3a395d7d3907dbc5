// What makes a layer be there is its index entry, and that is the last thing written and the first
// thing removed. A kill between any two steps leaves folders without an entry, which the next start
// removes; never an entry without its folder's whole content.
#include "image-rs-cpp/store/layer_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/store/layer_index.h"
#include "image-rs-cpp/store/volume_place.h"
#include "image-rs-cpp/unpack/budget.h"

namespace nacre::image {
namespace {

uint64_t SizeOf(const LayerFacts& facts) { return facts.bytes + facts.entries * kInodeSize; }

uint64_t MaxSize(const LayerStoreOptions& options) {
  if (options.volumes == nullptr) return options.max_size;
  const uint64_t capacity = options.volumes->capacity();
  return options.max_size == 0 ? capacity : std::min(options.max_size, capacity);
}

absl::Status Move(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, StrCat("moving a layer to ", to));
}

absl::Status SyncFolder(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd folder, OpenFile(path, O_RDONLY | O_DIRECTORY));
  return fsync(folder.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, path);
}

// All that has been written to the file system of `path`.
absl::Status SyncAll(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd folder, OpenFile(path, O_RDONLY | O_DIRECTORY));
  return syncfs(folder.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, path);
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return absl::InternalError(StrCat(folder, ": ", error.message()));
  return names;
}

}  // namespace

ScratchFolder::~ScratchFolder() { (void)RemoveTree(path_); }

LayerStore::LayerStore(std::string work_dir, const LayerStoreOptions& options)
    : work_dir_(std::move(work_dir)), options_(options), max_size_(MaxSize(options)) {}

absl::StatusOr<std::unique_ptr<LayerStore>> LayerStore::Create(const std::string& work_dir,
                                                               const LayerStoreOptions& options) {
  // overlayfs options are one string with ',' ':' and '\' as marks.
  if (work_dir.empty() || work_dir[0] != '/' ||
      work_dir.find_first_of(",:\\") != std::string::npos) {
    return absl::InvalidArgumentError(
        StrCat("image work folder '", work_dir, "' must be absolute, without ',', ':' or '\\'"));
  }
  if (options.volumes != nullptr && options.keep) {
    return absl::InvalidArgumentError(
        "image store: layers in volumes cannot be kept, as what makes them readable ends with the "
        "process that wrote them");
  }
  for (const char* kind : {"staging", "attributes", "index", "layers"}) {
    const std::string folder = StrCat(work_dir, "/", kind);
    const bool kept = options.keep && (*kind == 'i' || *kind == 'l');
    if (!kept) RETURN_IF_ERROR(RemoveTree(folder));
    RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  }
  std::unique_ptr<LayerStore> store(new LayerStore(work_dir, options));
  if (options.keep) RETURN_IF_ERROR(store->Load(), StrCat("image store ", work_dir));
  return store;
}

// The layers that are whole, longest unused first, with their folders' names for paths. Entries of
// others are removed, for good before anything else may take a folder's name.
absl::StatusOr<std::vector<StoredLayer>> LayerStore::ReadIndex() {
  std::set<std::string> folders;
  std::multimap<std::pair<time_t, long>, StoredLayer> by_time;
  bool removed = false;
  ASSIGN_OR_RETURN(std::vector<std::string> entries, NamesIn(work_dir_ + "/index"));
  for (const std::string& name : entries) {
    const std::string path = StrCat(work_dir_, "/index/", name);
    struct stat info;
    if (lstat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
    absl::StatusOr<std::string> text = ReadTextFile(path, kMaxIndexEntry);
    absl::StatusOr<StoredLayer> layer =
        text.ok() ? ParseIndexEntry(*text) : absl::StatusOr<StoredLayer>(text.status());
    if (layer.ok() && path == IndexPath(layer->diff_id) &&
        PathExists(StrCat(work_dir_, "/layers/", layer->path)) &&
        folders.insert(layer->path).second) {
      by_time.emplace(std::make_pair(info.st_mtim.tv_sec, info.st_mtim.tv_nsec), *std::move(layer));
      continue;
    }
    if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, path);
    removed = true;
  }
  if (removed) RETURN_IF_ERROR(SyncFolder(work_dir_ + "/index"));
  std::vector<StoredLayer> layers;
  for (auto& [time, layer] : by_time) layers.push_back(std::move(layer));
  return layers;
}

absl::Status LayerStore::Load() {
  std::set<std::string> folders;
  ASSIGN_OR_RETURN(std::vector<StoredLayer> layers, ReadIndex());
  for (StoredLayer& layer : layers) {
    folders.insert(layer.path);
    layer.path = StrCat(work_dir_, "/layers/", layer.path);
    layer.size = SizeOf(layer.facts);
    size_ += layer.size;
    const std::string diff_id = layer.diff_id;
    slots_[diff_id] = {std::make_shared<const StoredLayer>(std::move(layer)), ++uses_};
  }
  ASSIGN_OR_RETURN(std::vector<std::string> found, NamesIn(work_dir_ + "/layers"));
  for (const std::string& name : found) {
    if (!folders.contains(name)) RETURN_IF_ERROR(RemoveTree(StrCat(work_dir_, "/layers/", name)));
    uint64_t number = 0;
    if (ParseNumber(name, &number)) next_number_ = std::max(next_number_, number + 1);
  }
  // It may be smaller than it was.
  return max_size_ == 0 ? absl::OkStatus() : Collect(max_size_);
}

// So that the order survives a restart; nothing is lost when it does not.
void LayerStore::NoteUse(const std::string& diff_id) {
  if (options_.keep) (void)utimensat(AT_FDCWD, IndexPath(diff_id).c_str(), nullptr, 0);
}

std::string LayerStore::IndexPath(const std::string& diff_id) const {
  std::string name = diff_id;
  std::replace(name.begin(), name.end(), ':', '-');
  return StrCat(work_dir_, "/index/", name);
}

std::string LayerStore::UniquePath(const std::string& kind) {
  std::lock_guard lock(mutex_);
  return StrCat(work_dir_, "/", kind, "/", next_number_++);
}

std::shared_ptr<ScratchFolder> LayerStore::MakeScratch() {
  return std::make_shared<ScratchFolder>(UniquePath("attributes"));
}

uint64_t LayerStore::size() {
  std::lock_guard lock(mutex_);
  return size_;
}

uint64_t LayerStore::Room() {
  if (max_size_ == 0 || options_.volumes != nullptr) return UnpackBudget::kUnlimited;
  std::lock_guard lock(mutex_);
  uint64_t used = 0;
  for (const auto& [diff_id, slot] : slots_) {
    if (slot.layer != nullptr && slot.layer.use_count() > 1) used += slot.layer->size;
  }
  return max_size_ - std::min(max_size_, used);
}

absl::StatusOr<std::shared_ptr<const StoredLayer>> LayerStore::GetOrUnpack(
    const BlobDigest& diff_id, const Unpack& unpack) {
  {
    std::unique_lock lock(mutex_);
    while (true) {
      auto found = slots_.find(diff_id.text());
      if (found == slots_.end()) break;
      found->second.used = ++uses_;
      if (found->second.layer != nullptr) {
        NoteUse(diff_id.text());
        return found->second.layer;
      }
      changed_.wait(lock);
    }
    slots_.emplace(diff_id.text(), Slot());
  }
  absl::StatusOr<std::shared_ptr<const StoredLayer>> layer = UnpackNew(diff_id, unpack);
  std::lock_guard lock(mutex_);
  if (layer.ok()) {
    slots_[diff_id.text()] = {*layer, ++uses_};
  } else {
    slots_.erase(diff_id.text());
  }
  changed_.notify_all();
  return layer;
}

absl::StatusOr<std::shared_ptr<const StoredLayer>> LayerStore::UnpackNew(const BlobDigest& diff_id,
                                                                         const Unpack& unpack) {
  if (options_.volumes == nullptr) return UnpackFolder(diff_id, unpack);
  VolumePlace place(options_.volumes, this);
  StoredLayer layer;
  layer.diff_id = diff_id.text();
  ASSIGN_OR_RETURN(layer.facts, unpack(place));
  ASSIGN_OR_RETURN(VolumePlace::Mounted mounted, place.Mount(),
                   StrCat("layer with the diffID ", layer.diff_id));
  layer.path = std::move(mounted.path);
  layer.volume = std::move(mounted.volume);
  layer.size = mounted.size;
  return std::make_shared<const StoredLayer>(std::move(layer));
}

absl::StatusOr<std::shared_ptr<const StoredLayer>> LayerStore::UnpackFolder(
    const BlobDigest& diff_id, const Unpack& unpack) {
  const std::string staging = UniquePath("staging");
  const std::string folder = staging.substr(staging.rfind('/') + 1);
  absl::StatusOr<LayerFacts> facts = UnpackInto(staging, unpack);
  if (!facts.ok()) {
    absl::Status removed = RemoveTree(staging);
    if (removed.ok()) return facts.status();
    return Annotate(facts.status(), StrCat("staging folder left behind (", Message(removed), ")"));
  }
  StoredLayer layer;
  layer.diff_id = diff_id.text();
  layer.path = StrCat(work_dir_, "/layers/", folder);
  layer.size = SizeOf(*facts);
  layer.facts = *std::move(facts);
  absl::Status stored = Move(staging, layer.path);
  if (stored.ok() && options_.keep) {
    stored = [&]() -> absl::Status {
      RETURN_IF_ERROR(SyncFolder(work_dir_ + "/layers"));
      ASSIGN_OR_RETURN(std::string entry, FormatIndexEntry(layer, folder));
      return WriteFileAtomic(IndexPath(layer.diff_id), AsBytes(entry), 0600);
    }();
  }
  if (!stored.ok()) {
    Give(layer.size);
    if (options_.keep) (void)unlink(IndexPath(layer.diff_id).c_str());
    (void)RemoveTree(staging);
    (void)RemoveTree(layer.path);
    return stored;
  }
  return std::make_shared<const StoredLayer>(std::move(layer));
}

absl::StatusOr<LayerFacts> LayerStore::UnpackInto(const std::string& staging,
                                                  const Unpack& unpack) {
  ASSIGN_OR_RETURN(const auto place, StagingPlace::Create(staging));
  ASSIGN_OR_RETURN(LayerFacts facts, unpack(*place));
  if (options_.keep) RETURN_IF_ERROR(SyncAll(staging));
  RETURN_IF_ERROR(MakeRoom(SizeOf(facts)));
  return facts;
}

absl::Status LayerStore::MakeRoom(uint64_t wanted) {
  std::lock_guard lock(mutex_);
  if (max_size_ != 0) {
    const uint64_t rest = max_size_ - std::min(max_size_, wanted);
    RETURN_IF_ERROR(CollectLocked(rest));
    if (wanted > max_size_ || size_ > rest) {
      return absl::ResourceExhaustedError(StrCat("image store: layers in use take ", size_,
                                                 " bytes, this layer ", wanted, ", allowed are ",
                                                 max_size_));
    }
  }
  size_ += wanted;
  return absl::OkStatus();
}

absl::Status LayerStore::Take(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  const uint64_t rest = max_size_ - std::min(max_size_, bytes);
  RETURN_IF_ERROR(CollectLocked(rest));
  if (size_ > rest) {
    return absl::ResourceExhaustedError(StrCat(
        "the layers take more bytes than the image store's volumes have room for: ", max_size_));
  }
  size_ += bytes;
  return absl::OkStatus();
}

void LayerStore::Give(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  size_ -= bytes;
}

bool LayerStore::RemoveOne() {
  std::lock_guard lock(mutex_);
  return RemoveOldest().value_or(false);
}

absl::Status LayerStore::Collect(uint64_t size) {
  std::lock_guard lock(mutex_);
  return CollectLocked(size);
}

absl::Status LayerStore::CollectLocked(uint64_t size) {
  while (size_ > size) {
    ASSIGN_OR_RETURN(const bool removed, RemoveOldest());
    if (!removed) break;
  }
  return absl::OkStatus();
}

// Of those that nobody uses; false when there is none.
absl::StatusOr<bool> LayerStore::RemoveOldest() {
  auto oldest = slots_.end();
  for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
    // New users come through this lock only, so one reference is ours alone.
    if (slot->second.layer == nullptr || slot->second.layer.use_count() > 1) continue;
    if (oldest == slots_.end() || slot->second.used < oldest->second.used) oldest = slot;
  }
  if (oldest == slots_.end()) return false;
  const std::shared_ptr<const StoredLayer> layer = oldest->second.layer;
  slots_.erase(oldest);
  size_ -= layer->size;
  RETURN_IF_ERROR(Discard(*layer));
  return true;
}

absl::Status LayerStore::Discard(const StoredLayer& layer) {
  if (options_.keep) {
    const std::string entry = IndexPath(layer.diff_id);
    if (unlink(entry.c_str()) != 0) return ErrnoStatus(errno, entry);
    RETURN_IF_ERROR(SyncFolder(work_dir_ + "/index"));
  }
  // A volume goes with the last reference to it.
  return layer.volume != nullptr ? absl::OkStatus() : RemoveTree(layer.path);
}

}  // namespace nacre::image
