#include "image-rs-cpp/store/compose.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/store/copy_up.h"
#include "image-rs-cpp/store/layer_view.h"
#include "image-rs-cpp/unpack/entry_path.h"

namespace nacre::image {
namespace {

// The tree of restored folders. Its ancestors too become the topmost of their name, so each folder
// in it gets the attributes of its origin.
class AttributeTree {
 public:
  AttributeTree(const LayerView& view, std::string root) : view_(view), root_(std::move(root)) {}

  bool made() const { return made_; }

  absl::Status Restore(const std::string& path) {
    if (path.empty() || done_.contains(path)) return absl::OkStatus();
    RETURN_IF_ERROR(Restore(SplitEntryPath(path).parent));
    if (!made_) RETURN_IF_ERROR(MakeDirectories(root_));
    made_ = true;
    const std::string at = StrCat(root_, "/", path);
    if (mkdir(at.c_str(), 0755) != 0) return ErrnoStatus(errno, at);
    done_.insert(path);
    ASSIGN_OR_RETURN(FolderOrigin origin, view_.FindOrigin(path));
    if (origin.named == nullptr) return absl::OkStatus();
    origins_.emplace(path, origin.named);
    return absl::OkStatus();
  }

  // A file of a layer under a name of its own or another one. All names of one file in this tree
  // are one file.
  absl::Status AddFile(const LinkSource& source, const std::string& path) {
    const SplitPath place = SplitEntryPath(path);
    RETURN_IF_ERROR(Restore(place.parent));
    if (!made_) RETURN_IF_ERROR(MakeDirectories(root_));
    made_ = true;
    const std::string at = StrCat(root_, "/", path);
    auto [earlier, is_new] = files_.emplace(std::make_pair(source.depth, source.path), at);
    if (is_new) {
      RETURN_IF_ERROR(CopyUp(view_.layers()[source.depth].folder, source.path, at),
                      StrCat("hard link '", Printable(path), "' to a lower layer"));
      return absl::OkStatus();
    }
    if (link(earlier->second.c_str(), at.c_str()) == 0 || errno == EEXIST) return absl::OkStatus();
    return ErrnoStatus(errno, at);
  }

  // Once the tree stands: making a folder changes the time of the one above.
  absl::Status SetAttributes() {
    for (auto entry = origins_.rbegin(); entry != origins_.rend(); ++entry) {
      const auto& [path, layer] = *entry;
      ASSIGN_OR_RETURN(UniqueFd from, layer->folder.OpenInside(path, O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(CopyAttributes(from.get(), StrCat(root_, "/", path)), Printable(path));
    }
    return absl::OkStatus();
  }

 private:
  const LayerView& view_;
  std::string root_;
  bool made_ = false;
  std::set<std::string> done_;
  std::map<std::string, const OpenLayer*> origins_;
  std::map<std::pair<size_t, std::string>, std::string> files_;  // by source: where it is
};

// Hard links across layers, wherever they can be seen.
absl::Status ResolveLinks(const LayerView& view, AttributeTree* tree) {
  for (size_t depth = 0; depth < view.layers().size(); ++depth) {
    for (const auto& [path, target] : view.layers()[depth].stored->facts.outside_links) {
      // A later entry of the same layer may have taken its place.
      if (!view.IsWhiteout(depth, path)) continue;
      ASSIGN_OR_RETURN(bool visible, view.ShinesThrough(depth, path));
      if (!visible) continue;
      ASSIGN_OR_RETURN(LinkSource source, view.FindLinkSource(depth, target));
      ASSIGN_OR_RETURN(bool source_visible, view.ShinesThrough(source.depth, source.path));
      if (source_visible) RETURN_IF_ERROR(tree->AddFile(source, source.path));
      RETURN_IF_ERROR(tree->AddFile(source, path));
    }
  }
  return absl::OkStatus();
}

absl::Status FindRoot(const LayerView& view, ComposedLayers* composed) {
  for (const OpenLayer& layer : view.layers()) {
    if (layer.stored->facts.implicit_folders.contains("")) continue;
    struct stat info;
    if (fstat(layer.folder.fd(), &info) != 0) return ErrnoStatus(errno, layer.folder.path());
    composed->root_mode = info.st_mode & 07777;
    composed->root_uid = info.st_uid;
    composed->root_gid = info.st_gid;
    break;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ComposedLayers> ComposeLayers(
    const std::vector<std::shared_ptr<const StoredLayer>>& layers,
    const std::string& attributes_dir) {
  LayerView view;
  std::set<std::string> implicit;
  ComposedLayers composed;
  std::set<const StoredLayer*> seen;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (!seen.insert(layer->get()).second) continue;
    ASSIGN_OR_RETURN(ConfinedFolder folder, ConfinedFolder::Open((*layer)->path));
    view.AddBelow({layer->get(), std::move(folder)});
    const auto& folders = (*layer)->facts.implicit_folders;
    implicit.insert(folders.begin(), folders.end());
    composed.lower_dirs.push_back((*layer)->path);
  }
  implicit.erase("");
  AttributeTree tree(view, attributes_dir);
  for (const std::string& path : implicit) {
    ASSIGN_OR_RETURN(FolderOrigin origin, view.FindOrigin(path));
    if (origin.restore && origin.named != nullptr) RETURN_IF_ERROR(tree.Restore(path));
  }
  RETURN_IF_ERROR(ResolveLinks(view, &tree));
  RETURN_IF_ERROR(tree.SetAttributes());
  if (tree.made()) composed.lower_dirs.insert(composed.lower_dirs.begin(), attributes_dir);
  if (composed.lower_dirs.empty()) {
    RETURN_IF_ERROR(MakeDirectories(attributes_dir));
    composed.lower_dirs.push_back(attributes_dir);
  }
  RETURN_IF_ERROR(FindRoot(view, &composed));
  return composed;
}

}  // namespace nacre::image
