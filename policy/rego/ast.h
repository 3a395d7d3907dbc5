// A module as it was written. Nodes live in the module's Syntax and point at each other; nothing
// here is changed after parsing.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/error.h"
#include "policy/rego/lexer.h"
#include "policy/rego/value.h"

namespace nacre::rego {

struct Body;
struct Expr;

struct Term {
  enum class Type : uint8_t {
    kScalar,              // value
    kVar,                 // name; "_" is a new variable each time
    kRef,                 // items[0] is the head, the others its brackets; .name is a string scalar
    kArrayTerm,           // items
    kObjectTerm,          // items: key, value, key, value...
    kSetTerm,             // items
    kArrayComprehension,  // items[0], body
    kSetComprehension,    // items[0], body
    kObjectComprehension,  // items[0]: items[1], body
    kCall,      // name: the function's dotted name ("count", "data.lib.f", "plus"); items: args
    kTemplate,  // parts: string scalars and expressions
  };
  Type type = Type::kScalar;
  bool infix = false;  // kCall written as an operator
  bool parenthesised = false;
  bool raw = false;     // kScalar/kTemplate written with backquotes
  int depth = 1;        // of nesting, itself included
  bool dotted = false;  // a string scalar of a ref written .name
  Location location;
  Value value;
  std::string_view name;
  std::vector<Term*> items;
  std::vector<Expr*> parts;  // kTemplate: one statement a piece
  Body* body = nullptr;
};

struct With {
  Term* target;
  Term* value;
  Location location;
};

struct Expr {
  enum class Type : uint8_t {
    kTerm,    // term: a call, ref, ... that must be neither false nor undefined
    kSome,    // names
    kSomeIn,  // [key,] value in domain, with declared names
    kEvery,   // [key,] value in domain { body }
  };
  Type type = Type::kTerm;
  bool negated = false;
  int depth = 0;
  Location location;
  Term* term = nullptr;
  std::vector<Term*> names;  // kSome
  Term* key = nullptr;
  Term* member = nullptr;
  Term* domain = nullptr;
  Body* body = nullptr;
  std::vector<With> with;
};

struct Body {
  int depth = 0;
  std::vector<Expr*> exprs;
  Location location;
};

struct Rule {
  Location location;
  std::vector<Term*> ref;  // p.q[x]: head var, then brackets
  bool has_args = false;
  std::vector<Term*> args;
  Term* key = nullptr;    // of `contains`
  Term* value = nullptr;  // nullptr: true
  bool assign = false;    // written := (not =)
  bool is_default = false;
  bool uses_if = false;
  bool has_body = false;
  Body* body = nullptr;       // nullptr: always true
  Rule* otherwise = nullptr;  // else
  uint32_t end_line = 0;
};

struct Import {
  Location location;
  std::vector<std::string_view> path;  // "data", "lib", "x"
  std::string_view alias;              // what it is called here
  bool named = false;                  // written with `as`
};

struct Module {
  std::string name;  // file name
  std::string text;
  bool v1 = true;  // the syntax it is written in
  Location package_location;
  std::vector<std::string_view> package;  // "data", "a", "b"
  std::vector<Import> imports;
  std::vector<Rule*> rules;
  std::vector<Comment> comments;

  // Owners of the nodes and of text that is not in `text`.
  std::deque<Term> terms;
  std::deque<Expr> exprs;
  std::deque<Body> bodies;
  std::deque<Rule> all_rules;
  std::deque<std::string> strings;
  Arena arena;  // of scalars
};

}  // namespace nacre::rego
