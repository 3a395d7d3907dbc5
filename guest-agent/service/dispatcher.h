// The one door. Every call of the host comes through Dispatch: decode, then the owner's policy,
// then the handler, then what the policy remembers of it. The handlers belong to the dispatcher, so
// there is no other way to reach one.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
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
  // With `explain_denials` the log tells every request ({"kind", "request"}, a line each) and why
  // it was denied: values of the request and of the policy, on a console that the host reads.
  // `on_denial` (may be empty) is called, and must not wait, after each denial.
  Dispatcher(std::shared_ptr<policy::RequestPolicy> policy, std::unique_ptr<AgentHandlers> handlers,
             bool explain_denials = false, std::function<void()> on_denial = {})
      : policy_(std::move(policy)),
        handlers_(std::move(handlers)),
        explain_denials_(explain_denials),
        on_denial_(std::move(on_denial)) {}

  // `payload` and the result are serialised protobuf messages.
  //   kInvalidArgument   the payload is not the method's request
  //   kPermissionDenied  "policy denied <request> (id <n>)": why is not for the host
  //   kUnimplemented     no such method, or one this agent does not offer (after the policy)
  // grpc.Health is not the policy's business. A denied read of a stream answers when the stream has
  // ended: until then what comes is read and dropped, so that no container waits for a reader.
  absl::StatusOr<std::string> Dispatch(std::string_view service, std::string_view method,
                                       std::string_view payload, const Stop& stop);

  struct Method {
    std::string_view name;     // "CreateContainer"
    std::string_view request;  // "CreateContainerRequest", what the policy is asked about
  };
  // All methods of grpc.AgentService known here, in the order of the .proto file.
  static std::vector<Method> Methods();

 private:
  absl::StatusOr<policy::RequestPolicy::Permit> Gate(const google::protobuf::Message& request,
                                                     const Stop& stop);
  void Record(const google::protobuf::Message& request);
  friend struct DispatchTable;

  const std::shared_ptr<policy::RequestPolicy> policy_;
  const std::unique_ptr<AgentHandlers> handlers_;
  const bool explain_denials_;
  const std::function<void()> on_denial_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> recorded_;  // kinds of requests; guarded by mutex_
};

}  // namespace nacre::guest_agent
