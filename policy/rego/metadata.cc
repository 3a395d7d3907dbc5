#include "policy/rego/metadata.h"

#include "base/strings.h"

namespace nacre::rego {
namespace {

// For yaml.unmarshal while compiling.
class CompileContext final : public BuiltinContext {
 public:
  explicit CompileContext(Arena& arena) : arena_(arena) {}
  Arena& arena() override { return arena_; }
  absl::Status Step(uint64_t) override { return absl::OkStatus(); }
  int64_t now_ns() override { return 0; }
  void Random(std::span<uint8_t> out) override { std::fill(out.begin(), out.end(), uint8_t{0}); }
  Value Recall(std::string_view, const Value&) override { return Value(); }
  void Remember(std::string_view, const Value&, const Value&) override {}
  std::shared_ptr<const void> Kept(std::string_view, std::string_view) override { return nullptr; }
  void Keep(std::string_view, std::string_view, std::shared_ptr<const void>) override {}
  Value runtime() override { return Value::EmptyObject(); }

 private:
  Arena& arena_;
};

struct Block {
  uint32_t end_line = 0;
  std::string yaml;
};

std::vector<Block> Blocks(const Module& module) {
  std::vector<Block> out;
  bool inside = false;
  for (const Comment& comment : module.comments) {
    uint32_t line = comment.location.line;
    bool next = inside && line == out.back().end_line + 1;
    if (StripSpace(comment.text) == "METADATA") {
      out.emplace_back().end_line = line;
      inside = true;
    } else if (next) {
      std::string_view text = comment.text;
      if (text.starts_with(' ')) text.remove_prefix(1);
      StrAppend(&out.back().yaml, text, "\n");
      out.back().end_line = line;
    } else {
      inside = false;
    }
  }
  return out;
}

// "Name <mail>" or an object; a list of them.
Value Authors(Arena& arena, const Value& authors) {
  if (!authors.is_array()) return authors;
  ArrayBuilder out(arena);
  for (const Value& author : authors.elements()) {
    if (!author.is_string()) {
      out.Add(author);
      continue;
    }
    std::string_view text = author.string();
    ObjectBuilder one(arena);
    size_t open = text.find('<');
    if (open != std::string_view::npos && text.ends_with('>')) {
      one.Set("email", Value::String(arena, text.substr(open + 1, text.size() - open - 2)));
      text = text.substr(0, open);
    }
    text = StripSpace(text);
    if (!text.empty()) one.Set("name", Value::String(arena, text));
    out.Add(one.Build());
  }
  return out.Build();
}

struct Annotation {
  std::string_view scope;
  Value value;
};

// The annotations of what begins at `line`; `previous` is where the statement before it began.
std::vector<Annotation> At(const Module& module, uint32_t line, uint32_t previous, bool package,
                           const BuiltinRegistry& builtins, Arena& arena) {
  std::vector<Annotation> out;
  const Builtin* unmarshal = builtins.Find("yaml.unmarshal");
  if (unmarshal == nullptr) return out;
  CompileContext context(arena);
  for (const Block& block : Blocks(module)) {
    if (block.end_line >= line || block.end_line < previous) continue;
    Value text = Value::String(arena, block.yaml);
    auto yaml = unmarshal->function(context, std::span(&text, 1));
    if (!yaml.ok() || !yaml->is_object()) continue;
    ObjectBuilder value(arena);
    value.Set("scope", Value::BorrowString(package ? "package" : "rule"));
    for (const Member& member : yaml->members()) value.Set(member.key, member.value);
    Value authors = yaml->Get("authors");
    if (authors.defined()) value.Set("authors", Authors(arena, authors));
    Annotation annotation;
    annotation.value = value.Build();
    Value scope = annotation.value.Get("scope");
    if (scope.is_string()) annotation.scope = scope.string();
    out.push_back(annotation);
  }
  return out;
}

std::vector<Annotation> OfRule(const Module& module, const Rule& rule,
                               const BuiltinRegistry& builtins, Arena& arena) {
  uint32_t previous = module.package_location.line;
  for (const Import& import : module.imports) {
    previous = std::max(previous, import.location.line);
  }
  for (const Rule* other : module.rules) {
    if (other->location.line < rule.location.line) previous = std::max(previous, other->end_line);
  }
  return At(module, rule.location.line, previous, false, builtins, arena);
}

bool SameName(const Rule& a, const Rule& b) { return a.ref[0]->name == b.ref[0]->name; }

Value Entry(Arena& arena, const Value& path, const Value& annotations) {
  ObjectBuilder out(arena);
  out.Set("path", path);
  if (annotations.defined()) out.Set("annotations", annotations);
  return out.Build();
}

Value PackagePath(Arena& arena, const std::vector<std::string_view>& package, size_t count) {
  ArrayBuilder out(arena);
  for (size_t i = 1; i < count; ++i) out.Add(Value::BorrowString(package[i]));
  return out.Build();
}

bool StartsWith(const std::vector<std::string_view>& path,
                const std::vector<std::string_view>& prefix) {
  return prefix.size() <= path.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

}  // namespace

Value MetadataOfRule(const Module& module, const Rule& rule, const BuiltinRegistry& builtins,
                     Arena& arena) {
  for (const Annotation& annotation : OfRule(module, rule, builtins, arena)) {
    if (annotation.scope == "rule") return annotation.value;
  }
  return Value::EmptyObject();
}

Value MetadataChain(const std::vector<const Module*>& modules, const Module& module,
                    const Rule& rule, const BuiltinRegistry& builtins, Arena& arena) {
  ArrayBuilder path_builder(arena);
  for (size_t i = 1; i < module.package.size(); ++i) {
    path_builder.Add(Value::BorrowString(module.package[i]));
  }
  for (const Term* item : rule.ref) {
    path_builder.Add(item == rule.ref[0] ? Value::BorrowString(item->name) : item->value);
  }
  Value path = path_builder.Build();
  ArrayBuilder out(arena);
  Value own = MetadataOfRule(module, rule, builtins, arena);
  out.Add(Entry(arena, path, own.size() == 0 ? Value() : own));
  for (const Module* other : modules) {
    if (other->package != module.package) continue;
    for (const Rule* sibling : other->rules) {
      if (!SameName(*sibling, rule)) continue;
      for (const Annotation& annotation : OfRule(*other, *sibling, builtins, arena)) {
        if (annotation.scope == "document") out.Add(Entry(arena, path, annotation.value));
      }
    }
  }
  // The package itself, then those above it that speak for their subpackages.
  for (size_t length = module.package.size(); length > 1; --length) {
    for (const Module* other : modules) {
      if (other->package.size() != length || !StartsWith(module.package, other->package)) continue;
      for (const Annotation& annotation :
           At(*other, other->package_location.line, 0, true, builtins, arena)) {
        bool speaks = length == module.package.size()
                          ? annotation.scope == "package" || annotation.scope == "subpackages"
                          : annotation.scope == "subpackages";
        if (!speaks) continue;
        out.Add(Entry(arena, PackagePath(arena, module.package, length), annotation.value));
      }
    }
  }
  return out.Build();
}

}  // namespace nacre::rego
