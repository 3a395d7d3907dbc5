// YAML text as a tree of nodes with their places: the one reader of YAML in Nacre, of manifests and
// of Rego's yaml.unmarshal. What a plain scalar means is left to the reader's user.
//
// Bounded: no more nodes than the text has bytes, no deeper than asked. An alias is the very node
// of its anchor; an anchor is known once its node is complete, so there are no cycles.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::yaml {

// A place in the text.
struct Mark {
  size_t line = 0;   // from 1
  size_t index = 0;  // in code points from the beginning; see ByteOffset
};

enum class Kind : uint8_t { kScalar, kSequence, kMapping };

struct Node {
  Kind kind = Kind::kScalar;
  bool plain = false;  // a scalar without quotes that is no block
  bool flow = false;   // a collection in brackets
  std::string tag;     // "" when none is written, "tag:yaml.org,2002:str"
  std::string text;    // of a scalar
  // Of a sequence its elements; of a mapping key, value, key, value...
  std::vector<const Node*> items;
  size_t weight = 1;  // how many nodes this one is when every alias is written out, at most 2^40
  Mark begin;
  Mark end;

  // The value of a key that is a scalar with this text; nullptr when there is none.
  const Node* Find(std::string_view key) const;
};

struct Limits {
  size_t max_size = 4 << 20;
  size_t max_depth = 64;
  size_t max_documents = 1024;        // further ones are not read
  size_t max_weight = SIZE_MAX;       // of a document
  bool unique_keys = true;            // of a mapping, when they are scalars
  bool refuse_more_documents = true;  // rather than leave them unread
};

// Movable, not copyable; nodes live as long as it.
class Stream {
 public:
  Stream() = default;
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = default;
  // One a document; nullptr for an empty one.
  const std::vector<const Node*>& documents() const { return documents_; }

 private:
  friend class StreamReader;
  std::deque<Node> nodes_;
  std::vector<const Node*> documents_;
};

// kInvalidArgument "yaml: line N: ..." ; kResourceExhausted past max_size.
absl::StatusOr<Stream> Parse(std::string_view text, const Limits& limits = {});

// Where in the bytes of the text the index-th code point begins.
size_t ByteOffset(std::string_view text, size_t index);

}  // namespace nacre::yaml
