// The parser's inside, shared by parser.cc (modules and rules), parse_body.cc (bodies and
// statements) and parse_term.cc (terms).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/ast.h"
#include "policy/rego/parser.h"

namespace nacre::rego::parser_internal {

// Every Parse... function gives nullptr after an error; the first error is the one reported.
class Parser {
 public:
  Parser(Module& module, const ParseOptions& options)
      : module_(module),
        lexer_(module.text, options.module, &module.comments),
        v1_(options.v1),
        if_(options.v1),
        contains_(options.v1),
        in_(options.v1),
        every_(options.v1) {
    Advance();
  }

  bool ParseModuleText();
  bool ParseQueryText();
  const Error& error() const { return error_; }

 private:
  // Modules and rules (parser.cc).
  bool ParsePackage();
  bool ParseImport();
  bool ApplyImport(const Import& import);
  bool ParseRule();
  bool ParseHead(Rule* rule);
  bool ParseHeadArgs(Rule* rule);
  bool ParseHeadValue(Rule* rule, bool is_else);
  bool ParseRuleBody(Rule* rule);
  bool ParseElse(Rule* rule);
  bool ParseChainedBodies(Rule* rule);
  bool FinishHead(Rule* rule);
  bool ParsePath(std::vector<std::string_view>* path, bool from_package);

  // Bodies and statements (parse_body.cc).
  Body* ParseBraced();
  Body* ParseStatements(std::string_view close);
  Expr* ParseStatement();
  bool ParseSome(Expr* expr);
  bool ParseEvery(Expr* expr);
  bool ParseWiths(Expr* expr);
  Term* ParseExpression();

  // Terms (parse_term.cc), from the weakest operator down.
  Term* ParseIn(Term* left);
  Term* ParseMembership();
  Term* ParseKeyedMembership(Term* key);
  Term* ParseRelation();
  Term* ParseOr();
  Term* ParseAnd();
  Term* ParseSum();
  Term* ParseProduct();
  Term* ParseTerm();
  Term* ParsePrimary();
  Term* ParseSuffixes(Term* term);
  Term* ParseBracket(Term* ref);
  Term* ParseCall(Term* function);
  Term* ParseParenthesised();
  Term* ParseArray();
  Term* ParseBraces();
  Term* ParseSetOrObject(Term* term);
  Term* ParseComprehension(Term* term, Term::Type type, std::string_view close);
  Term* ParseTemplate();
  Term* ParseScalar();
  Term* ParseIdentifier();
  bool ParseList(std::string_view close, std::vector<Term*>* items);
  Term* Infix(std::string_view function, Term* left, Term* right);

  // Tokens.
  void Advance();
  bool At(std::string_view punctuation) const { return token_.Is(punctuation); }
  bool AtWord(std::string_view word) const { return token_.IsWord(word); }
  bool Take(std::string_view punctuation);
  bool Expect(std::string_view punctuation);
  bool AtKeyword() const;
  bool AtBuiltinContains() const;
  bool Fail(std::string_view message);
  bool FailAt(const Location& location, std::string_view message);
  std::string Found() const;

  // Sets how deep a node nests, from its parts; refuses more than kMaxTermDepth.
  Term* Measured(Term* term);
  bool Measure(Expr* expr);

  Term* NewTerm(Term::Type type, const Location& location);
  Term* StringTerm(const Location& location, std::string_view text);
  Term* BoolTerm(const Location& location, bool value);
  std::string_view KeepText(std::string text);
  // The location of what began at `begin` and ends with the last token taken.
  Location Since(const Location& begin) const;

  // Refuses syntax that nests deeper than kMaxSyntaxDepth.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) { ++parser_.depth_; }
    ~Nesting() { --parser_.depth_; }
    bool TooDeep() const;

   private:
    Parser& parser_;
  };

  Module& module_;
  Lexer lexer_;
  Lexeme token_;
  uint32_t last_end_ = 0;  // where the token before token_ ended
  uint32_t last_line_ = 1;
  bool v1_, if_, contains_, in_, every_;
  bool no_or_ = false;  // in a comprehension's head: '|' ends it
  int depth_ = 0;
  Error error_;
};

}  // namespace nacre::rego::parser_internal
