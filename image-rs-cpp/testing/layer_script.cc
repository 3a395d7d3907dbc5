#include "image-rs-cpp/testing/layer_script.h"

#include <map>
#include <set>

#include "base/strings.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/entry_path.h"

namespace nacre::image::testing {
namespace {

constexpr uint32_t kNames = 6;
constexpr size_t kDeepest = 4;

// Knows what there is after each change, so that every change means something.
class Writer {
 public:
  Bytes Layer(const std::vector<LayerStep>& steps, std::string* text) {
    lower_ = tree_;
    made_.clear();
    tar_ = TarBuilder();
    text_ = text;
    for (const LayerStep& step : steps) Change(step);
    return tar_.Finish();
  }

 private:
  std::string Path(const LayerStep& step) {
    std::vector<std::string> folders = {""};
    for (const auto& [path, type] : tree_) {
      if (type == '5' && StrSplit(path, '/').size() < kDeepest) folders.push_back(path);
    }
    const std::string& folder = folders[step.folder % folders.size()];
    const std::string name(1, static_cast<char>('a' + step.name % kNames));
    return folder.empty() ? name : StrCat(folder, "/", name);
  }
  // Something in the tree, a folder or not; empty when there is none.
  std::string Existing(uint32_t number, bool folder) {
    std::vector<std::string> paths;
    for (const auto& [path, type] : tree_) {
      if ((type == '5') == folder) paths.push_back(path);
    }
    return paths.empty() ? "" : paths[number % paths.size()];
  }
  void EraseInside(const std::string& path) {
    tree_.erase(tree_.lower_bound(path + "/"), tree_.lower_bound(path + "0"));
  }
  void Erase(const std::string& path) {
    tree_.erase(path);
    EraseInside(path);
  }
  bool HasMade(const std::string& path) const {
    if (made_.contains(path)) return true;
    const auto inside = made_.lower_bound(path + "/");
    return inside != made_.end() && inside->starts_with(path + "/");
  }
  void Say(std::string_view what, std::string_view path, std::string_view more = "") {
    StrAppend(text_, "  ", what, " ", path, more, "\n");
  }

  void Put(const LayerStep& step, const std::string& path, char type) {
    Member member{.path = path,
                  .type = type,
                  .mode = 0100 + step.dress % 0700,
                  .uid = step.dress % 3 * 1000,
                  .gid = step.dress / 3 % 3 * 1000,
                  .mtime = 1'000'000'000 + static_cast<int64_t>(step.dress % 1'000'000)};
    if (type == '2') member.link_target = "somewhere";
    if (type == '0') member.content = std::string(step.dress % 2000, 'a' + step.dress % 26);
    if (type == '3' || type == '4') member.major = 1 + step.dress % 9, member.minor = 3;
    // By the path, as a folder's second entry takes no attribute of the first away with us, and
    // does with umoci.
    const bool xattr = type != '2' && path.back() == 'b';
    if (xattr) tar_.Pax({{"SCHILY.xattr.trusted.note", "text"}});
    tar_.Add(member);
    tree_[path] = type;
    made_.insert(path);
    Say(std::string("type ") + type, path);
  }

  void Change(const LayerStep& step) {
    const std::string path = Path(step);
    switch (step.kind % 10) {
      case 0:
      case 1:
      case 2:
        return Replace(step, path, '0');
      case 3:
        return Replace(step, path, '2');
      case 4:
        return Replace(step, path, "346"[step.dress % 3]);
      case 5:
      case 6:
        if (!tree_.contains(path) || tree_[path] != '5') Erase(path);
        return Put(step, path, '5');
      case 7:
        return Link(path, Existing(step.target, false));
      case 8:
        return Delete(path);
      default:
        return Empty(Existing(step.folder, true));
    }
  }

  void Replace(const LayerStep& step, const std::string& path, char type) {
    if (HasMade(path)) return;
    Erase(path);
    Put(step, path, type);
  }

  void Link(const std::string& path, const std::string& target) {
    if (target.empty() || target == path || target.starts_with(path + "/") || HasMade(path)) return;
    const char type = tree_[target];
    Erase(path);
    tar_.HardLink(path, target);
    tree_[path] = type;
    made_.insert(path);
    Say("hard link", path, " to " + target);
  }

  void Delete(const std::string& path) {
    if (!lower_.contains(path) || !tree_.contains(path) || HasMade(path)) return;
    const SplitPath place = SplitEntryPath(path);
    tar_.File(StrCat(place.parent, place.parent.empty() ? "" : "/", ".wh.", place.name), "");
    Erase(path);
    made_.insert(path);
    Say("delete", path);
  }

  // Hides only what lower layers have.
  void Empty(const std::string& folder) {
    if (folder.empty() || !lower_.contains(folder) || HasMade(folder)) return;
    tar_.File(folder + "/.wh..wh..opq", "");
    EraseInside(folder);
    made_.insert(folder);
    Say("opaque", folder);
  }

  TarBuilder tar_;
  std::string* text_ = nullptr;
  std::map<std::string, char> tree_;   // by path, the type of tar
  std::map<std::string, char> lower_;  // before this layer
  std::set<std::string> made_;         // by this layer
};

}  // namespace

ScriptedLayers WriteLayers(const LayerScript& script) {
  ScriptedLayers layers;
  Writer writer;
  for (const auto& steps : script) {
    StrAppend(&layers.text, "layer ", layers.tars.size(), "\n");
    layers.tars.push_back(writer.Layer(steps, &layers.text));
  }
  return layers;
}

}  // namespace nacre::image::testing
