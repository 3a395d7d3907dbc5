// The one door. Every call of the host comes through Dispatch: decode, then the owner's policy,
// then the handler. The handlers belong to the dispatcher, so there is no other way to reach one.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "guest-agent/service/handlers.h"
#include "policy/gate/request_policy.h"

namespace nacre::guest_agent {

inline constexpr std::string_view kAgentService = "grpc.AgentService";
inline constexpr std::string_view kHealthService = "grpc.Health";
inline constexpr std::string_view kAgentVersion = "0.1.0";

// Thread-safe as far as the handlers are.
class Dispatcher {
 public:
  Dispatcher(policy::RequestPolicy policy, std::unique_ptr<AgentHandlers> handlers)
      : policy_(std::move(policy)), handlers_(std::move(handlers)) {}

  // `payload` and the result are serialised protobuf messages.
  //   kInvalidArgument   the payload is not the method's request
  //   kPermissionDenied  "policy denied <request> (id <n>)": the reason is in the guest's log only
  //   kUnimplemented     no such method, or one this agent does not offer (after the policy)
  // grpc.Health is not the policy's business.
  absl::StatusOr<std::string> Dispatch(std::string_view service, std::string_view method,
                                       std::string_view payload, const Stop& stop);

  struct Method {
    std::string_view name;     // "CreateContainer"
    std::string_view request;  // "CreateContainerRequest", what the policy is asked about
  };
  // All methods of grpc.AgentService known here, in the order of the .proto file.
  static std::vector<Method> Methods();

 private:
  absl::Status Gate(std::string_view request_name);
  friend struct DispatchTable;

  const policy::RequestPolicy policy_;
  const std::unique_ptr<AgentHandlers> handlers_;
  std::atomic<uint64_t> denials_ = 0;
};

}  // namespace nacre::guest_agent
