// Typed calls over protobuf messages.
#pragma once

#include <google/protobuf/message_lite.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "net/ttrpc/client.h"
#include "net/ttrpc/server.h"

namespace nacre::ttrpc {

// Client::Call with messages. An answer that is not a Response is kInternal.
//
//   ASSIGN_OR_RETURN(auto details, CallProto<grpc::GuestDetailsResponse>(
//       client, "grpc.AgentService", "GetGuestDetails", request, {.timeout_ms = 5000}));
template <typename Response>
absl::StatusOr<Response> CallProto(Client& client, std::string_view service,
                                   std::string_view method,
                                   const google::protobuf::MessageLite& request,
                                   const CallOptions& options = {}) {
  ASSIGN_OR_RETURN(std::string bytes,
                   client.Call(service, method, request.SerializeAsString(), options));
  Response response;
  if (!response.ParseFromString(bytes)) {
    return absl::InternalError("answer is not a " + response.GetTypeName());
  }
  return response;
}

// A Handler out of `function`: StatusOr<Response>(const CallContext&, const Request&). A payload
// that is not a Request is kInvalidArgument.
template <typename Request, typename Function>
Handler ProtoHandler(Function function) {
  return [function = std::move(function)](const CallContext& context,
                                          std::string_view payload) -> absl::StatusOr<std::string> {
    Request request;
    if (!request.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return absl::InvalidArgumentError("payload is not a " + request.GetTypeName());
    }
    ASSIGN_OR_RETURN(auto response, function(context, request));
    return response.SerializeAsString();
  };
}

}  // namespace nacre::ttrpc
