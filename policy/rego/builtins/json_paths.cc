// json.filter and json.remove: the members that paths name, kept or left out. The paths are first
// made into one tree, in which the end of a path stands for everything below.
#include <map>
#include <memory>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/json_path.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

struct PathTree {
  bool whole = false;
  std::map<Value, std::unique_ptr<PathTree>> below;

  const PathTree* At(const Value& key) const {
    auto found = below.find(key);
    return found == below.end() ? nullptr : found->second.get();
  }
};

absl::StatusOr<PathTree> ReadPaths(BuiltinContext& context, const Value& paths) {
  if (!paths.is_array() && !paths.is_set()) {
    return OperandTypeError(2, "one of {set, array}", paths);
  }
  PathTree root;
  for (const Value& path : paths.elements()) {
    ASSIGN_OR_RETURN(std::vector<Value> keys, ReadPath(context, path));
    RETURN_IF_ERROR(context.Step(1 + 8 * keys.size()));
    if (keys.empty()) continue;
    PathTree* node = &root;
    for (const Value& key : keys) {
      if (node->whole) break;
      std::unique_ptr<PathTree>& next = node->below[key];
      if (next == nullptr) next = std::make_unique<PathTree>();
      node = next.get();
    }
    node->whole = true;
    node->below.clear();
  }
  return root;
}

// An element's number stands in paths as text or, for filters, as a number.
Value IndexKey(BuiltinContext& context, size_t index) { return Text(context, StrCat(index)); }

// Undefined when the value itself is to go.
Value Remove(BuiltinContext& context, const Value& value, const PathTree* paths) {
  if (paths == nullptr) return value;
  if (paths->whole) return Value();
  if (value.is_object()) {
    ObjectBuilder out(context.arena(), value.size());
    for (const Member& member : value.members()) {
      Value left = Remove(context, member.value, paths->At(member.key));
      if (left.defined()) out.Set(member.key, left);
    }
    return out.Build();
  }
  if (value.is_set()) {
    SetBuilder out(context.arena(), value.size());
    for (const Value& member : value.elements()) {
      Value left = Remove(context, member, paths->At(member));
      if (left.defined()) out.Add(left);
    }
    return out.Build();
  }
  if (!value.is_array()) return value;
  ArrayBuilder out(context.arena(), value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    Value left = Remove(context, value.elements()[i], paths->At(IndexKey(context, i)));
    if (left.defined()) out.Add(left);
  }
  return out.Build();
}

Value Filter(BuiltinContext& context, const Value& value, const PathTree* paths) {
  if (paths->whole || !value.is_collection()) return value;
  if (value.is_object()) {
    ObjectBuilder out(context.arena());
    for (const Member& member : value.members()) {
      const PathTree* below = paths->At(member.key);
      if (below != nullptr) out.Set(member.key, Filter(context, member.value, below));
    }
    return out.Build();
  }
  if (value.is_set()) {
    SetBuilder out(context.arena());
    for (const Value& member : value.elements()) {
      const PathTree* below = paths->At(member);
      if (below != nullptr) out.Add(Filter(context, member, below));
    }
    return out.Build();
  }
  ArrayBuilder out(context.arena());
  for (size_t i = 0; i < value.size(); ++i) {
    const PathTree* below = paths->At(IndexKey(context, i));
    if (below != nullptr) out.Add(Filter(context, value.elements()[i], below));
  }
  return out.Build();
}

Result JsonRemove(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  ASSIGN_OR_RETURN(PathTree paths, ReadPaths(context, args[1]));
  return Remove(context, args[0], &paths);
}

Result JsonFilter(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  ASSIGN_OR_RETURN(PathTree paths, ReadPaths(context, args[1]));
  return Filter(context, args[0], &paths);
}

}  // namespace

absl::StatusOr<std::vector<Value>> ReadPath(BuiltinContext& context, const Value& path) {
  std::vector<Value> keys;
  if (path.is_array()) {
    keys.assign(path.elements().begin(), path.elements().end());
    return keys;
  }
  if (!path.is_string()) {
    return TypeError(StrCat("operand 2 must be one of {set, array} containing string paths or ",
                            "array of path segments but got ", KindName(path.kind())));
  }
  std::string_view text = path.string();
  if (text.empty()) return keys;
  text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
  for (std::string_view part : StrSplit(text, '/')) {
    std::string key;
    for (size_t i = 0; i < part.size(); ++i) {  // ~1 is a slash, ~0 a tilde
      bool escaped =
          part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
      key.push_back(!escaped ? part[i] : part[++i] == '1' ? '/' : '~');
    }
    keys.push_back(Text(context, key));
  }
  return keys;
}

void RegisterJsonPaths(BuiltinRegistry& registry) {
  registry.Register({"json.filter", {kObject, kArray | kSet}, kObject, JsonFilter});
  registry.Register({"json.remove", {kObject, kArray | kSet}, kObject, JsonRemove});
}

}  // namespace nacre::rego
