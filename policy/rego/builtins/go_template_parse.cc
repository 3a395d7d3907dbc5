// Text is cut at {{ and }}; what is between is split into words.
#include <optional>

#include "policy/rego/builtins/go_quote.h"
#include "policy/rego/builtins/go_template.h"
#include "policy/rego/json.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool IsName(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

std::string_view TrimRight(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}
std::string_view TrimLeft(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpace), text.size()));
}

class TemplateParser {
 public:
  TemplateParser(Arena& arena, std::string_view text) : arena_(arena), rest_(text) {}

  absl::StatusOr<std::vector<TemplateNode>> Parse() {
    std::string_view end;
    ASSIGN_OR_RETURN(std::vector<TemplateNode> nodes, List(0, &end));
    if (!end.empty()) return Wrong(StrCat("unexpected {{", end, "}}"));
    return nodes;
  }

 private:
  static absl::Status Wrong(const std::string& what) {
    return absl::InvalidArgumentError(StrCat("template: template: ", what));
  }

  // The text before the next action, into `nodes`, and the action's inside; nothing at the end.
  absl::StatusOr<std::optional<std::string_view>> NextAction(std::vector<TemplateNode>* nodes) {
    size_t open = rest_.find("{{");
    std::string_view text = rest_.substr(0, open);
    if (trim_next_) text = TrimLeft(text);
    trim_next_ = false;
    std::string_view inside;
    if (open != rest_.npos) {
      rest_.remove_prefix(open + 2);
      if (rest_.starts_with("- ") || rest_.starts_with("-\n") || rest_.starts_with("-\t")) {
        text = TrimRight(text);
        rest_.remove_prefix(1);
      }
      size_t close = ActionEnd();
      if (close == rest_.npos) return Wrong("unclosed action");
      inside = rest_.substr(0, close);
      rest_.remove_prefix(close + 2);
      if (inside.size() > 1 && inside.back() == '-' &&
          kSpace.find(inside[inside.size() - 2]) != kSpace.npos) {
        trim_next_ = true;
        inside.remove_suffix(1);
      }
    } else {
      rest_ = {};
    }
    if (!text.empty()) {
      nodes->emplace_back();
      nodes->back().text = text;
    }
    if (open == rest_.npos) return std::optional<std::string_view>();
    return std::optional(TrimRight(TrimLeft(inside)));
  }

  // Where }} stands outside quotes and comments.
  size_t ActionEnd() const {
    char quote = 0;
    if (TrimLeft(rest_).starts_with("/*")) {
      size_t end = rest_.find("*/");
      return end == rest_.npos ? end : rest_.find("}}", end);
    }
    for (size_t i = 0; i < rest_.size(); ++i) {
      if (quote != 0) {
        if (rest_[i] == '\\' && quote != '`') ++i;
        else if (rest_[i] == quote) quote = 0;
      } else if (rest_[i] == '"' || rest_[i] == '`' || rest_[i] == '\'') {
        quote = rest_[i];
      } else if (rest_.substr(i).starts_with("}}")) {
        return i;
      }
    }
    return rest_.npos;
  }

  static std::string_view FirstWord(std::string_view action) {
    size_t size = 0;
    while (size < action.size() && IsName(action[size])) ++size;
    return action.substr(0, size);
  }

  // Nodes up to {{end}} or {{else ...}}, which goes to *stopped, or the end of the text.
  absl::StatusOr<std::vector<TemplateNode>> List(int depth, std::string_view* stopped) {
    std::vector<TemplateNode> nodes;
    if (depth > kMaxTemplateDepth) return Wrong("nested too deep");
    while (true) {
      ASSIGN_OR_RETURN(std::optional<std::string_view> action, NextAction(&nodes));
      *stopped = {};
      if (!action.has_value()) return nodes;
      if (action->starts_with("/*")) continue;
      std::string_view word = FirstWord(*action);
      if (word == "end" || word == "else") {
        *stopped = *action;
        return nodes;
      }
      nodes.emplace_back();
      if (word == "break" || word == "continue") {
        nodes.back().kind =
            word == "break" ? TemplateNode::Kind::kBreak : TemplateNode::Kind::kContinue;
      } else if (word == "if" || word == "with" || word == "range") {
        RETURN_IF_ERROR(Control(*action, depth, &nodes.back()));
      } else {
        nodes.back().kind = TemplateNode::Kind::kAction;
        action_ = *action;
        ASSIGN_OR_RETURN(nodes.back().pipeline, Pipeline(depth));
        if (!action_.empty()) return Wrong(StrCat("unexpected ", GoQuote(action_), " in operand"));
      }
    }
  }

  // {{if ...}} body {{else if ...}} or {{else}} body {{end}}
  absl::Status Control(std::string_view action, int depth, TemplateNode* node) {
    std::string_view word = FirstWord(action);
    node->kind = word == "if"     ? TemplateNode::Kind::kIf
                 : word == "with" ? TemplateNode::Kind::kWith
                                  : TemplateNode::Kind::kRange;
    action_ = TrimLeft(action.substr(word.size()));
    ASSIGN_OR_RETURN(node->pipeline, Pipeline(depth));
    if (!action_.empty()) return Wrong(StrCat("unexpected ", GoQuote(action_), " in operand"));
    if (node->pipeline.commands.empty()) return Wrong(StrCat("missing value for ", word));
    std::string_view stopped;
    ASSIGN_OR_RETURN(node->body, List(depth + 1, &stopped));
    if (FirstWord(stopped) == "else") {
      std::string_view more = TrimLeft(stopped.substr(4));
      if (!more.empty()) {  // else if: an if of its own, which takes the {{end}} for both
        node->otherwise.emplace_back();
        return Control(more, depth + 1, &node->otherwise.back());
      }
      ASSIGN_OR_RETURN(node->otherwise, List(depth + 1, &stopped));
    }
    return stopped == "end" ? absl::OkStatus() : Wrong("unexpected EOF");
  }

  bool Take(std::string_view text) {
    action_ = TrimLeft(action_);
    if (!action_.starts_with(text)) return false;
    action_.remove_prefix(text.size());
    return true;
  }

  std::string TakeName() {
    std::string_view name = FirstWord(action_);
    action_.remove_prefix(name.size());
    return std::string(name);
  }

  void ReadVariables(TemplatePipeline* out) {
    std::string_view before = action_;
    while (Take("$")) {
      out->variables.push_back("$" + TakeName());
      if (!Take(",")) break;
    }
    out->declares = Take(":=");
    if (!out->variables.empty() && (out->declares || (!action_.starts_with("==") && Take("=")))) {
      return;
    }
    action_ = before;
    out->variables.clear();
  }

  absl::StatusOr<TemplatePipeline> Pipeline(int depth) {
    TemplatePipeline out;
    if (depth > kMaxTemplateDepth) return Wrong("nested too deep");
    ReadVariables(&out);
    do {
      out.commands.emplace_back();
      while (true) {
        action_ = TrimLeft(action_);
        if (action_.empty() || action_[0] == '|' || action_[0] == ')') break;
        ASSIGN_OR_RETURN(TemplateWord word, Word(depth));
        out.commands.back().push_back(std::move(word));
      }
      if (out.commands.back().empty()) return Wrong("missing value for command");
    } while (Take("|"));
    return out;
  }

  void ReadFields(TemplateWord* word) {
    while (action_.size() > 1 && action_[0] == '.' && IsName(action_[1])) {
      action_.remove_prefix(1);
      word->fields.push_back(TakeName());
    }
  }

  absl::StatusOr<TemplateWord> Word(int depth) {
    TemplateWord word;
    char first = action_[0];
    if (first == '.' && (action_.size() == 1 || action_[1] < '0' || action_[1] > '9')) {
      if (action_.size() > 1 && IsName(action_[1])) {
        ReadFields(&word);
      } else {
        action_.remove_prefix(1);
      }
      return word;
    }
    if (first == '$') {
      action_.remove_prefix(1);
      word.kind = TemplateWord::Kind::kVariable;
      word.name = "$" + TakeName();
      ReadFields(&word);
      return word;
    }
    if (first == '(') {
      action_.remove_prefix(1);
      word.kind = TemplateWord::Kind::kPipeline;
      ASSIGN_OR_RETURN(TemplatePipeline inner, Pipeline(depth + 1));
      word.pipeline = std::make_unique<TemplatePipeline>(std::move(inner));
      if (!Take(")")) return Wrong("unclosed left paren");
      ReadFields(&word);
      return word;
    }
    if (first == '"' || first == '`') return Quoted(first);
    if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
      return Number();
    }
    word.name = TakeName();
    if (word.name.empty()) return Wrong(StrCat("unexpected ", GoQuote(action_), " in command"));
    word.kind = TemplateWord::Kind::kLiteral;
    if (word.name == "true" || word.name == "false") {
      word.literal = Value::Bool(word.name == "true");
    } else if (word.name == "nil") {
      word.literal = Value::Null();
    } else {
      word.kind = TemplateWord::Kind::kFunction;
    }
    return word;
  }

  // Escapes in double quotes are read as JSON has them, which covers what templates use.
  absl::StatusOr<TemplateWord> Quoted(char quote) {
    size_t end = 1;
    while (end < action_.size() && action_[end] != quote) {
      end += quote == '"' && action_[end] == '\\' ? 2 : 1;
    }
    if (end >= action_.size()) return Wrong("unterminated quoted string");
    TemplateWord word;
    word.kind = TemplateWord::Kind::kLiteral;
    std::string_view text = action_.substr(0, end + 1);
    action_.remove_prefix(end + 1);
    if (quote == '`') {
      word.literal = Value::String(arena_, text.substr(1, text.size() - 2));
      return word;
    }
    auto value = ValueFromJson(arena_, text);
    if (!value.ok()) return Wrong(StrCat("bad string ", text));
    word.literal = *value;
    return word;
  }

  absl::StatusOr<TemplateWord> Number() {
    size_t size = action_.find_first_of(" \t\r\n|)");
    std::string_view text = action_.substr(0, size);
    action_.remove_prefix(text.size());
    if (text.starts_with('+')) text.remove_prefix(1);
    auto number = NumberFromText(arena_, text);
    if (!number.ok()) return Wrong(StrCat("bad number syntax: ", GoQuote(text)));
    TemplateWord word;
    word.kind = TemplateWord::Kind::kLiteral;
    word.literal = *number;
    return word;
  }

  Arena& arena_;
  std::string_view rest_;
  std::string_view action_;  // what is left of the action being read
  bool trim_next_ = false;
};

}  // namespace

absl::StatusOr<std::vector<TemplateNode>> ParseTemplate(Arena& arena, std::string_view text) {
  return TemplateParser(arena, text).Parse();
}

}  // namespace nacre::rego
