// Annotations: comment blocks that begin with "# METADATA", whose rest is YAML, in front of a
// package or a rule. rego.metadata.rule() and .chain() are known when compiling.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rego/ast.h"
#include "policy/rego/builtin.h"

namespace nacre::rego {

// The annotations of a policy's modules, read at most once each. Values are made in `arena`.
class Annotations {
 public:
  // Counts work; false when there has been too much of it.
  using Spend = std::function<bool(uint64_t)>;

  Annotations(const BuiltinRegistry& builtins, Arena& arena);

  // [{"path": [...], "annotations": {...}}, ...] from the rule out: its own (with the path always,
  // the annotations if it has some), those of its document, its package and the packages above
  // that say so. Blocks that are no YAML objects are passed over.
  Value Chain(const std::vector<const Module*>& modules, const Module& module, const Rule& rule,
              const Spend& spend);
  // The rule's own annotations, an empty object if it has none.
  Value OfRule(const Module& module, const Rule& rule, const Spend& spend);

 private:
  struct Block {
    uint32_t end_line = 0;
    std::string yaml;
    bool read = false;
    Value value;  // undefined when it is no object
  };
  struct Annotation {
    std::string_view scope;
    Value value;
  };

  std::vector<Block>& BlocksOf(const Module& module);
  void Read(Block& block);
  // The annotations of what begins at `line`; `previous` is where the statement before it began.
  std::vector<Annotation> At(const Module& module, uint32_t line, uint32_t previous, bool package,
                             const Spend& spend);
  std::vector<Annotation> AtRule(const Module& module, const Rule& rule, const Spend& spend);

  const Builtin* unmarshal_;
  Arena& arena_;
  std::map<const Module*, std::vector<Block>> blocks_;
};

}  // namespace nacre::rego
