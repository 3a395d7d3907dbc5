// Terms. One function a level of operators, weakest first:
//   in;  == != < <= > >=;  |;  &;  + -;  * / %;  the terms themselves.
#include <array>

#include "base/strings.h"
#include "policy/rego/number.h"
#include "policy/rego/parser_impl.h"

namespace nacre::rego::parser_internal {

Term* Parser::Infix(std::string_view function, Term* left, Term* right) {
  if (left == nullptr || right == nullptr) return nullptr;
  Term* call = NewTerm(Term::Type::kCall, Since(left->location));
  call->name = function;
  call->infix = true;
  call->items = {left, right};
  return Measured(call);
}

Term* Parser::ParseMembership() { return ParseIn(ParseRelation()); }

// left [in right [in ...]]
Term* Parser::ParseIn(Term* left) {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return nullptr;
  while (left != nullptr && in_ && AtWord("in")) {
    Advance();
    left = Infix("internal.member_2", left, ParseRelation());
  }
  return left;
}

Term* Parser::ParseRelation() {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOperators = {
      {{"==", "equal"}, {"!=", "neq"}, {"<=", "lte"}, {">=", "gte"}, {"<", "lt"}, {">", "gt"}}};
  Term* left = ParseOr();
  while (left != nullptr) {
    std::string_view function;
    for (const auto& [text, name] : kOperators) {
      if (At(text)) function = name;
    }
    if (function.empty()) return left;
    Advance();
    left = Infix(function, left, ParseOr());
  }
  return left;
}

Term* Parser::ParseOr() {
  Term* left = ParseAnd();
  while (left != nullptr && !no_or_ && At("|")) {
    Advance();
    left = Infix("or", left, ParseAnd());
  }
  return left;
}

Term* Parser::ParseAnd() {
  Term* left = ParseSum();
  while (left != nullptr && At("&")) {
    Advance();
    left = Infix("and", left, ParseSum());
  }
  return left;
}

Term* Parser::ParseSum() {
  Term* left = ParseProduct();
  while (left != nullptr && (At("+") || At("-"))) {
    std::string_view function = At("+") ? "plus" : "minus";
    Advance();
    left = Infix(function, left, ParseProduct());
  }
  return left;
}

Term* Parser::ParseProduct() {
  Term* left = ParseTerm();
  while (left != nullptr && (At("*") || At("/") || At("%"))) {
    std::string_view function = At("*") ? "mul" : At("/") ? "div" : "rem";
    Advance();
    left = Infix(function, left, ParseTerm());
  }
  return left;
}

Term* Parser::ParseTerm() {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return nullptr;
  Term* term = ParsePrimary();
  if (term == nullptr) return nullptr;
  // What stands in parentheses knows its depth; to measure a row of operators again would be
  // costly.
  if (!term->parenthesised && Measured(term) == nullptr) return nullptr;
  Term* whole = ParseSuffixes(term);
  return whole == term ? term : Measured(whole);
}

Term* Parser::ParsePrimary() {
  switch (token_.token) {
    case Token::kNumeral:
    case Token::kQuoted:
    case Token::kRawString:
      return ParseScalar();
    case Token::kTemplate:
    case Token::kRawTemplate:
      return ParseTemplate();
    case Token::kIdentifier:
      return ParseIdentifier();
    case Token::kPunctuation: {
      bool no_or = no_or_;
      no_or_ = false;
      Term* term = nullptr;
      if (At("(")) {
        term = ParseParenthesised();
      } else if (At("[")) {
        term = ParseArray();
      } else if (At("{")) {
        term = ParseBraces();
      } else if (At("-")) {
        term = ParseScalar();
      } else {
        Fail(StrCat("unexpected ", Found()));
      }
      no_or_ = no_or;
      return term;
    }
    default:
      Fail(StrCat("unexpected ", Found()));
      return nullptr;
  }
}

Term* Parser::ParseScalar() {
  Location begin = token_.location;
  bool negative = Take("-");
  if (token_.token == Token::kNumeral && !(negative && token_.space_before)) {
    std::string text = StrCat(negative ? "-" : "", token_.text);
    auto number = NumberFromText(module_.arena, text);
    if (!number.ok()) {
      FailAt(begin, Message(number.status()));
      return nullptr;
    }
    Advance();
    Term* term = NewTerm(Term::Type::kScalar, Since(begin));
    term->value = *number;
    return term;
  }
  if (negative) {
    Fail(StrCat("unexpected ", Found()));
    return nullptr;
  }
  bool raw = token_.token == Token::kRawString;
  std::string_view inside = token_.text.substr(1, token_.text.size() - 2);
  if (!raw && inside.find('\\') != std::string_view::npos) {
    std::string plain;
    if (!UnescapeString(inside, false, &plain)) {
      Fail("illegal escape in string");
      return nullptr;
    }
    inside = KeepText(std::move(plain));
  }
  Advance();
  Term* term = StringTerm(Since(begin), inside);
  term->raw = raw;
  return term;
}

Term* Parser::ParseIdentifier() {
  Location begin = token_.location;
  std::string_view name = token_.text;
  if (AtWord("true") || AtWord("false") || AtWord("null")) {
    Advance();
    Term* term = BoolTerm(Since(begin), name == "true");
    if (name == "null") term->value = Value::Null();
    return term;
  }
  // contains(a, b) is the function, wherever `contains` is a keyword too.
  if (AtKeyword() && !AtBuiltinContains()) {
    Fail(StrCat("unexpected ", name, " keyword"));
    return nullptr;
  }
  Advance();
  Term* term = NewTerm(Term::Type::kVar, Since(begin));
  term->name = name;
  return term;
}

// .name, [term] and (args), as long as they follow without space.
Term* Parser::ParseSuffixes(Term* term) {
  bool no_or = no_or_;
  no_or_ = false;
  while (term != nullptr && !token_.space_before) {
    if (At(".") || At("[")) {
      if (term->type == Term::Type::kScalar) break;
      if (term->type != Term::Type::kRef) {
        Term* ref = NewTerm(Term::Type::kRef, term->location);
        ref->items.push_back(term);
        term = ref;
      }
      term = ParseBracket(term);
    } else if (At("(") && (term->type == Term::Type::kVar || term->type == Term::Type::kRef)) {
      term = ParseCall(term);
    } else {
      break;
    }
  }
  no_or_ = no_or;
  return term;
}

Term* Parser::ParseBracket(Term* ref) {
  if (Take(".")) {
    if (token_.token != Token::kIdentifier || token_.space_before) {
      Fail(StrCat("expected a name after '.' but found ", Found()));
      return nullptr;
    }
    Term* name = StringTerm(token_.location, token_.text);
    name->dotted = true;
    ref->items.push_back(name);
    Advance();
  } else {
    Advance();
    Term* item = ParseMembership();
    if (item == nullptr || !Expect("]")) return nullptr;
    ref->items.push_back(item);
  }
  ref->location = Since(ref->location);
  return ref;
}

Term* Parser::ParseCall(Term* function) {
  // The function's name: every part after the head must be written as a constant string.
  std::string name;
  if (function->type == Term::Type::kVar) {
    name = function->name;
  } else {
    for (const Term* item : function->items) {
      bool head = item == function->items.front();
      bool text = item->type == Term::Type::kScalar && item->value.is_string();
      if (head ? item->type != Term::Type::kVar : !text) {
        FailAt(item->location, "a function's name must be constant");
        return nullptr;
      }
      StrAppend(&name, head ? "" : ".", head ? item->name : item->value.string());
    }
  }
  Advance();
  Term* call = NewTerm(Term::Type::kCall, function->location);
  if (!ParseList(")", &call->items)) return nullptr;
  call->location = Since(function->location);
  if (name == "set" && call->items.empty()) {
    call->type = Term::Type::kSetTerm;
    return call;
  }
  call->name = KeepText(std::move(name));
  return call;
}

// Items up to `close`, which is taken. A comma may follow the last one.
bool Parser::ParseList(std::string_view close, std::vector<Term*>* items) {
  while (!Take(close)) {
    if (!items->empty() && !Expect(",")) return false;
    if (!items->empty() && Take(close)) return true;
    Term* item = ParseMembership();
    if (item == nullptr) return false;
    items->push_back(item);
  }
  return true;
}

Term* Parser::ParseParenthesised() {
  Location begin = token_.location;
  Advance();
  Term* term = ParseMembership();
  if (term != nullptr && in_ && Take(",")) {  // (key, value in domain)
    term = ParseKeyedMembership(term);
  }
  if (term == nullptr || !Expect(")")) return nullptr;
  if (term->type != Term::Type::kVar) term->parenthesised = true;
  term->location = Since(begin);
  return term;
}

Term* Parser::ParseComprehension(Term* term, Term::Type type, std::string_view close) {
  Advance();
  term->type = type;
  term->body = ParseStatements(close);
  if (term->body == nullptr || !Expect(close)) return nullptr;
  if (term->body->exprs.empty()) {
    FailAt(term->body->location, "a comprehension needs a body");
    return nullptr;
  }
  term->location = Since(term->location);
  return term;
}

Term* Parser::ParseArray() {
  Term* array = NewTerm(Term::Type::kArrayTerm, token_.location);
  Advance();
  if (Take("]")) return array;
  no_or_ = true;
  Term* first = ParseMembership();
  no_or_ = false;
  if (first == nullptr) return nullptr;
  array->items.push_back(first);
  if (At("|")) return ParseComprehension(array, Term::Type::kArrayComprehension, "]");
  if (!ParseList("]", &array->items)) return nullptr;
  array->location = Since(array->location);
  return array;
}

Term* Parser::ParseBraces() {
  Term* term = NewTerm(Term::Type::kObjectTerm, token_.location);
  Advance();
  if (Take("}")) return term;
  no_or_ = true;
  Term* first = ParseMembership();
  no_or_ = false;
  if (first == nullptr) return nullptr;
  term->items.push_back(first);
  if (At("|")) return ParseComprehension(term, Term::Type::kSetComprehension, "}");
  return ParseSetOrObject(term);
}

// items[0] is there; what follows says which of the two it is.
Term* Parser::ParseSetOrObject(Term* term) {
  if (!At(":")) {
    term->type = Term::Type::kSetTerm;
    if (!ParseList("}", &term->items)) return nullptr;
    term->location = Since(term->location);
    return term;
  }
  Advance();
  no_or_ = true;
  Term* value = ParseMembership();
  no_or_ = false;
  if (value == nullptr) return nullptr;
  term->items.push_back(value);
  if (At("|")) return ParseComprehension(term, Term::Type::kObjectComprehension, "}");
  while (!Take("}")) {
    if (!Expect(",")) return nullptr;
    if (Take("}")) break;
    Term* key = ParseMembership();
    if (key == nullptr || !Expect(":")) return nullptr;
    value = ParseMembership();
    if (value == nullptr) return nullptr;
    term->items.push_back(key);
    term->items.push_back(value);
  }
  term->location = Since(term->location);
  return term;
}

// $"text {expression} text": the lexer reads the text, the parser what is between braces.
Term* Parser::ParseTemplate() {
  Term* term = NewTerm(Term::Type::kTemplate, token_.location);
  term->raw = token_.token == Token::kRawTemplate;
  bool no_or = no_or_;
  no_or_ = false;
  lexer_.Rewind(token_);
  for (;;) {
    std::string text;
    bool expression = false;
    Location here = token_.location;
    if (!lexer_.TemplateText(term->raw, &text, &expression)) {
      FailAt(lexer_.error_location(), lexer_.error());
      return nullptr;
    }
    if (!text.empty()) {
      Expr* part = &module_.exprs.emplace_back();
      part->location = here;
      part->term = StringTerm(here, KeepText(std::move(text)));
      term->parts.push_back(part);
    }
    if (!expression) break;
    Advance();
    Expr* part = ParseStatement();
    if (part == nullptr) return nullptr;
    if (part->type != Expr::Type::kTerm || part->negated) {
      FailAt(part->location, "only a value may stand in a template string");
      return nullptr;
    }
    if (!At("}")) {
      Fail(StrCat("expected '}' but found ", Found()));
      return nullptr;
    }
    part->term->parenthesised = true;  // it is no text, even if it is a string
    term->parts.push_back(part);
    lexer_.Rewind(token_);
  }
  no_or_ = no_or;
  Advance();
  term->location = Since(term->location);
  return term;
}

}  // namespace nacre::rego::parser_internal
