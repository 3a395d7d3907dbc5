// The owner's word on what the host may ask of the agent. A request is named by its protobuf
// message ("CreateContainerRequest"), as in Kata's policies. The policy is a table in initdata, key
// "policy.toml":
//
//   allow = ["CreateSandboxRequest", "CreateContainerRequest", "StartContainerRequest"]
//
// Whatever it does not name is denied; without the key everything is denied.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::policy {

struct Decision {
  bool allowed = false;
  std::string rule;    // what decided: "allow[2]", or "default" for the denial nothing lifted
  std::string reason;  // one sentence for the guest's own log; never sent to the host
};

class RequestPolicy {
 public:
  // Denies everything.
  RequestPolicy() = default;

  // `data` is initdata's [data] table. kUnimplemented when it holds "policy.rego" (there is no Rego
  // engine to honour it with); kInvalidArgument for an unknown key, an unknown request name (the
  // nearest known one is named) or a name given twice.
  static absl::StatusOr<RequestPolicy> FromInitdata(
      const std::map<std::string, std::string, std::less<>>& data);

  // For a request message name without package.
  Decision Check(std::string_view request_name) const;

 private:
  std::map<std::string, size_t, std::less<>> allowed_;  // name -> index in `allow`
};

// All request names a policy may hold, sorted: the input messages of grpc.AgentService.
const std::set<std::string, std::less<>>& KnownRequestNames();

}  // namespace nacre::policy
