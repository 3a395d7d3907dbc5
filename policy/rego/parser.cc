// Modules, imports and rules.
#include "policy/rego/parser.h"

#include <algorithm>

#include "base/strings.h"
#include "base/utf8.h"
#include "policy/rego/parser_impl.h"

namespace nacre::rego {
namespace parser_internal {

bool Parser::Nesting::TooDeep() const {
  if (parser_.depth_ <= kMaxSyntaxDepth) return false;
  parser_.Fail("nested too deep");
  return true;
}

void Parser::Advance() {
  last_end_ = token_.end();
  last_line_ = token_.location.line;
  if (token_.token == Token::kRawString) {
    last_line_ += static_cast<uint32_t>(std::count(token_.text.begin(), token_.text.end(), '\n'));
  }
  token_ = lexer_.Next();
  if (token_.token == Token::kError) FailAt(lexer_.error_location(), lexer_.error());
}

bool Parser::Take(std::string_view punctuation) {
  if (!At(punctuation)) return false;
  Advance();
  return true;
}

bool Parser::Expect(std::string_view punctuation) {
  if (Take(punctuation)) return true;
  return Fail(StrCat("expected '", punctuation, "' but found ", Found()));
}

std::string Parser::Found() const {
  if (token_.token == Token::kEnd) return "the end of the text";
  if (token_.text.size() > 40) return StrCat("'", token_.text.substr(0, 40), "...'");
  return StrCat("'", token_.text, "'");
}

bool Parser::Fail(std::string_view message) { return FailAt(token_.location, message); }

bool Parser::FailAt(const Location& location, std::string_view message) {
  if (error_.code.empty()) {
    error_ = {"rego_parse_error", std::string(message), module_.name, location};
  }
  return false;
}

bool Parser::AtKeyword() const {
  if (token_.token != Token::kIdentifier || token_.dot_after) return false;
  std::string_view word = token_.text;
  static constexpr std::string_view kAlways[] = {
      "as", "default", "else", "import", "package", "not", "with", "null", "true", "false", "some"};
  if (std::find(std::begin(kAlways), std::end(kAlways), word) != std::end(kAlways)) return true;
  return (if_ && word == "if") || (contains_ && word == "contains") || (in_ && word == "in") ||
         (every_ && word == "every");
}

bool Parser::AtBuiltinContains() const {
  return AtWord("contains") && module_.text.size() > token_.end() &&
         module_.text[token_.end()] == '(';
}

Term* Parser::Measured(Term* term) {
  if (term == nullptr) return nullptr;
  int below = term->body != nullptr ? term->body->depth : 0;
  for (const Term* item : term->items) below = std::max(below, item->depth);
  for (const Expr* part : term->parts) below = std::max(below, part->depth);
  term->depth = below + 1;
  if (term->depth <= kMaxTermDepth) return term;
  FailAt(term->location, "nested too deep");
  return nullptr;
}

bool Parser::Measure(Expr* expr) {
  int below = expr->body != nullptr ? expr->body->depth : 0;
  for (const Term* term : {expr->term, expr->key, expr->member, expr->domain}) {
    if (term != nullptr) below = std::max(below, term->depth);
  }
  for (const With& with : expr->with) below = std::max(below, with.value->depth);
  expr->depth = below + 1;
  return expr->depth <= kMaxTermDepth || FailAt(expr->location, "nested too deep");
}

Term* Parser::NewTerm(Term::Type type, const Location& location) {
  Term* term = &module_.terms.emplace_back();
  term->type = type;
  term->location = location;
  return term;
}

Term* Parser::StringTerm(const Location& location, std::string_view text) {
  Term* term = NewTerm(Term::Type::kScalar, location);
  term->value = Value::BorrowString(text);
  return term;
}

Term* Parser::BoolTerm(const Location& location, bool value) {
  Term* term = NewTerm(Term::Type::kScalar, location);
  term->value = Value::Bool(value);
  return term;
}

std::string_view Parser::KeepText(std::string text) {
  return module_.strings.emplace_back(std::move(text));
}

Location Parser::Since(const Location& begin) const {
  Location out = begin;
  out.length = last_end_ > begin.offset ? last_end_ - begin.offset : 0;
  return out;
}

bool Parser::ParseModuleText() {
  if (!error_.code.empty() || !ParsePackage()) return false;
  while (AtWord("import")) {
    if (!ParseImport()) return false;
  }
  while (token_.token != Token::kEnd) {
    if (token_.token == Token::kError) return false;
    if (!token_.newline_before && !module_.rules.empty() && !Take(";")) {
      return Fail(StrCat("expected a line end but found ", Found()));
    }
    if (AtWord("import")) {
      if (!ParseImport()) return false;
    } else if (token_.token != Token::kEnd && !ParseRule()) {
      return false;
    }
  }
  return true;
}

bool Parser::ParseQueryText() {
  if (!error_.code.empty()) return false;
  Rule* rule = &module_.all_rules.emplace_back();
  module_.rules.push_back(rule);
  rule->body = ParseStatements("");
  if (rule->body == nullptr) return false;
  if (rule->body->exprs.empty()) return Fail("empty query");
  rule->location = rule->body->location;
  rule->has_body = true;
  return error_.code.empty();
}

// a.b["c d"].e
bool Parser::ParsePath(std::vector<std::string_view>* path, bool from_package) {
  if (token_.token != Token::kIdentifier) {
    return Fail(StrCat("expected a name but found ", Found()));
  }
  if (from_package) path->push_back("data");
  path->push_back(token_.text);
  Advance();
  while (!token_.space_before && (At(".") || At("["))) {
    bool bracket = At("[");
    Advance();
    if (token_.token == Token::kEnd) return Fail("unexpected eof token: expected ident");
    if (token_.token != (bracket ? Token::kQuoted : Token::kIdentifier)) {
      return Fail(StrCat("expected a name but found ", Found()));
    }
    std::string_view name = token_.text;
    if (bracket) {
      std::string plain;
      UnescapeString(name.substr(1, name.size() - 2), false, &plain);
      name = KeepText(std::move(plain));
    }
    path->push_back(name);
    if (path->size() > kMaxPath) return Fail("the path is too long");
    Advance();
    if (bracket && !Expect("]")) return false;
  }
  return true;
}

bool Parser::ParsePackage() {
  if (!AtWord("package")) return Fail(StrCat("package expected but found ", Found()));
  module_.package_location = token_.location;
  Advance();
  return ParsePath(&module_.package, true);
}

bool Parser::ParseImport() {
  Import import;
  import.location = token_.location;
  Advance();
  if (!ParsePath(&import.path, false)) return false;
  import.alias = import.path.back();
  if (AtWord("as")) {
    Advance();
    if (token_.token != Token::kIdentifier || AtKeyword()) {
      return Fail(StrCat("expected a name but found ", Found()));
    }
    import.alias = token_.text;
    import.named = true;
    Advance();
  }
  import.location = Since(import.location);
  return ApplyImport(import);
}

// Imports of `future` and `rego` change the syntax from here on; others are names.
bool Parser::ApplyImport(const Import& import) {
  std::string path = StrJoin(import.path, ".");
  if (path == "rego.v1") {
    if_ = contains_ = in_ = every_ = v1_ = true;
    module_.v1 = true;
  } else if (path == "future.keywords") {
    if_ = contains_ = in_ = every_ = true;
  } else if (path.starts_with("future.keywords.") && import.path.size() == 3) {
    std::string_view word = import.path[2];
    bool known = word == "if" || word == "contains" || word == "in" || word == "every";
    if (!known) return FailAt(import.location, StrCat("unexpected keyword ", word));
    if (import.named) return FailAt(import.location, "future keywords cannot be renamed");
    if (word == "if") if_ = true;
    if (word == "contains") contains_ = true;
    if (word == "in") in_ = true;
    if (word == "every") every_ = in_ = true;
  } else if (import.path[0] != "data" && import.path[0] != "input") {
    return FailAt(import.location,
                  StrCat("unexpected import path, must begin with one of: {data, future, input, "
                         "rego}, got: ",
                         import.path[0]));
  } else {
    module_.imports.push_back(import);
    return true;
  }
  module_.imports.push_back(import);
  module_.imports.back().alias = "";
  return true;
}

bool Parser::ParseRule() {
  Rule* rule = &module_.all_rules.emplace_back();
  rule->location = token_.location;
  if (AtWord("default")) {
    rule->is_default = true;
    Advance();
  }
  module_.rules.push_back(rule);
  if (!ParseHead(rule) || !ParseRuleBody(rule) || !FinishHead(rule)) return false;
  if (!ParseElse(rule) || !ParseChainedBodies(rule)) return false;
  rule->location = Since(rule->location);
  rule->end_line = last_line_;
  return error_.code.empty();
}

bool Parser::ParseHead(Rule* rule) {
  if (token_.token != Token::kIdentifier || AtKeyword()) {
    return Fail(StrCat("expected a rule but found ", Found()));
  }
  Term* name = ParseIdentifier();
  if (name == nullptr) return false;
  Term* ref = NewTerm(Term::Type::kRef, name->location);
  ref->items.push_back(name);
  while (!token_.space_before && (At(".") || At("["))) {
    if (ParseBracket(ref) == nullptr) return false;
  }
  rule->ref = ref->items;
  if (rule->ref.size() > kMaxPath) return FailAt(ref->location, "the rule's name is too long");
  if (!token_.space_before && At("(") && !ParseHeadArgs(rule)) return false;
  if (contains_ && AtWord("contains")) {
    if (rule->has_args) return Fail("a function cannot use 'contains'");
    Advance();
    rule->key = ParseMembership();
    return rule->key != nullptr;
  }
  return ParseHeadValue(rule, false);
}

bool Parser::ParseHeadArgs(Rule* rule) {
  Advance();
  rule->has_args = true;
  return ParseList(")", &rule->args);
}

bool Parser::ParseHeadValue(Rule* rule, bool is_else) {
  if (!At(":=") && !At("=")) {
    if (rule->is_default && !is_else) return Fail("default rules must have a value");
    return true;
  }
  rule->assign = At(":=");
  Advance();
  rule->value = ParseMembership();
  return rule->value != nullptr;
}

bool Parser::ParseRuleBody(Rule* rule) {
  if (if_ && AtWord("if")) {
    if (rule->is_default) return Fail("default rules cannot have a body");
    rule->uses_if = rule->has_body = true;
    Advance();
    if (At("{")) {
      // A body in nearly all cases; if it cannot be one, an object or a comprehension.
      Lexer lexer = lexer_;
      Lexeme token = token_;
      rule->body = ParseBraced();
      if (rule->body != nullptr) return true;
      Error as_body = error_;
      error_ = {};
      lexer_ = lexer;
      token_ = token;
      Expr* expr = ParseStatement();
      if (expr == nullptr) {
        error_ = as_body;
        return false;
      }
      rule->body = &module_.bodies.emplace_back();
      rule->body->location = token.location;
      rule->body->exprs.push_back(expr);
      return true;
    }
    rule->body = &module_.bodies.emplace_back();
    rule->body->location = token_.location;
    Expr* expr = ParseStatement();
    if (expr == nullptr) return false;
    rule->body->exprs.push_back(expr);
    return true;
  }
  if (!At("{")) return true;
  if (v1_) return Fail("`if` keyword is required before rule body");
  if (rule->is_default) return Fail("default rules cannot have a body");
  rule->has_body = true;
  rule->body = ParseBraced();
  return rule->body != nullptr;
}

// What the head's last bracket means where it is not said: in v0, p[x] is a partial set.
bool Parser::FinishHead(Rule* rule) {
  bool set_like = !rule->has_args && rule->key == nullptr && rule->value == nullptr &&
                  !rule->uses_if && !rule->is_default && rule->ref.size() == 2 &&
                  !rule->ref.back()->dotted;
  if (v1_) {
    bool bare =
        rule->value == nullptr && rule->key == nullptr && !rule->has_body && !rule->is_default;
    if (bare && !rule->has_args && rule->ref.size() <= 2 &&
        (rule->ref.size() == 1 || !rule->ref.back()->dotted)) {
      return FailAt(rule->location, rule->ref.size() == 1
                                        ? "rule must have value assignment and/or body declaration"
                                        : "`contains` keyword is required for partial set rules");
    }
    return true;
  }
  if (set_like) {
    rule->key = rule->ref.back();
    rule->ref.pop_back();
    return true;
  }
  bool bare = !rule->has_body && rule->value == nullptr && rule->key == nullptr;
  if (bare && !rule->has_args) return FailAt(rule->location, "var cannot be used for rule name");
  return true;
}

bool Parser::ParseElse(Rule* rule) {
  int elses = 0;
  for (Rule* last = rule; AtWord("else"); last = last->otherwise) {
    if (rule->key != nullptr) return Fail("else keyword cannot be used on multi-value rules");
    if (rule->is_default) return Fail("else keyword cannot be used on default rules");
    if (!last->has_body) return Fail("else keyword needs a body before it");
    if (++elses > kMaxElse) return Fail("too many `else` in a row");
    Rule* next = &module_.all_rules.emplace_back();
    next->location = token_.location;
    next->ref = rule->ref;
    next->has_args = rule->has_args;
    next->args = rule->args;
    last->otherwise = next;
    Advance();
    if (!ParseHeadValue(next, true) || !ParseRuleBody(next)) return false;
    next->location = Since(next->location);
    next->end_line = last_line_;
  }
  return true;
}

// v0: p { a } { b } is two rules.
bool Parser::ParseChainedBodies(Rule* rule) {
  Rule* first = rule;
  while (!v1_ && At("{") && rule->has_body && first->otherwise == nullptr) {
    Rule* next = &module_.all_rules.emplace_back(*first);
    next->location = token_.location;
    next->body = ParseBraced();
    if (next->body == nullptr) return false;
    module_.rules.push_back(next);
  }
  return true;
}

}  // namespace parser_internal

namespace {

absl::StatusOr<std::unique_ptr<Module>> Start(std::string_view name, std::string_view text,
                                              const ParseOptions& options) {
  auto module = std::make_unique<Module>();
  module->name = name;
  module->v1 = options.v1;
  Location begin{1, 1, 0, 0, options.module};
  if (text.size() > kMaxModuleBytes) {
    return ToStatus({"rego_parse_error", "module is too large", module->name, begin});
  }
  size_t bad = FindInvalidUtf8(text);
  if (bad != std::string_view::npos) {
    begin.line += static_cast<uint32_t>(std::count(text.begin(), text.begin() + bad, '\n'));
    size_t line_start = text.rfind('\n', bad) + 1;
    begin.column = static_cast<uint32_t>(bad - line_start + 1);
    return ToStatus({"rego_parse_error", "invalid UTF-8", module->name, begin});
  }
  module->text = text;
  return module;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> ParseModule(std::string_view name, std::string_view text,
                                                    const ParseOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Module> module, Start(name, text, options));
  parser_internal::Parser parser(*module, options);
  if (!parser.ParseModuleText() || !parser.error().code.empty()) return ToStatus(parser.error());
  return module;
}

absl::StatusOr<std::unique_ptr<Module>> ParseQuery(std::string_view text,
                                                   const ParseOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Module> module, Start("query", text, options));
  parser_internal::Parser parser(*module, options);
  if (!parser.ParseQueryText() || !parser.error().code.empty()) return ToStatus(parser.error());
  return module;
}

}  // namespace nacre::rego
