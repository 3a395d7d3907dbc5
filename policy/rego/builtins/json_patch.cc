// json.patch (RFC 6902), also into sets, whose members are their own keys. Values are immutable, so
// each operation rebuilds the collections along its path and shares the rest. Operation by
// operation: the first that does not apply fails the whole patch.
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/json_path.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

using Path = std::span<const Value>;

// The place in an array a key means; "-" is the one past the end. "01" is no index.
absl::StatusOr<size_t> IndexOf(const Value& array, const Value& key, std::string_view purpose,
                               size_t limit) {
  absl::Status outside = BuiltinError(StrCat("index for array ", purpose, " out of bounds"));
  int64_t index = -1;
  if (key.is_number()) {
    index = ToInt64(key).value_or(-1);
  } else if (!key.is_string()) {
    return BuiltinError("invalid type for indexing an array");
  } else if (key.string() == "-") {
    index = static_cast<int64_t>(array.size());
  } else if (key.size() > 1 && key.string()[0] == '0') {
    return BuiltinError("leading zeros are not allowed in JSON paths");
  } else if (!ParseNumber(key.string(), &index)) {
    return BuiltinError("invalid string for indexing");
  }
  if (index < 0 || static_cast<uint64_t>(index) >= limit) return outside;
  return static_cast<size_t>(index);
}

absl::Status NotComposite(const Value& value) {
  return BuiltinError(StrCat("expected composite type, found value: ", ToRego(value)));
}

// The member itself, which must exist.
Result Member1(const Value& value, const Value& key) {
  if (value.is_array()) {
    ASSIGN_OR_RETURN(size_t index, IndexOf(value, key, "lookup", value.size()));
    return value.elements()[index];
  }
  if (!value.is_collection()) return NotComposite(value);
  Value found = value.Get(key);
  if (found.defined()) return found;
  return BuiltinError(
      StrCat("path ", ToRego(key), " does not exist in ", KindName(value.kind()), " term"));
}

Result Lookup(Value value, Path path) {
  for (const Value& key : path) {
    ASSIGN_OR_RETURN(value, Member1(value, key));
  }
  return value;
}

// `value` with what is at `key` exchanged for `with`, or without it when `with` is undefined.
Result WithMember(BuiltinContext& context, const Value& value, const Value& key,
                  const Value& with) {
  RETURN_IF_ERROR(context.Step(1 + value.size()));
  if (value.is_object()) {
    ObjectBuilder out(context.arena(), value.size() + 1);
    for (const auto& [name, member] : value.members()) {
      if (!(name == key)) out.Set(name, member);
    }
    if (with.defined()) out.Set(key, with);
    return out.Build();
  }
  if (value.is_set()) {
    SetBuilder out(context.arena(), value.size() + 1);
    for (const Value& member : value.elements()) {
      if (!(member == key)) out.Add(member);
    }
    if (with.defined()) out.Add(with);
    return out.Build();
  }
  ASSIGN_OR_RETURN(size_t index, IndexOf(value, key, "delete", value.size()));
  ArrayBuilder out(context.arena(), value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    if (i != index) out.Add(value.elements()[i]);
    if (i == index && with.defined()) out.Add(with);
  }
  return out.Build();
}

Result Insert(BuiltinContext& context, const Value& value, const Value& key, const Value& added) {
  if (value.is_object()) return WithMember(context, value, key, added);
  if (value.is_set()) {
    if (key == added) return WithMember(context, value, key, added);
    return BuiltinError(
        StrCat("set key ", ToRego(key), " does not equal value to be inserted ", ToRego(added)));
  }
  if (!value.is_array()) return NotComposite(value);
  RETURN_IF_ERROR(context.Step(1 + value.size()));
  ASSIGN_OR_RETURN(size_t index, IndexOf(value, key, "insertion", value.size() + 1));
  ArrayBuilder out(context.arena(), value.size() + 1);
  for (size_t i = 0; i <= value.size(); ++i) {
    if (i == index) out.Add(added);
    if (i < value.size()) out.Add(value.elements()[i]);
  }
  return out.Build();
}

Result Delete(BuiltinContext& context, const Value& value, const Value& key) {
  if (!value.is_collection()) return NotComposite(value);
  if (!value.is_array() && !value.Contains(key)) {
    return BuiltinError(StrCat("cannot delete child key ", ToRego(key), " that does not exist"));
  }
  return WithMember(context, value, key, Value());
}

// The document with the last step of the path done: `added` inserted there, or, when it is
// undefined, what is there deleted.
Result Edit(BuiltinContext& context, const Value& document, Path path, const Value& added) {
  if (path.empty()) {
    if (added.defined()) return added;
    return BuiltinError("cannot remove the whole document");
  }
  std::vector<Value> parents{document};
  for (const Value& key : path.first(path.size() - 1)) {
    ASSIGN_OR_RETURN(Value member, Member1(parents.back(), key));
    parents.push_back(member);
  }
  const Value& last = path.back();
  ASSIGN_OR_RETURN(Value changed, added.defined() ? Insert(context, parents.back(), last, added)
                                                  : Delete(context, parents.back(), last));
  for (size_t i = parents.size() - 1; i > 0; --i) {
    ASSIGN_OR_RETURN(changed, WithMember(context, parents[i - 1], path[i - 1], changed));
  }
  return changed;
}

absl::StatusOr<Value> Attribute(const Value& operation, std::string_view name) {
  Value value = operation.Get(name);
  if (value.defined()) return value;
  return BuiltinError(StrCat("missing required attribute '", name, "'"));
}

Result Move(BuiltinContext& context, const Value& document, Path from, Path to, bool copy) {
  ASSIGN_OR_RETURN(Value moved, Lookup(document, from));
  if (copy || from.empty()) return Edit(context, document, to, moved);
  ASSIGN_OR_RETURN(Value without, Edit(context, document, from, Value()));
  return Edit(context, without, to, moved);
}

Result Apply(BuiltinContext& context, const Value& document, const Value& operation) {
  ASSIGN_OR_RETURN(Value path_text, Attribute(operation, "path"));
  ASSIGN_OR_RETURN(Value op, Attribute(operation, "op"));
  if (!op.is_string()) {
    return BuiltinError(StrCat("attribute 'op' must be a string but found: ", KindName(op.kind())));
  }
  ASSIGN_OR_RETURN(std::vector<Value> path, ReadPath(context, path_text));
  std::string_view name = op.string();
  if (name == "remove") return Edit(context, document, path, Value());
  if (name == "move" || name == "copy") {
    ASSIGN_OR_RETURN(Value from_text, Attribute(operation, "from"));
    ASSIGN_OR_RETURN(std::vector<Value> from, ReadPath(context, from_text));
    return Move(context, document, from, path, name == "copy");
  }
  if (name == "replace") {
    Value without = document;
    if (!path.empty()) {
      ASSIGN_OR_RETURN(without, Edit(context, document, path, Value()));
    }
    ASSIGN_OR_RETURN(Value value, Attribute(operation, "value"));
    return Edit(context, without, path, value);
  }
  if (name != "add" && name != "test") {
    return BuiltinError(StrCat("unrecognized op: '", name, "'"));
  }
  if (name == "add") {
    ASSIGN_OR_RETURN(Value value, Attribute(operation, "value"));
    return Edit(context, document, path, value);
  }
  ASSIGN_OR_RETURN(Value found, Lookup(document, path));
  ASSIGN_OR_RETURN(Value value, Attribute(operation, "value"));
  if (found == value) return document;
  return BuiltinError(StrCat("value from EditTree != patch value.\n\nExpected: ", ToRego(value),
                             "\n\nFound: ", ToRego(found)));
}

Result Patch(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kArray));
  Value document = args[0];
  for (const Value& operation : args[1].elements()) {
    if (!operation.is_object()) {
      return BuiltinError(
          "must be an array of JSON-Patch objects, but at least one element is not an object");
    }
    RETURN_IF_ERROR(context.Step());
    ASSIGN_OR_RETURN(document, Apply(context, document, operation));
  }
  return document;
}

}  // namespace

void RegisterJsonPatch(BuiltinRegistry& registry) {
  registry.Register({"json.patch", {kAny, kArray}, kAny, Patch});
}

}  // namespace nacre::rego
