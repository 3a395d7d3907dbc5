#include "policy/gate/request_policy.h"

#include <vector>

#include "api/agent.pb.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/toml.h"

namespace nacre::policy {

constexpr std::string_view kTablePolicy = "policy.toml";
constexpr std::string_view kRegoPolicy = "policy.rego";

const std::set<std::string, std::less<>>& KnownRequestNames() {
  static const auto* const kNames = [] {
    auto* names = new std::set<std::string, std::less<>>;
    const google::protobuf::FileDescriptor* file =
        grpc::CreateContainerRequest::descriptor()->file();
    const google::protobuf::ServiceDescriptor* service = file->FindServiceByName("AgentService");
    for (int i = 0; i < service->method_count(); ++i)
      names->insert(service->method(i)->input_type()->name());
    return names;
  }();
  return *kNames;
}

absl::StatusOr<RequestPolicy> RequestPolicy::FromInitdata(
    const std::map<std::string, std::string, std::less<>>& data) {
  if (data.contains(kRegoPolicy))
    return absl::UnimplementedError(
        "policy: initdata holds policy.rego, which this agent cannot evaluate; use policy.toml");
  RequestPolicy policy;
  const auto table = data.find(kTablePolicy);
  if (table == data.end()) return policy;
  ASSIGN_OR_RETURN(const Json toml, ParseToml(table->second), kTablePolicy);
  std::vector<std::string> allow;
  RETURN_IF_ERROR(TableReader(toml, std::string(kTablePolicy)).Strings("allow", &allow).Finish());
  const std::vector<std::string> known(KnownRequestNames().begin(), KnownRequestNames().end());
  for (size_t i = 0; i < allow.size(); ++i) {
    if (!KnownRequestNames().contains(allow[i])) {
      const std::string nearest = NearestName(allow[i], known);
      return absl::InvalidArgumentError(
          StrCat(kTablePolicy, ": allow[", i, "]: unknown request '", allow[i], "'",
                 nearest.empty() ? "" : StrCat("; did you mean '", nearest, "'?")));
    }
    if (!policy.allowed_.emplace(allow[i], i).second)
      return absl::InvalidArgumentError(
          StrCat(kTablePolicy, ": allow[", i, "]: '", allow[i], "' is given twice"));
  }
  return policy;
}

Decision RequestPolicy::Check(std::string_view request_name) const {
  const auto rule = allowed_.find(request_name);
  if (rule == allowed_.end())
    return {false, "default", StrCat(request_name, " is not in the policy's allow list")};
  return {true, StrCat("allow[", rule->second, "]"), "allowed by the policy's allow list"};
}

}  // namespace nacre::policy
