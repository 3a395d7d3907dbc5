#include "policy/generate/reader.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"

namespace nacre::policy {
namespace {

using yaml::Kind;
using yaml::Node;

constexpr std::string_view kTag = "tag:yaml.org,2002:";

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// A number of JSON without sign and fraction: every YAML reads it so.
bool IsPlainNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.size() > 18 || (text.size() > 1 && text[0] == '0')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

const char* KindName(const Node& node) {
  return node.kind == Kind::kScalar     ? "a value"
         : node.kind == Kind::kSequence ? "a list"
                                        : "fields";
}

bool IsNothing(const Node* node) {
  if (IsNull(node)) return true;
  if (node->kind != Kind::kScalar) return node->items.empty();
  return (node->plain && node->text == "false") || node->text.empty();
}

}  // namespace

bool IsNull(const Node* node) {
  return node == nullptr || (node->kind == Kind::kScalar && node->plain && node->tag.empty() &&
                             (node->text.empty() || node->text == "~" || node->text == "null"));
}

bool IsAmbiguous(std::string_view plain) {
  static const std::set<std::string, std::less<>> kWords = {
      "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<"};
  if (kWords.contains(Lower(plain))) return true;
  // Numbers of any kind, of sixties and with underscores, and dates.
  std::string_view rest = plain;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  const std::string lower = Lower(rest);
  if (lower == ".inf" || lower == ".nan") return true;
  if (rest.empty()) return false;
  if (!std::isdigit(static_cast<unsigned char>(rest[0])) &&
      !(rest[0] == '.' && rest.size() > 1 && std::isdigit(static_cast<unsigned char>(rest[1])))) {
    return false;
  }
  return std::all_of(lower.begin(), lower.end(), [](char c) {
    return std::string_view("0123456789abcdefox.+-_:tz ").find(c) != std::string_view::npos;
  });
}

FieldReader::FieldReader(const Node* node, std::string path, ReadErrors* errors)
    : node_(IsNull(node) ? nullptr : node), path_(std::move(path)), errors_(errors) {
  if (node_ != nullptr && node_->kind != Kind::kMapping) {
    Record(node_, path_, StrCat("is ", KindName(*node_), " where fields are expected"));
    node_ = nullptr;
  }
}

std::string FieldReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : StrCat(path_, ".", key);
}

void FieldReader::Record(const Node* at, std::string_view path, std::string_view message) {
  if (!errors_->first.ok()) return;
  const std::string line = at == nullptr ? "" : StrCat(":", at->begin.line);
  errors_->first = absl::InvalidArgumentError(
      StrCat(errors_->file, line, ": ", path, path.empty() ? "" : ": ", message));
}

const Node* FieldReader::Take(std::string_view key) {
  known_.emplace(key);
  if (node_ == nullptr || !ok()) return nullptr;
  const Node* found = node_->Find(key);
  return IsNull(found) ? nullptr : found;
}

bool FieldReader::Has(std::string_view key) { return Take(key) != nullptr; }

std::string FieldReader::TextOf(const Node& node, std::string_view path) {
  const bool tagged = !node.tag.empty() && node.tag != StrCat(kTag, "str") && node.tag != "!";
  if (node.kind != Kind::kScalar || tagged) {
    Record(&node, path, StrCat("is ", KindName(node), " where text is expected"));
  } else if (node.plain && node.tag.empty() && IsAmbiguous(node.text)) {
    Record(&node, path, StrCat("'", node.text, "' is not text in every YAML: put it in quotes"));
  } else if (node.text.find('\0') != std::string::npos) {
    Record(&node, path, "holds a NUL byte");
  } else {
    return node.text;
  }
  return "";
}

std::optional<std::string> FieldReader::MaybeString(std::string_view key) {
  const Node* node = Take(key);
  if (node == nullptr) return std::nullopt;
  std::string text = TextOf(*node, PathOf(key));
  if (!ok()) return std::nullopt;
  return text;
}

std::string FieldReader::String(std::string_view key) { return MaybeString(key).value_or(""); }

std::string FieldReader::Scalar(std::string_view key) {
  const Node* node = Take(key);
  if (node == nullptr) return "";
  if (node->kind == Kind::kScalar && node->plain && IsPlainNumber(node->text)) return node->text;
  return TextOf(*node, PathOf(key));
}

bool FieldReader::Bool(std::string_view key, bool otherwise) {
  const Node* node = Take(key);
  if (node == nullptr) return otherwise;
  if (node->kind == Kind::kScalar && node->plain && node->tag.empty() &&
      (node->text == "true" || node->text == "false")) {
    return node->text == "true";
  }
  Record(node, PathOf(key), "is neither true nor false");
  return otherwise;
}

std::optional<int64_t> FieldReader::Int(std::string_view key) {
  const Node* node = Take(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == Kind::kScalar && node->plain && node->tag.empty() &&
      IsPlainNumber(node->text)) {
    return std::stoll(node->text);
  }
  Record(node, PathOf(key), "is not a whole number");
  return std::nullopt;
}

std::vector<std::string> FieldReader::Strings(std::string_view key) {
  std::vector<std::string> out;
  const Node* node = Take(key);
  if (node == nullptr) return out;
  if (node->kind != Kind::kSequence) {
    Record(node, PathOf(key), StrCat("is ", KindName(*node), " where a list is expected"));
    return out;
  }
  for (const Node* item : node->items) {
    out.push_back(TextOf(*item, StrCat(PathOf(key), "[", out.size(), "]")));
  }
  return out;
}

std::map<std::string, std::string> FieldReader::StringMap(std::string_view key) {
  std::map<std::string, std::string> out;
  Object(key, [&](FieldReader& map) {
    for (size_t i = 0; i + 1 < map.node_->items.size(); i += 2) {
      const std::string& name = map.node_->items[i]->text;
      out[name] = map.String(name);
    }
  });
  return out;
}

std::map<std::string, std::string> FieldReader::ScalarMap(std::string_view key) {
  std::map<std::string, std::string> out;
  Object(key, [&](FieldReader& map) {
    for (size_t i = 0; i + 1 < map.node_->items.size(); i += 2) {
      const std::string& name = map.node_->items[i]->text;
      out[name] = map.Scalar(name);
    }
  });
  return out;
}

void FieldReader::Object(std::string_view key, const std::function<void(FieldReader&)>& visit) {
  const Node* node = Take(key);
  if (node == nullptr) return;
  FieldReader reader(node, PathOf(key), errors_);
  if (!ok()) return;
  visit(reader);
  reader.Finish();
}

void FieldReader::Each(std::string_view key, const std::function<void(FieldReader&)>& visit) {
  const Node* node = Take(key);
  if (node == nullptr) return;
  if (node->kind != Kind::kSequence) {
    Record(node, PathOf(key), StrCat("is ", KindName(*node), " where a list is expected"));
    return;
  }
  for (size_t i = 0; i < node->items.size() && ok(); ++i) {
    FieldReader reader(node->items[i], StrCat(PathOf(key), "[", i, "]"), errors_);
    if (!ok()) return;
    visit(reader);
    reader.Finish();
  }
}

void FieldReader::Ignore(std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) known_.emplace(key);
}

void FieldReader::Refuse(std::string_view key, std::string_view why) {
  known_.emplace(key);
  const Node* node = node_ == nullptr ? nullptr : node_->Find(key);
  if (!IsNothing(node)) Record(node, PathOf(key), why);
}

void FieldReader::Fail(std::string_view message) { Record(node_, path_, message); }

void FieldReader::FailAt(std::string_view key, std::string_view message) {
  const Node* node = node_ == nullptr ? nullptr : node_->Find(key);
  Record(node == nullptr ? node_ : node, PathOf(key), message);
}

void FieldReader::Finish() {
  if (node_ == nullptr || !ok()) return;
  for (size_t i = 0; i + 1 < node_->items.size(); i += 2) {
    const Node* key = node_->items[i];
    if (key->kind != Kind::kScalar) {
      Record(key, path_, "a key is not text");
    } else if (!known_.contains(key->text)) {
      Record(key, PathOf(key->text),
             "is not known; it may change what runs in the guest, so no policy is made");
    }
  }
}

}  // namespace nacre::policy
