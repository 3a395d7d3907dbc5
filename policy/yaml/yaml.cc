// libyaml splits the text into events; a stack of open collections turns them into nodes. The only
// user of libyaml's reader.
#include "policy/yaml/yaml.h"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"

namespace nacre::yaml {
namespace {

constexpr size_t kMostWeight = size_t{1} << 40;

std::string_view View(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

Mark MarkOf(const yaml_mark_t& mark) { return {mark.line + 1, mark.index}; }

struct Event {
  yaml_event_t event{};
  ~Event() { yaml_event_delete(&event); }
};

absl::Status Fault(size_t line, std::string_view problem) {
  return absl::InvalidArgumentError(StrCat("yaml: line ", line, ": ", problem));
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  if (kind != Kind::kMapping) return nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->kind == Kind::kScalar && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

class StreamReader {
 public:
  StreamReader(std::string_view text, const Limits& limits) : limits_(limits) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(
        &parser_, reinterpret_cast<const uint8_t*>(text.empty() ? "" : text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~StreamReader() { yaml_parser_delete(&parser_); }
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  absl::StatusOr<Stream> Read() {
    while (!done_) {
      Event event;
      if (yaml_parser_parse(&parser_, &event.event) == 0) return ParserFault();
      RETURN_IF_ERROR(Take(event.event));
    }
    return std::move(stream_);
  }

 private:
  struct Open {
    Node* node;
    std::string anchor;
    std::set<std::string, std::less<>> keys;
  };

  absl::Status ParserFault() const {
    const char* problem = parser_.problem == nullptr ? "invalid document" : parser_.problem;
    const size_t line = parser_.problem_mark.line + (parser_.error == YAML_SCANNER_ERROR ? 1 : 0);
    if (line == 0) return absl::InvalidArgumentError(StrCat("yaml: ", problem));
    return Fault(line, problem);
  }

  absl::Status Take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        return BeginDocument(event);
      case YAML_SCALAR_EVENT:
        return TakeScalar(event);
      case YAML_ALIAS_EVENT:
        return TakeAlias(event);
      case YAML_SEQUENCE_START_EVENT: {
        const auto& start = event.data.sequence_start;
        return Begin(event, Kind::kSequence, View(start.anchor), View(start.tag),
                     start.style == YAML_FLOW_SEQUENCE_STYLE);
      }
      case YAML_MAPPING_START_EVENT: {
        const auto& start = event.data.mapping_start;
        return Begin(event, Kind::kMapping, View(start.anchor), View(start.tag),
                     start.style == YAML_FLOW_MAPPING_STYLE);
      }
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return End(event);
      case YAML_DOCUMENT_END_EVENT:
        anchors_.clear();
        done_ =
            !limits_.refuse_more_documents && stream_.documents_.size() == limits_.max_documents;
        return absl::OkStatus();
      case YAML_STREAM_END_EVENT:
        done_ = true;
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  }

  absl::Status BeginDocument(const yaml_event_t& event) {
    if (stream_.documents_.size() == limits_.max_documents) {
      return Fault(event.start_mark.line + 1,
                   StrCat("more than ", limits_.max_documents, " documents"));
    }
    stream_.documents_.push_back(nullptr);
    return absl::OkStatus();
  }

  Node* NewNode(const yaml_event_t& event, Kind kind, std::string_view tag) {
    Node& node = stream_.nodes_.emplace_back();
    node.kind = kind;
    node.tag = tag;
    node.begin = MarkOf(event.start_mark);
    node.end = MarkOf(event.end_mark);
    return &node;
  }

  absl::Status Begin(const yaml_event_t& event, Kind kind, std::string_view anchor,
                     std::string_view tag, bool flow) {
    if (open_.size() >= limits_.max_depth) {
      return absl::InvalidArgumentError("yaml: document is nested too deep");
    }
    Node* node = NewNode(event, kind, tag);
    node->flow = flow;
    open_.push_back({node, std::string(anchor), {}});
    return absl::OkStatus();
  }

  absl::Status End(const yaml_event_t& event) {
    Open closed = std::move(open_.back());
    open_.pop_back();
    closed.node->end = MarkOf(event.end_mark);
    return Add(closed.node, closed.anchor, event);
  }

  absl::Status TakeScalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    Node* node = NewNode(event, Kind::kScalar, View(scalar.tag));
    node->text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    node->plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return Add(node, View(scalar.anchor), event);
  }

  absl::Status TakeAlias(const yaml_event_t& event) {
    const std::string_view name = View(event.data.alias.anchor);
    auto found = anchors_.find(name);
    if (found != anchors_.end()) return Add(found->second, "", event);
    return absl::InvalidArgumentError(StrCat("yaml: unknown anchor '", name, "' referenced"));
  }

  absl::Status Add(const Node* node, std::string_view anchor, const yaml_event_t& event) {
    if (!anchor.empty()) anchors_[std::string(anchor)] = node;
    const size_t line = event.start_mark.line + 1;
    if (node->weight > limits_.max_weight) {
      return Fault(line, StrCat("means more than ", limits_.max_weight,
                                " nodes when its aliases are written out"));
    }
    if (open_.empty()) {
      stream_.documents_.back() = node;
      return absl::OkStatus();
    }
    Open& parent = open_.back();
    const bool key = parent.node->kind == Kind::kMapping && parent.node->items.size() % 2 == 0;
    if (key && limits_.unique_keys && node->kind == Kind::kScalar &&
        !parent.keys.insert(node->text).second) {
      return Fault(line, StrCat("key '", node->text, "' stands twice"));
    }
    parent.node->items.push_back(node);
    parent.node->weight = std::min(kMostWeight, parent.node->weight + node->weight);
    return absl::OkStatus();
  }

  const Limits limits_;
  yaml_parser_t parser_{};
  Stream stream_;
  std::vector<Open> open_;
  std::map<std::string, const Node*, std::less<>> anchors_;
  bool done_ = false;
};

absl::StatusOr<Stream> Parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_size) {
    return absl::ResourceExhaustedError(
        StrCat("yaml: ", text.size(), " bytes, at most ", limits.max_size));
  }
  return StreamReader(text, limits).Read();
}

size_t ByteOffset(std::string_view text, size_t index) {
  size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  for (; index > 0 && at < text.size(); --index) {
    ++at;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

}  // namespace nacre::yaml
