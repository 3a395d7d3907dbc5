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

Annotations::Annotations(const BuiltinRegistry& builtins, Arena& arena)
    : unmarshal_(builtins.Find("yaml.unmarshal")), arena_(arena) {}

std::vector<Annotations::Block>& Annotations::BlocksOf(const Module& module) {
  auto [place, fresh] = blocks_.try_emplace(&module);
  std::vector<Block>& out = place->second;
  if (!fresh) return out;
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

void Annotations::Read(Block& block) {
  block.read = true;
  if (unmarshal_ == nullptr) return;
  CompileContext context(arena_);
  Value text = Value::String(arena_, block.yaml);
  auto yaml = unmarshal_->function(context, std::span(&text, 1));
  if (!yaml.ok() || !yaml->is_object()) return;
  Value authors = yaml->Get("authors");
  block.value = *yaml;
  if (!authors.defined()) return;
  ObjectBuilder value(arena_);
  for (const Member& member : yaml->members()) value.Set(member.key, member.value);
  value.Set("authors", Authors(arena_, authors));
  block.value = value.Build();
}

std::vector<Annotations::Annotation> Annotations::At(const Module& module, uint32_t line,
                                                     uint32_t previous, bool package,
                                                     const Spend& spend) {
  std::vector<Annotation> out;
  for (Block& block : BlocksOf(module)) {
    if (!spend(1)) break;
    if (block.end_line >= line || block.end_line < previous) continue;
    if (!block.read) Read(block);
    if (!block.value.is_object() || !spend(8 * block.value.size())) continue;
    ObjectBuilder value(arena_);
    value.Set("scope", Value::BorrowString(package ? "package" : "rule"));
    for (const Member& member : block.value.members()) value.Set(member.key, member.value);
    Annotation annotation;
    annotation.value = value.Build();
    Value scope = annotation.value.Get("scope");
    if (scope.is_string()) annotation.scope = scope.string();
    out.push_back(annotation);
  }
  return out;
}

std::vector<Annotations::Annotation> Annotations::AtRule(const Module& module, const Rule& rule,
                                                         const Spend& spend) {
  uint32_t previous = module.package_location.line;
  if (!spend(module.imports.size() + module.rules.size())) return {};
  for (const Import& import : module.imports) {
    previous = std::max(previous, import.location.line);
  }
  for (const Rule* other : module.rules) {
    if (other->location.line < rule.location.line) previous = std::max(previous, other->end_line);
  }
  return At(module, rule.location.line, previous, false, spend);
}

Value Annotations::OfRule(const Module& module, const Rule& rule, const Spend& spend) {
  for (const Annotation& annotation : AtRule(module, rule, spend)) {
    if (annotation.scope == "rule") return annotation.value;
  }
  return Value::EmptyObject();
}

Value Annotations::Chain(const std::vector<const Module*>& modules, const Module& module,
                         const Rule& rule, const Spend& spend) {
  ArrayBuilder path_builder(arena_);
  for (size_t i = 1; i < module.package.size(); ++i) {
    path_builder.Add(Value::BorrowString(module.package[i]));
  }
  for (const Term* item : rule.ref) {
    path_builder.Add(item == rule.ref[0] ? Value::BorrowString(item->name) : item->value);
  }
  Value path = path_builder.Build();
  ArrayBuilder out(arena_);
  Value own = OfRule(module, rule, spend);
  out.Add(Entry(arena_, path, own.size() == 0 ? Value() : own));
  for (const Module* other : modules) {
    if (!spend(8) || other->package != module.package) continue;
    for (const Rule* sibling : other->rules) {
      if (!spend(1) || !SameName(*sibling, rule)) continue;
      for (const Annotation& annotation : AtRule(*other, *sibling, spend)) {
        if (annotation.scope == "document") out.Add(Entry(arena_, path, annotation.value));
      }
    }
  }
  // The package itself, then those above it that speak for their subpackages.
  for (size_t length = module.package.size(); length > 1; --length) {
    for (const Module* other : modules) {
      if (!spend(8)) break;
      if (other->package.size() != length || !StartsWith(module.package, other->package)) continue;
      for (const Annotation& annotation :
           At(*other, other->package_location.line, 0, true, spend)) {
        bool speaks = length == module.package.size()
                          ? annotation.scope == "package" || annotation.scope == "subpackages"
                          : annotation.scope == "subpackages";
        if (!speaks) continue;
        out.Add(Entry(arena_, PackagePath(arena_, module.package, length), annotation.value));
      }
    }
  }
  return out.Build();
}

}  // namespace nacre::rego
