#include "policy/rego/format.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/rego/ast_json.h"

namespace nacre::rego {
namespace {

bool IsName(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9');
  });
}

std::string_view OperatorText(std::string_view function) {
  static constexpr std::pair<std::string_view, std::string_view> kOperators[] = {
      {"assign", ":="}, {"eq", "="},    {"equal", "=="}, {"neq", "!="},
      {"lt", "<"},      {"lte", "<="},  {"gt", ">"},     {"gte", ">="},
      {"plus", "+"},    {"minus", "-"}, {"mul", "*"},    {"div", "/"},
      {"rem", "%"},     {"and", "&"},   {"or", "|"},     {"internal.member_2", "in"},
  };
  for (const auto& [name, text] : kOperators) {
    if (name == function) return text;
  }
  return function;
}

class Formatter {
 public:
  explicit Formatter(const Module& module) : module_(module) {}

  std::string Format() {
    Comments(module_.package_location.line);
    Write("package ", PathText(module_.package, 1));
    EndLine(module_.package_location.line);
    bool first = true;
    for (const Import& import : module_.imports) {
      if (first) BlankLine();
      first = false;
      Comments(import.location.line);
      Write("import ", PathText(import.path, 0));
      if (import.named) Write(" as ", import.alias);
      EndLine(import.location.line);
    }
    for (const Rule* rule : module_.rules) {
      BlankLine();
      Comments(rule->location.line);
      WriteRule(*rule);
      EndLine(rule->end_line);
    }
    if (next_comment_ < module_.comments.size()) BlankLine();
    Comments(UINT32_MAX);
    return std::move(out_);
  }

 private:
  template <typename... Parts>
  void Write(const Parts&... parts) {
    if (at_line_start_) out_.append(static_cast<size_t>(indent_), '\t');
    at_line_start_ = false;
    StrAppend(&out_, parts...);
  }

  // Ends the line; a comment that stood behind source line `line` goes with it.
  void EndLine(uint32_t line) {
    if (next_comment_ < module_.comments.size() &&
        module_.comments[next_comment_].location.line <= line) {
      StrAppend(&out_, " #", TrimEnd(module_.comments[next_comment_++].text));
    }
    out_.push_back('\n');
    at_line_start_ = true;
    // More comments of those lines have no place of their own any more.
    while (next_comment_ < module_.comments.size() &&
           module_.comments[next_comment_].location.line <= line) {
      Write("#", TrimEnd(module_.comments[next_comment_++].text), "\n");
      at_line_start_ = true;
    }
  }

  void BlankLine() {
    if (!out_.ends_with("\n\n") && !out_.empty()) out_.push_back('\n');
  }

  static std::string_view TrimEnd(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
  }

  // Comments that stood on lines before `line`.
  void Comments(uint32_t line) {
    uint32_t last = 0;
    while (next_comment_ < module_.comments.size() &&
           module_.comments[next_comment_].location.line < line) {
      const Comment& comment = module_.comments[next_comment_++];
      if (last != 0 && comment.location.line > last + 1) BlankLine();
      last = comment.location.line;
      Write("#", TrimEnd(comment.text), "\n");
      at_line_start_ = true;
    }
    if (last != 0 && line != UINT32_MAX && line > last + 1) BlankLine();
  }

  std::string PathText(const std::vector<std::string_view>& path, size_t from) const {
    std::string out(path[from]);
    for (size_t i = from + 1; i < path.size(); ++i) {
      if (IsName(path[i])) {
        StrAppend(&out, ".", path[i]);
      } else {
        StrAppend(&out, "[", ToRego(Value::BorrowString(path[i])), "]");
      }
    }
    return out;
  }

  std::string_view Source(const Location& location) const {
    return std::string_view(module_.text).substr(location.offset, location.length);
  }

  uint32_t EndOf(const Location& location) const {
    std::string_view text = Source(location);
    return location.line + static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
  }

  bool Braced(const Body& body) const {
    return module_.text[body.location.offset] == '{' && body.location.length > 0;
  }

  void WriteRule(const Rule& rule) {
    if (rule.is_default) Write("default ");
    for (const Term* item : rule.ref) WriteRefItem(*item, item == rule.ref[0]);
    // v0 writes partial sets as p[x].
    bool bracket_key =
        rule.key != nullptr && Source(rule.location).find("contains") == std::string_view::npos;
    if (rule.has_args) {
      Write("(");
      WriteList(rule.args);
      Write(")");
    }
    if (rule.key != nullptr) {
      Write(bracket_key ? "[" : " contains ");
      WriteTerm(*rule.key);
      if (bracket_key) Write("]");
    }
    WriteTail(rule);
  }

  void WriteTail(const Rule& rule) {
    if (rule.value != nullptr) {
      Write(rule.assign ? " := " : " = ");
      WriteTerm(*rule.value);
    }
    if (rule.body != nullptr) {
      if (rule.uses_if) Write(" if");
      Write(" ");
      if (Braced(*rule.body)) {
        WriteBraced(*rule.body);
      } else {
        WriteExpr(*rule.body->exprs[0]);
      }
    }
    if (rule.otherwise != nullptr) {
      Write(" else");
      WriteTail(*rule.otherwise);
    }
  }

  // Statements between braces, one a line; on one line where they were written so in a query part.
  void WriteBraced(const Body& body) {
    Write("{");
    EndLine(body.location.line);
    ++indent_;
    WriteLines(body, EndOf(body.location));
    --indent_;
    Write("}");
  }

  void WriteLines(const Body& body, uint32_t end_line) {
    uint32_t last = 0;
    for (const Expr* expr : body.exprs) {
      uint32_t first = FirstComment(expr->location.line);
      if (last != 0 && first > last + 1) BlankLine();
      Comments(expr->location.line);
      WriteExpr(*expr);
      last = EndOf(expr->location);
      EndLine(last);
    }
    Comments(end_line);
  }

  uint32_t FirstComment(uint32_t line) const {
    if (next_comment_ >= module_.comments.size()) return line;
    return std::min(line, module_.comments[next_comment_].location.line);
  }

  void WriteExpr(const Expr& expr) {
    if (expr.negated) Write("not ");
    switch (expr.type) {
      case Expr::Type::kTerm:
        WriteTerm(*expr.term);
        break;
      case Expr::Type::kSome:
        Write("some ");
        WriteList(expr.names);
        break;
      case Expr::Type::kSomeIn:
      case Expr::Type::kEvery:
        Write(expr.type == Expr::Type::kEvery ? "every " : "some ");
        if (expr.key != nullptr) {
          WriteTerm(*expr.key);
          Write(", ");
        }
        WriteTerm(*expr.member);
        Write(" in ");
        WriteTerm(*expr.domain);
        if (expr.body != nullptr) {
          Write(" ");
          WriteBraced(*expr.body);
        }
        break;
    }
    bool lines = expr.with.size() > 1;
    for (const With& with : expr.with) {
      bool own_line = lines && &with != &expr.with[0];
      if (own_line) {
        Write("\n");
        at_line_start_ = true;
        ++indent_;
      }
      Write(own_line ? "with " : " with ");
      WriteTerm(*with.target);
      Write(" as ");
      WriteTerm(*with.value);
      if (own_line) --indent_;
    }
  }

  void WriteList(const std::vector<Term*>& items) {
    for (const Term* item : items) {
      if (item != items[0]) Write(", ");
      WriteTerm(*item);
    }
  }

  void WriteRefItem(const Term& item, bool head) {
    if (head) return WriteTerm(item);
    bool name =
        item.type == Term::Type::kScalar && item.value.is_string() && IsName(item.value.string());
    if (name) return Write(".", item.value.string());
    Write("[");
    WriteTerm(item);
    Write("]");
  }

  void WriteTerm(const Term& term) {
    bool parentheses = term.parenthesised && Source(term.location).starts_with('(');
    if (parentheses) Write("(");
    WriteInner(term);
    if (parentheses) Write(")");
  }

  void WriteInner(const Term& term) {
    switch (term.type) {
      case Term::Type::kScalar:
        return term.dotted ? Write(term.value.string()) : WriteScalar(term);
      case Term::Type::kVar:
        return Write(term.name);
      case Term::Type::kTemplate:
        return Write(Source(term.location));
      case Term::Type::kRef:
        for (const Term* item : term.items) WriteRefItem(*item, item == term.items[0]);
        return;
      case Term::Type::kArrayTerm:
        return WriteItems(term, "[", "]", 1);
      case Term::Type::kSetTerm:
        if (term.items.empty()) return Write("set()");
        return WriteItems(term, "{", "}", 1);
      case Term::Type::kObjectTerm:
        return WriteItems(term, "{", "}", 2);
      case Term::Type::kCall:
        return WriteCall(term);
      default:
        return WriteComprehension(term);
    }
  }

  void WriteScalar(const Term& term) {
    std::string_view text = Source(term.location);
    if (text.starts_with('(')) {
      Write(ToRego(term.value));
    } else {
      Write(text);
    }
  }

  void WriteCall(const Term& term) {
    if (term.name == "internal.member_3") {
      WriteTerm(*term.items[0]);
      Write(", ");
      WriteTerm(*term.items[1]);
      Write(" in ");
      return WriteTerm(*term.items[2]);
    }
    if (term.infix) {
      WriteTerm(*term.items[0]);
      Write(" ", OperatorText(term.name), " ");
      return WriteTerm(*term.items[1]);
    }
    Write(term.name, "(");
    WriteList(term.items);
    Write(")");
  }

  // `step` terms make an item.
  void WriteItems(const Term& term, std::string_view open, std::string_view close, size_t step) {
    Write(open);
    bool lines = !term.items.empty() && term.items[0]->location.line != term.location.line;
    if (lines) {
      EndLine(term.location.line);
      ++indent_;
    }
    for (size_t i = 0; i < term.items.size(); i += step) {
      if (lines) Comments(term.items[i]->location.line);
      WriteTerm(*term.items[i]);
      if (step == 2) {
        Write(": ");
        WriteTerm(*term.items[i + 1]);
      }
      bool last = i + step >= term.items.size();
      if (lines) {
        Write(",");
        EndLine(EndOf(term.items[i + step - 1]->location));
      } else if (!last) {
        Write(", ");
      }
    }
    if (lines) {
      Comments(EndOf(term.location));
      --indent_;
    }
    Write(close);
  }

  void WriteComprehension(const Term& term) {
    bool array = term.type == Term::Type::kArrayComprehension;
    Write(array ? "[" : "{");
    WriteTerm(*term.items[0]);
    if (term.items.size() > 1) {
      Write(": ");
      WriteTerm(*term.items[1]);
    }
    const Body& body = *term.body;
    bool lines = EndOf(term.location) != term.location.line;
    if (lines) {
      Write(" |");
      EndLine(term.items.back()->location.line);
      ++indent_;
      WriteLines(body, EndOf(term.location));
      --indent_;
    } else {
      Write(" | ");
      for (const Expr* expr : body.exprs) {
        if (expr != body.exprs[0]) Write("; ");
        WriteExpr(*expr);
      }
    }
    Write(array ? "]" : "}");
  }

  const Module& module_;
  std::string out_;
  int indent_ = 0;
  bool at_line_start_ = true;
  size_t next_comment_ = 0;
};

}  // namespace

absl::StatusOr<std::string> FormatModule(std::string_view name, std::string_view text,
                                         const ParseOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Module> module, ParseModule(name, text, options));
  std::string out = Formatter(*module).Format();
  auto again = ParseModule(name, out, options);
  Arena arena;
  bool same = again.ok() && (*again)->comments.size() == module->comments.size() &&
              ModuleToValue(arena, **again) == ModuleToValue(arena, *module);
  if (!same) {
    return absl::InternalError(
        StrCat(name, ": cannot be laid out without changing it",
               again.ok() ? std::string() : StrCat(": ", Message(again.status()))));
  }
  return out;
}

}  // namespace nacre::rego
