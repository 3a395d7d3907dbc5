// Further settings as the owner may paste them: TOML whose every entry carries its reason as a
// comment. What stands in them came from a host, so nothing of it leaves its string or its comment.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace nacre::policy {

// As a TOML string, and as a Rego one.
std::string Quoted(std::string_view text);

// What a log says, from a host that may have written anything: a member that is missing, or whose
// place is no object, is null, and what is no text is "".
const Json& MemberOf(const Json& json, const std::string& key);
std::string TextOf(const Json& json);

// Each thing once, with the first reason it was given.
class Proposals {
 public:
  void AddRequest(const std::string& kind);
  void AddCommand(const Json& arguments);
  void AddAnnotation(const std::string& key);
  void AddSysctl(const std::string& container, const std::string& key, const std::string& value);
  void AddVariable(const std::string& container, const std::string& name, std::string_view value);
  void AddMount(const std::string& container, const Json& mount);  // as the request has it
  // What is only said: "Not proposed: <what>", and the lines of `why`.
  void Tell(std::string_view what, std::string_view why = "");

  std::string Toml() const;

 private:
  using Reasons = std::map<std::string, std::string>;  // of lines of the document
  static void AppendList(const char* key, const Reasons& items, std::string* out);

  Reasons requests_, commands_, annotations_, sysctls_, variables_, mounts_;
  std::vector<std::string> told_;
};

}  // namespace nacre::policy
