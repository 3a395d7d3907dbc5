// Takes one mapping of a manifest apart, field by field. Every accessor marks its field as known;
// Finish() refuses what is left, because a field this version does not know may change what runs in
// the guest. The first error of the whole walk is kept, with file, line and path; everything after
// it reads as absent, so that readers need no error handling of their own.
//
// Values are taken as written, and only where every reader of YAML agrees on them: a text that YAML
// 1.1 or 1.2 reads as something else (yes, 010, 1e3, ~) must stand in quotes.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/yaml/yaml.h"

namespace nacre::policy {

struct ReadErrors {
  std::string file;
  absl::Status first;
};

class FieldReader {
 public:
  // `node` may be nullptr or null: every field is then absent. `path` is "spec.containers[0]".
  FieldReader(const yaml::Node* node, std::string path, ReadErrors* errors);

  bool Has(std::string_view key);            // present and not null
  std::string String(std::string_view key);  // "" when absent
  std::optional<std::string> MaybeString(std::string_view key);
  // Text of a field that may be a number or text (a quantity, a port).
  std::string Scalar(std::string_view key);
  bool Bool(std::string_view key, bool otherwise = false);
  std::optional<int64_t> Int(std::string_view key);
  std::vector<std::string> Strings(std::string_view key);
  std::map<std::string, std::string> StringMap(std::string_view key);
  std::map<std::string, std::string> ScalarMap(std::string_view key);
  // `visit` is not called when the field is absent.
  void Object(std::string_view key, const std::function<void(FieldReader&)>& visit);
  void Each(std::string_view key, const std::function<void(FieldReader&)>& visit);
  const yaml::Node* Take(std::string_view key);  // nullptr when absent or null

  // Known, and of no meaning to what runs in the guest.
  void Ignore(std::initializer_list<std::string_view> keys);
  // An error when the field is present and not null, false, empty or a list of nothing.
  void Refuse(std::string_view key, std::string_view why);
  void Fail(std::string_view message);  // about this object
  void FailAt(std::string_view key, std::string_view message);
  void Finish();

  bool ok() const { return errors_->first.ok(); }
  const std::string& path() const { return path_; }
  const yaml::Node* node() const { return node_; }

 private:
  std::string PathOf(std::string_view key) const;
  void Record(const yaml::Node* at, std::string_view path, std::string_view message);
  std::string TextOf(const yaml::Node& node, std::string_view path);

  const yaml::Node* node_;
  std::string path_;
  ReadErrors* errors_;
  std::set<std::string, std::less<>> known_;
};

// A plain scalar that is null in every YAML.
bool IsNull(const yaml::Node* node);
// A plain scalar that some reader of YAML takes for another thing than text.
bool IsAmbiguous(std::string_view plain);

}  // namespace nacre::policy
