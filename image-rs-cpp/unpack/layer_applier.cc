#include "image-rs-cpp/unpack/layer_applier.h"

#include <algorithm>

#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufs = ".wh..wh.";

std::string Join(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : StrCat(folder, "/", name);
}

// Of a step after the name has been cleared.
absl::Status MustBeFree(const absl::StatusOr<bool>& made) {
  RETURN_IF_ERROR(made.status());
  return *made ? absl::OkStatus() : absl::InternalError("the name is taken");
}

}  // namespace

LayerApplier::LayerApplier(LayerTree* tree, const Limits& limits, UnpackBudget* budget)
    : tree_(tree), limits_(&limits), budget_(budget) {
  facts_.implicit_folders.insert("");
}

absl::Status LayerApplier::BeginEntry(const TarEntry& entry) {
  current_ = &entry;
  in_file_ = false;
  RETURN_IF_ERROR(Apply(entry), StrCat("tar entry '", Printable(entry.path), "'"));
  return absl::OkStatus();
}

absl::Status LayerApplier::Apply(const TarEntry& entry) {
  RETURN_IF_ERROR(budget_->DrawEntry());
  ++facts_.entries;
  ASSIGN_OR_RETURN(std::string path, CanonicalEntryPath(entry.path, *limits_));
  const SplitPath place = SplitEntryPath(path);
  if (path.empty() && entry.type != TarType::kDirectory) {
    return absl::InvalidArgumentError("the root can only be a folder");
  }
  if (place.name.starts_with(kWhiteout)) return ApplyWhiteout(place);
  // A hard link has the attributes its file got.
  if (entry.type == TarType::kHardLink) return ApplyHardLink(entry, path, place);
  RETURN_IF_ERROR(CheckXattrs(entry));
  switch (entry.type) {
    case TarType::kDirectory:
      return ApplyFolder(entry, path, place);
    case TarType::kFile:
      return ApplyFile(entry, place);
    default:
      return ApplyNode(entry, place);
  }
}

absl::Status LayerApplier::EntryData(ByteView data) {
  if (!in_file_) return absl::OkStatus();  // a whiteout with bytes in it
  RETURN_IF_ERROR(budget_->DrawContent(data.size()));
  facts_.bytes += data.size();
  RETURN_IF_ERROR(tree_->FileData(data), StrCat("writing '", Printable(current_->path), "'"));
  return CheckFiller();
}

absl::Status LayerApplier::EntryHole(uint64_t size) {
  if (!in_file_) return absl::OkStatus();
  RETURN_IF_ERROR(tree_->FileHole(size), StrCat("a hole in '", Printable(current_->path), "'"));
  return absl::OkStatus();
}

absl::Status LayerApplier::EndEntry() {
  if (!in_file_) return absl::OkStatus();
  in_file_ = false;
  RETURN_IF_ERROR(tree_->EndFile(), StrCat("tar entry '", Printable(current_->path), "'"));
  return CheckFiller();
}

// Sparse files of honest layers need less than their content.
absl::Status LayerApplier::CheckFiller() const {
  const uint64_t allowed = limits_->unpack_ratio_from + 4 * facts_.bytes;
  if (tree_->filler() <= allowed) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat("'", Printable(current_->path), "': sparse files with ", facts_.bytes,
             " bytes in them take ", tree_->filler(), " beside, allowed are ", allowed));
}

absl::StatusOr<LayerFacts> LayerApplier::Finish() {
  RETURN_IF_ERROR(tree_->Finish());
  return std::move(facts_);
}

absl::Status LayerApplier::ApplyWhiteout(const SplitPath& place) {
  const bool opaque = place.name == kOpaque;
  if (!opaque && place.name.starts_with(kAufs)) return absl::OkStatus();  // aufs's own notes
  // Where this layer itself has something else in the place of the folder, what was in it below is
  // hidden already. (umoci writes such whiteouts when a folder becomes a file.)
  absl::Status opened = OpenParent(place.parent, InTheWay::kRefuse);
  if (absl::IsFailedPrecondition(opened) || absl::IsInvalidArgument(opened)) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(opened);
  if (opaque) return tree_->MakeOpaque();
  const std::string hidden = place.name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return absl::InvalidArgumentError("a whiteout of no file");
  }
  ASSIGN_OR_RETURN(const bool made, tree_->MakeWhiteout(hidden));
  if (made) return absl::OkStatus();
  // This layer has a file of that name too: it stays, and hides what is below by itself.
  ASSIGN_OR_RETURN(const Found present, tree_->Look(hidden));
  if (present != Found::kFolder) return absl::OkStatus();
  // A folder of this layer in the place of a deleted one: new, as in MakeFolder.
  facts_.implicit_folders.erase(Join(place.parent, hidden));
  RETURN_IF_ERROR(Enter(hidden));
  return tree_->MakeOpaque();
}

absl::Status LayerApplier::ApplyFolder(const TarEntry& entry, const std::string& path,
                                       const SplitPath& place) {
  if (path.empty()) {
    RETURN_IF_ERROR(OpenParent("", InTheWay::kRefuse));
    facts_.implicit_folders.erase("");
    return tree_->SetFolderAttributes(entry, false);
  }
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  ASSIGN_OR_RETURN(bool is_new, tree_->MakeFolder(entry, place.name));
  bool hides = false;
  if (!is_new) {
    ASSIGN_OR_RETURN(const Found present, tree_->Look(place.name));
    if (present != Found::kFolder) {
      // What hid a folder of a lower layer goes; what was in that one does not come back.
      hides = true;
      RETURN_IF_ERROR(RemoveExisting(place));
      RETURN_IF_ERROR(MustBeFree(tree_->MakeFolder(entry, place.name)));
      is_new = true;
    }
  }
  facts_.implicit_folders.erase(path);
  RETURN_IF_ERROR(Enter(place.name));
  RETURN_IF_ERROR(tree_->SetFolderAttributes(entry, is_new));
  return hides ? tree_->MakeOpaque() : absl::OkStatus();
}

absl::Status LayerApplier::ApplyFile(const TarEntry& entry, const SplitPath& place) {
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  ASSIGN_OR_RETURN(const bool made, tree_->BeginFile(entry, place.name));
  if (!made) {
    RETURN_IF_ERROR(RemoveExisting(place));
    RETURN_IF_ERROR(MustBeFree(tree_->BeginFile(entry, place.name)));
  }
  in_file_ = true;
  return absl::OkStatus();
}

absl::Status LayerApplier::ApplyHardLink(const TarEntry& entry, const std::string& path,
                                         const SplitPath& place) {
  const std::string shown = StrCat("hard link to '", Printable(entry.link_target), "'");
  ASSIGN_OR_RETURN(std::string target, CanonicalEntryPath(entry.link_target, *limits_), shown);
  if (target.empty()) return absl::InvalidArgumentError(StrCat(shown, ", which is the root"));
  const SplitPath from = SplitEntryPath(target);
  absl::StatusOr<Found> found = tree_->FindLinkTarget(from, from.parent == path_);
  if (absl::IsNotFound(found.status())) found = Found::kNothing;
  RETURN_IF_ERROR(found.status(), shown);
  if (*found == Found::kNothing) {
    RETURN_IF_ERROR(CheckNotHidden(target));
    return LinkOutside(path, std::move(target), place);
  }
  if (*found == Found::kWhiteout) {
    auto earlier = facts_.outside_links.find(target);
    if (earlier != facts_.outside_links.end()) return LinkOutside(path, earlier->second, place);
  }
  if (*found != Found::kOther) {
    return absl::InvalidArgumentError(StrCat(shown, ", which cannot be linked"));
  }
  if (target.starts_with(path + "/")) {
    return absl::InvalidArgumentError(StrCat(shown, ", which is inside what the link replaces"));
  }
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  ASSIGN_OR_RETURN(const bool made, tree_->LinkFound(place.name), shown);
  if (made) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveExisting(place));
  RETURN_IF_ERROR(MustBeFree(tree_->LinkFound(place.name)), shown);
  return absl::OkStatus();
}

// That no folder on the way to `path` has been made opaque by now. (A link to an earlier link is
// not asked: what that one leads to stays, whatever happens to its other names.)
absl::Status LayerApplier::CheckNotHidden(const std::string& path) const {
  for (size_t end = 0; end != std::string::npos; end = path.find('/', end + 1)) {
    absl::StatusOr<bool> opaque = tree_->IsOpaque(path.substr(0, end));
    if (absl::IsNotFound(opaque.status())) return absl::OkStatus();
    RETURN_IF_ERROR(opaque.status());
    if (!*opaque) continue;
    return absl::InvalidArgumentError(StrCat("hard link to '", Printable(path),
                                             "', which cannot be linked: this layer deletes it"));
  }
  return absl::OkStatus();
}

absl::Status LayerApplier::LinkOutside(const std::string& path, std::string target,
                                       const SplitPath& place) {
  if (facts_.outside_links.size() >= limits_->max_outside_links) {
    return absl::ResourceExhaustedError(
        StrCat("more than ", limits_->max_outside_links, " hard links to files of lower layers"));
  }
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  RETURN_IF_ERROR(RemoveExisting(place));
  RETURN_IF_ERROR(MustBeFree(tree_->MakeWhiteout(place.name)));
  facts_.outside_links[path] = std::move(target);
  return absl::OkStatus();
}

// Symbolic links, devices and fifos.
absl::Status LayerApplier::ApplyNode(const TarEntry& entry, const SplitPath& place) {
  RETURN_IF_ERROR(CheckNode(entry));
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  ASSIGN_OR_RETURN(const bool made, tree_->MakeNode(entry, place.name));
  if (made) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveExisting(place));
  return MustBeFree(tree_->MakeNode(entry, place.name));
}

absl::Status LayerApplier::CheckNode(const TarEntry& entry) {
  if (entry.type == TarType::kSymbolicLink) {
    if (!entry.link_target.empty() && entry.link_target.size() <= limits_->max_path_length) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError("a symbolic link to an empty or too long path");
  }
  if (entry.type == TarType::kFifo) return absl::OkStatus();
  if (entry.type == TarType::kCharacter && entry.device_major == 0 && entry.device_minor == 0) {
    return absl::InvalidArgumentError("character device 0:0 means a whiteout to overlayfs");
  }
  // As Linux numbers devices.
  if (entry.device_major >= 1u << 12 || entry.device_minor >= 1u << 20) {
    return absl::InvalidArgumentError(
        StrCat("there is no device ", entry.device_major, ":", entry.device_minor));
  }
  if (++device_nodes_ > limits_->max_device_nodes) {
    return absl::ResourceExhaustedError(
        StrCat("more than ", limits_->max_device_nodes, " device nodes in one layer"));
  }
  return absl::OkStatus();
}

absl::Status LayerApplier::OpenParent(const std::string& parent, InTheWay in_the_way) {
  if (parent == path_) return absl::OkStatus();
  while (!path_sizes_.empty()) {
    const bool inside =
        parent.starts_with(path_) && (parent.size() == path_.size() || parent[path_.size()] == '/');
    if (inside) break;
    RETURN_IF_ERROR(tree_->Leave());
    path_.resize(path_sizes_.back());
    path_sizes_.pop_back();
  }
  std::string_view rest = std::string_view(parent).substr(path_.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('/')));
    absl::Status entered = Enter(name);
    if (absl::IsNotFound(entered) || absl::IsFailedPrecondition(entered)) {
      entered = MakeFolder(name, in_the_way);
    }
    RETURN_IF_ERROR(entered);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return absl::OkStatus();
}

absl::Status LayerApplier::Enter(const std::string& name) {
  RETURN_IF_ERROR(tree_->Enter(name));
  path_sizes_.push_back(path_.size());
  path_ = Join(path_, name);
  return absl::OkStatus();
}

// In the current folder, where there is none of that name; and enters it.
absl::Status LayerApplier::MakeFolder(const std::string& name, InTheWay in_the_way) {
  ASSIGN_OR_RETURN(const Found present, tree_->Look(name));
  const bool exists = present != Found::kNothing;
  std::string path = Join(path_, name);
  if (exists) {
    if (in_the_way == InTheWay::kRefuse || present != Found::kWhiteout) return NotAFolder(path);
    RETURN_IF_ERROR(tree_->Remove({path_, name}).status());
  }
  // One in the place of a deleted one is new, and has nothing to take from lower layers.
  if (!exists) RETURN_IF_ERROR(RememberImplicit(path));
  RETURN_IF_ERROR(tree_->MakeStandIn(name));
  path_sizes_.push_back(path_.size());
  path_ = std::move(path);
  return exists ? tree_->MakeOpaque() : absl::OkStatus();
}

absl::Status LayerApplier::RememberImplicit(const std::string& path) {
  implicit_size_ += path.size();
  if (implicit_size_ > limits_->max_implicit_folders) {
    return absl::ResourceExhaustedError(
        StrCat("folders that the layer uses without naming them: their names are over ",
               limits_->max_implicit_folders, " bytes"));
  }
  facts_.implicit_folders.insert(path);
  return absl::OkStatus();
}

absl::Status LayerApplier::RemoveExisting(const SplitPath& place) {
  ASSIGN_OR_RETURN(const bool folder, tree_->Remove(place));
  if (!folder) return absl::OkStatus();
  const std::string path = Join(place.parent, place.name);
  auto& folders = facts_.implicit_folders;
  folders.erase(path);
  folders.erase(folders.lower_bound(path + "/"), folders.lower_bound(path + "0"));  // '/' + 1
  return absl::OkStatus();
}

}  // namespace nacre::image
