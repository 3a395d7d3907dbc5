// Edits are found by the places of the nodes and put in from the end of the text to its beginning.
#include "policy/generate/annotate.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/generate/reader.h"
#include "tee/common/initdata.h"

namespace nacre::policy {
namespace {

using yaml::Kind;
using yaml::Node;

struct Edit {
  size_t length = 0;  // of the text it replaces
  std::string text;
};

class Editor {
 public:
  explicit Editor(const ManifestFile& file) : file_(file) {}

  absl::Status Annotate(const Node& pod, const std::string& value) {
    const Node* metadata = pod.Find("metadata");
    if (metadata == nullptr) return Insert(pod, "metadata", {"annotations"}, value);
    if (IsNull(metadata)) return InsertAt(*metadata, pod, {"annotations"}, value);
    const Node* annotations = metadata->Find("annotations");
    if (annotations == nullptr) return Insert(*metadata, "annotations", {}, value);
    if (IsNull(annotations)) return InsertAt(*annotations, *metadata, {}, value);
    const Node* old = annotations->Find(tee::kInitdataAnnotation);
    if (old != nullptr) return Replace(*old, value);
    return Insert(*annotations, std::string(tee::kInitdataAnnotation), {}, value);
  }

  // A scalar that stands on one line.
  absl::Status Replace(const Node& node, const std::string& text) {
    const size_t begin = yaml::ByteOffset(file_.text, node.begin.index);
    const size_t end = yaml::ByteOffset(file_.text, node.end.index);
    if (node.begin.line != node.end.line || begin >= end ||
        std::string_view("|>&!*").find(file_.text[begin]) != std::string_view::npos) {
      return Refuse(node, "must be a text on one line to be replaced");
    }
    return Put(begin, {end - begin, node.plain ? text : StrCat("\"", text, "\"")});
  }

  std::string Result() const {
    std::string out = file_.text;
    for (auto edit = edits_.rbegin(); edit != edits_.rend(); ++edit) {
      out.erase(edit->first, edit->second.length);
      out.insert(edit->first, edit->second.text);
    }
    return out;
  }

 private:
  absl::Status Refuse(const Node& node, std::string_view why) const {
    return absl::InvalidArgumentError(StrCat(file_.name, ":", node.begin.line, ": ", why));
  }

  absl::Status Put(size_t at, Edit edit) {
    auto [old, added] = edits_.emplace(at, edit);
    if (added || (old->second.text == edit.text && old->second.length == edit.length))
      return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat(file_.name, ": two pods share a part that would have to differ"));
  }

  size_t Column(const Node& node) const {
    const size_t at = yaml::ByteOffset(file_.text, node.begin.index);
    const size_t line = at == 0 ? std::string::npos : file_.text.rfind('\n', at - 1);
    const size_t from = line == std::string::npos ? 0 : line + 1;
    size_t column = 0;
    for (size_t i = from; i < at; ++i)
      column += (static_cast<uint8_t>(file_.text[i]) & 0xC0) != 0x80;
    return column;
  }

  // "key:\n  inner:\n    annotation: value", every line but the first at its indent.
  static std::string Block(std::vector<std::string> keys, size_t indent, const std::string& value) {
    if (keys.empty() || keys.back() != tee::kInitdataAnnotation)
      keys.emplace_back(tee::kInitdataAnnotation);
    std::string out;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (i > 0) StrAppend(&out, "\n", std::string(indent + 2 * i, ' '));
      StrAppend(&out, keys[i], ":");
    }
    StrAppend(&out, " ", value);
    return out;
  }

  static std::string Flow(std::vector<std::string> keys, const std::string& value) {
    if (keys.empty() || keys.back() != tee::kInitdataAnnotation)
      keys.emplace_back(tee::kInitdataAnnotation);
    std::string out;
    for (size_t i = 0; i < keys.size(); ++i)
      StrAppend(&out, i > 0 ? "{" : "", "\"", keys[i], "\": ");
    StrAppend(&out, "\"", value, "\"", std::string(keys.size() - 1, '}'));
    return out;
  }

  // A new first key of a mapping.
  absl::Status Insert(const Node& map, std::string key, std::vector<std::string> inner,
                      const std::string& value) {
    std::vector<std::string> keys = {std::move(key)};
    keys.insert(keys.end(), inner.begin(), inner.end());
    if (map.flow) {
      const size_t at = yaml::ByteOffset(file_.text, map.begin.index);
      const size_t brace = file_.text.find('{', at);
      if (brace == std::string::npos) return Refuse(map, "is not understood");
      return Put(brace + 1, {0, StrCat(Flow(keys, value), map.items.empty() ? "" : ", ")});
    }
    const Node& first = *map.items[0];
    const size_t indent = Column(first);
    return Put(yaml::ByteOffset(file_.text, first.begin.index),
               {0, StrCat(Block(keys, indent, value), "\n", std::string(indent, ' '))});
  }

  // In place of a value that is null.
  absl::Status InsertAt(const Node& null, const Node& parent, std::vector<std::string> keys,
                        const std::string& value) {
    const size_t begin = yaml::ByteOffset(file_.text, null.begin.index);
    const size_t end = yaml::ByteOffset(file_.text, null.end.index);
    if (parent.flow) return Put(begin, {end - begin, StrCat(" {", Flow(keys, value), "}")});
    const size_t indent = Column(*parent.items[0]) + 2;
    return Put(begin,
               {end - begin, StrCat("\n", std::string(indent, ' '), Block(keys, indent, value))});
  }

  const ManifestFile& file_;
  std::map<size_t, Edit> edits_;
};

// What was written must say to its next reader what it should: an alias may point to what was
// edited, say.
bool SaysAll(const std::string& text, const std::vector<Annotated>& workloads) {
  Manifests again;
  if (!ReadManifests("", text, &again).ok()) return false;
  return std::all_of(workloads.begin(), workloads.end(), [&](const Annotated& wanted) {
    return std::any_of(again.workloads.begin(), again.workloads.end(), [&](const Workload& got) {
      const auto note = got.annotations.find(std::string(tee::kInitdataAnnotation));
      return got.kind == wanted.workload->kind && got.name == wanted.workload->name &&
             got.name_space == wanted.workload->name_space && note != got.annotations.end() &&
             note->second == wanted.initdata;
    });
  });
}

}  // namespace

absl::StatusOr<std::string> AnnotateManifest(const ManifestFile& file,
                                             const std::vector<Annotated>& workloads) {
  Editor editor(file);
  for (const Annotated& one : workloads) {
    RETURN_IF_ERROR(editor.Annotate(*one.workload->pod, one.initdata));
    for (const WorkloadContainer& container : one.workload->containers) {
      auto pinned = one.images.find(container.image);
      if (pinned == one.images.end() || pinned->second == container.image) continue;
      RETURN_IF_ERROR(editor.Replace(*container.image_node, pinned->second));
    }
  }
  std::string out = editor.Result();
  if (SaysAll(out, workloads)) return out;
  return absl::InvalidArgumentError(
      StrCat(file.name,
             ": annotations cannot be added to this layout; write the pod's metadata and "
             "annotations as plain blocks, without anchors and tags"));
}

}  // namespace nacre::policy
