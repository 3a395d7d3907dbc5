#include "policy/rego/ast_json.h"

#include "base/strings.h"
#include "policy/rego/error.h"
#include "policy/rego/parser.h"

namespace nacre::rego {
namespace {

class Writer {
 public:
  explicit Writer(Arena& arena) : arena_(arena) {}

  Value Module(const rego::Module& module) {
    ObjectBuilder out(arena_), package(arena_);
    package.Set("path", Path(module.package));
    out.Set("package", package.Build());
    ArrayBuilder imports(arena_), rules(arena_);
    for (const Import& import : module.imports) {
      ObjectBuilder one(arena_);
      one.Set("path", Typed("ref", Path(import.path)));
      if (import.named) one.Set("alias", Text(import.alias));
      imports.Add(one.Build());
    }
    for (const rego::Rule* rule : module.rules) rules.Add(Rule(*rule));
    if (imports.size() > 0) out.Set("imports", imports.Build());
    if (rules.size() > 0) out.Set("rules", rules.Build());
    return out.Build();
  }

 private:
  Value Text(std::string_view text) { return Value::String(arena_, text); }

  Value Typed(std::string_view type, const Value& value) {
    ObjectBuilder out(arena_, 2);
    out.Set("type", Text(type));
    out.Set("value", value);
    return out.Build();
  }

  // A path of names: the first is a variable.
  Value Path(const std::vector<std::string_view>& path) {
    ArrayBuilder out(arena_);
    for (size_t i = 0; i < path.size(); ++i) {
      out.Add(Typed(i == 0 ? "var" : "string", Text(path[i])));
    }
    return out.Build();
  }

  Value Terms(const std::vector<rego::Term*>& terms) {
    ArrayBuilder out(arena_);
    for (const rego::Term* term : terms) out.Add(Term(*term));
    return out.Build();
  }

  Value Function(std::string_view name) { return Typed("ref", Path(StrSplit(name, '.'))); }

  Value Call(const rego::Term& term) {
    ArrayBuilder out(arena_);
    out.Add(Function(term.name));
    for (const rego::Term* item : term.items) out.Add(Term(*item));
    return out.Build();
  }

  Value Term(const rego::Term& term) {
    using Type = rego::Term::Type;
    switch (term.type) {
      case Type::kScalar:
        return Typed(KindName(term.value.kind()), DeepCopy(arena_, term.value));
      case Type::kVar:
        return Typed("var", Text(term.name));
      case Type::kRef:
        return Typed("ref", Terms(term.items));
      case Type::kArrayTerm:
        return Typed("array", Terms(term.items));
      case Type::kSetTerm:
        return Typed("set", Terms(term.items));
      case Type::kObjectTerm: {
        ArrayBuilder out(arena_);
        for (size_t i = 0; i < term.items.size(); i += 2) {
          out.Add(Value::Array(arena_, {Term(*term.items[i]), Term(*term.items[i + 1])}));
        }
        return Typed("object", out.Build());
      }
      case Type::kArrayComprehension:
      case Type::kSetComprehension:
        return Typed(
            term.type == Type::kSetComprehension ? "setcomprehension" : "arraycomprehension",
            Comprehension(term));
      case Type::kObjectComprehension:
        return Typed("objectcomprehension", Comprehension(term));
      case Type::kCall:
        return Typed("call", Call(term));
      case Type::kTemplate: {
        ArrayBuilder out(arena_);
        for (const rego::Expr* part : term.parts) out.Add(Term(*part->term));
        return Typed("templatestring", out.Build());
      }
    }
    return Value::Null();
  }

  Value Comprehension(const rego::Term& term) {
    ObjectBuilder out(arena_);
    bool object = term.items.size() == 2;
    out.Set(object ? "key" : "term", Term(*term.items[0]));
    if (object) out.Set("value", Term(*term.items[1]));
    out.Set("body", Body(*term.body));
    return out.Build();
  }

  Value Body(const rego::Body& body) {
    ArrayBuilder out(arena_);
    for (size_t i = 0; i < body.exprs.size(); ++i) {
      out.Add(Expr(*body.exprs[i], static_cast<int64_t>(i)));
    }
    return out.Build();
  }

  Value Expr(const rego::Expr& expr, int64_t index) {
    ObjectBuilder out(arena_);
    out.Set("index", Value::Int(index));
    if (expr.negated) out.Set("negated", Value::Bool(true));
    out.Set("terms", ExprTerms(expr));
    ArrayBuilder with(arena_);
    for (const With& one : expr.with) {
      ObjectBuilder entry(arena_);
      entry.Set("target", Term(*one.target));
      entry.Set("value", Term(*one.value));
      with.Add(entry.Build());
    }
    if (with.size() > 0) out.Set("with", with.Build());
    return out.Build();
  }

  Value ExprTerms(const rego::Expr& expr) {
    ObjectBuilder out(arena_);
    switch (expr.type) {
      case rego::Expr::Type::kTerm:
        return expr.term->type == rego::Term::Type::kCall ? Call(*expr.term) : Term(*expr.term);
      case rego::Expr::Type::kSome:
        out.Set("symbols", Terms(expr.names));
        return out.Build();
      case rego::Expr::Type::kSomeIn: {
        ArrayBuilder call(arena_);
        call.Add(Function(expr.key != nullptr ? "internal.member_3" : "internal.member_2"));
        if (expr.key != nullptr) call.Add(Term(*expr.key));
        call.Add(Term(*expr.member));
        call.Add(Term(*expr.domain));
        out.Set("symbols", Value::Array(arena_, {Typed("call", call.Build())}));
        return out.Build();
      }
      case rego::Expr::Type::kEvery:
        out.Set("key", expr.key != nullptr ? Term(*expr.key) : Value::Null());
        out.Set("value", Term(*expr.member));
        out.Set("domain", Term(*expr.domain));
        out.Set("body", Body(*expr.body));
        return out.Build();
    }
    return Value::Null();
  }

  Value Rule(const rego::Rule& rule) {
    ObjectBuilder out(arena_), head(arena_);
    if (rule.is_default) out.Set("default", Value::Bool(true));
    head.Set("name", Text(rule.ref[0]->name));
    head.Set("ref", Terms(rule.ref));
    if (rule.has_args) head.Set("args", Terms(rule.args));
    if (rule.key != nullptr) {
      head.Set("key", Term(*rule.key));
    } else {
      head.Set("value",
               rule.value != nullptr ? Term(*rule.value) : Typed("boolean", Value::Bool(true)));
    }
    if (rule.assign) head.Set("assign", Value::Bool(true));
    out.Set("head", head.Build());
    if (rule.body != nullptr) {
      out.Set("body", Body(*rule.body));
    } else {
      ObjectBuilder always(arena_);
      always.Set("index", Value::Int(0));
      always.Set("terms", Typed("boolean", Value::Bool(true)));
      out.Set("body", Value::Array(arena_, {always.Build()}));
    }
    if (rule.otherwise != nullptr) out.Set("else", Rule(*rule.otherwise));
    return out.Build();
  }

  Arena& arena_;
};

absl::StatusOr<Value> ParseModuleBuiltin(BuiltinContext& context, std::span<const Value> args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kString));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kString));
  RETURN_IF_ERROR(context.Step(args[1].size()));
  auto module = ParseModule(args[0].string(), args[1].string());
  if (!module.ok()) {
    Error error = ErrorOf(module.status()).value_or(Error{});
    return BuiltinError(StrCat("1 error occurred: ", error.file, ":", error.location.line, ": ",
                               error.code, ": ", error.message));
  }
  return ModuleToValue(context.arena(), **module);
}

absl::StatusOr<Value> OnlyWhenCompiling(BuiltinContext&, std::span<const Value>) {
  return BuiltinError("annotations are known in rules only");
}

}  // namespace

Value ModuleToValue(Arena& arena, const Module& module) { return Writer(arena).Module(module); }

void RegisterSyntaxBuiltins(BuiltinRegistry& registry) {
  registry.Register({.name = "rego.parse_module",
                     .args = {kString, kString},
                     .result = kObject,
                     .function = ParseModuleBuiltin});
  registry.Register(
      {.name = "rego.metadata.chain", .result = kArray, .function = OnlyWhenCompiling});
  registry.Register({.name = "rego.metadata.rule", .function = OnlyWhenCompiling});
}

}  // namespace nacre::rego
