#include "policy/generate/difference.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/gate/request_policy.h"
#include "policy/generate/generate.h"
#include "tee/common/initdata.h"

namespace nacre::policy {
namespace {

constexpr size_t kLongest = 300;  // of a value in a line

std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kLongest) text = StrCat(text.substr(0, kLongest), "...");
  return text;
}

void Walk(const std::string& path, const Json& before, const Json& after,
          std::vector<std::string>* out) {
  if (before == after) return;
  if (before.is_object() && after.is_object()) {
    const std::string prefix = path.empty() ? "" : path + ".";
    Json all = before;
    all.update(after);
    for (const auto& [key, unused] : all.items()) {
      const bool was = before.contains(key);
      const bool is = after.contains(key);
      if (was && is) {
        Walk(prefix + key, before.at(key), after.at(key), out);
      } else {
        out->push_back(StrCat(was ? "- " : "+ ", prefix, key, ": ",
                              Shown(was ? before.at(key) : after.at(key))));
      }
    }
    return;
  }
  if (before.is_array() && after.is_array()) {
    // As sets: what went and what came.
    const auto in = [](const Json& list, const Json& value) {
      return std::find(list.begin(), list.end(), value) != list.end();
    };
    const size_t size = out->size();
    for (const Json& value : before) {
      if (!in(after, value)) out->push_back(StrCat("- ", path, "[]: ", Shown(value)));
    }
    for (const Json& value : after) {
      if (!in(before, value)) out->push_back(StrCat("+ ", path, "[]: ", Shown(value)));
    }
    if (out->size() > size) return;
  }
  out->push_back(StrCat(path, ": ", Shown(before), " -> ", Shown(after)));
}

// The rules of a policy: what follows its data.
std::string_view RulesOf(std::string_view policy) {
  const size_t data = policy.find("\npolicy_data := ");
  const size_t end = data == policy.npos ? data : policy.find("\n\n", data);
  return end == policy.npos ? "" : policy.substr(end + 2);
}

}  // namespace

absl::StatusOr<std::string> PolicyIn(std::string_view text) {
  const auto initdata = tee::ParseInitdata(text);
  if (!initdata.ok()) return std::string(text);
  auto found = initdata->data.find(kPolicyKey);
  if (found == initdata->data.end())
    return absl::InvalidArgumentError("initdata has no policy.rego");
  return found->second;
}

absl::StatusOr<std::vector<std::string>> PolicyDifference(std::string_view before,
                                                          std::string_view after) {
  ASSIGN_OR_RETURN(const std::string old_policy, PolicyIn(before), "the old policy");
  ASSIGN_OR_RETURN(const std::string new_policy, PolicyIn(after), "the new policy");
  ASSIGN_OR_RETURN(const Json old_data, ReadPolicyData(old_policy), "the old policy");
  ASSIGN_OR_RETURN(const Json new_data, ReadPolicyData(new_policy), "the new policy");
  std::vector<std::string> out;
  Walk("", old_data, new_data, &out);
  if (RulesOf(old_policy) != RulesOf(new_policy))
    out.push_back("rules: other ones (review policy/generate/rules)");
  return out;
}

}  // namespace nacre::policy
