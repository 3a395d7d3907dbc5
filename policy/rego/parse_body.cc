// Bodies and the statements in them.
#include <algorithm>

#include "base/strings.h"
#include "policy/rego/parser_impl.h"

namespace nacre::rego::parser_internal {

Body* Parser::ParseBraced() {
  Location begin = token_.location;
  if (!Expect("{")) return nullptr;
  Body* body = ParseStatements("}");
  if (body == nullptr || !Expect("}")) return nullptr;
  body->location = Since(begin);
  if (body->exprs.empty()) {
    FailAt(begin, "found empty body");
    return nullptr;
  }
  return body;
}

// Statements separated by ';' or line ends, up to `close` (not taken) or the end of the text.
Body* Parser::ParseStatements(std::string_view close) {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return nullptr;
  Body* body = &module_.bodies.emplace_back();
  body->location = token_.location;
  for (;;) {
    while (Take(";")) {
    }
    if (token_.token == Token::kEnd || (!close.empty() && At(close))) return body;
    Expr* expr = ParseStatement();
    if (expr == nullptr) return nullptr;
    body->exprs.push_back(expr);
    body->depth = std::max(body->depth, expr->depth);
    bool ends = At(";") || token_.newline_before || token_.token == Token::kEnd ||
                (!close.empty() && At(close));
    if (!ends) {
      Fail(StrCat("expected a line end or ';' but found ", Found()));
      return nullptr;
    }
  }
}

Expr* Parser::ParseStatement() {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return nullptr;
  Expr* expr = &module_.exprs.emplace_back();
  expr->location = token_.location;
  bool ok;
  if (AtWord("some")) {
    ok = ParseSome(expr);
  } else if (every_ && AtWord("every")) {
    ok = ParseEvery(expr);
  } else {
    if (AtWord("not")) {
      expr->negated = true;
      Advance();
    }
    if (AtWord("some") || (every_ && AtWord("every"))) {
      Fail(StrCat("'not ", token_.text, "' is not allowed"));
      return nullptr;
    }
    expr->term = ParseExpression();
    ok = expr->term != nullptr;
  }
  if (!ok || !ParseWiths(expr)) return nullptr;
  expr->location = Since(expr->location);
  return Measure(expr) ? expr : nullptr;
}

// What follows "key," in "key, value in domain".
Term* Parser::ParseKeyedMembership(Term* key) {
  Term* member = ParseRelation();
  if (member == nullptr) return nullptr;
  if (!AtWord("in")) {
    Fail(StrCat("expected 'in' but found ", Found()));
    return nullptr;
  }
  Advance();
  Term* domain = ParseRelation();
  Term* call = Infix("internal.member_3", key, member);
  if (call == nullptr || domain == nullptr) return nullptr;
  call->items.push_back(domain);
  return call;
}

// term, term := term, term = term, or key, value in domain.
Term* Parser::ParseExpression() {
  Term* left = ParseMembership();
  if (left == nullptr) return nullptr;
  if (At(":=") || At("=")) {
    std::string_view function = At("=") ? "eq" : "assign";
    Advance();
    return Infix(function, left, ParseMembership());
  }
  if (in_ && At(",")) {
    Advance();
    return ParseKeyedMembership(left);
  }
  return left;
}

bool Parser::ParseSome(Expr* expr) {
  Advance();
  std::vector<Term*> terms;
  do {
    Term* term = ParseRelation();
    if (term == nullptr) return false;
    terms.push_back(term);
  } while (Take(","));
  if (in_ && AtWord("in")) {
    if (terms.size() > 2) return FailAt(expr->location, "expected 'some [key,] value in domain'");
    Advance();
    expr->type = Expr::Type::kSomeIn;
    expr->member = terms.back();
    if (terms.size() == 2) expr->key = terms.front();
    expr->domain = ParseMembership();
    return expr->domain != nullptr;
  }
  for (const Term* term : terms) {
    if (term->type != Term::Type::kVar) {
      return FailAt(term->location, "expected a variable after 'some'");
    }
  }
  expr->type = Expr::Type::kSome;
  expr->names = std::move(terms);
  return true;
}

bool Parser::ParseEvery(Expr* expr) {
  Advance();
  expr->type = Expr::Type::kEvery;
  Term* first = ParseTerm();
  if (first == nullptr) return false;
  expr->member = first;
  if (Take(",")) {
    expr->key = first;
    expr->member = ParseTerm();
    if (expr->member == nullptr) return false;
  }
  for (const Term* term : {expr->key, expr->member}) {
    if (term != nullptr && term->type != Term::Type::kVar) {
      return FailAt(term->location, "expected a variable after 'every'");
    }
  }
  if (!AtWord("in")) return Fail(StrCat("expected 'in' but found ", Found()));
  Advance();
  expr->domain = ParseMembership();
  if (expr->domain == nullptr) return false;
  expr->body = ParseBraced();
  return expr->body != nullptr;
}

bool Parser::ParseWiths(Expr* expr) {
  while (AtWord("with")) {
    With with;
    with.location = token_.location;
    Advance();
    with.target = ParseTerm();
    if (with.target == nullptr) return false;
    if (!AtWord("as")) return Fail(StrCat("expected 'as' but found ", Found()));
    Advance();
    with.value = ParseMembership();
    if (with.value == nullptr) return false;
    if (expr->type == Expr::Type::kSome) {
      return FailAt(with.location, "'some' declarations cannot have 'with'");
    }
    expr->with.push_back(with);
  }
  return true;
}

}  // namespace nacre::rego::parser_internal
