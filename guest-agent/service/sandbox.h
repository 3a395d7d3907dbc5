// Small powers of the sandbox that change the guest itself: names, time, entropy. Values come from
// the host; each is checked before anything is touched.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/agent.pb.h"
#include "base/status.h"

namespace nacre::guest_agent {

// kUnimplemented or kInvalidArgument for what a sandbox cannot have here: storages, a shared pid
// namespace, hooks, kernel modules.
absl::Status CheckSandbox(const grpc::CreateSandboxRequest& request);

// resolv.conf out of CreateSandbox's `dns`: each entry an address, or a line of that file
// (nameserver, search, domain, options). Empty in, empty out. kInvalidArgument, kResourceExhausted
// past kMaxDnsLines.
absl::StatusOr<std::string> ResolvConf(const google::protobuf::RepeatedPtrField<std::string>& dns);

// sethostname(2). An empty name changes nothing. kInvalidArgument for what is no host name.
absl::Status SetHostname(std::string_view name);

// What a clock may be set to, in seconds since 1970: never before this agent's time, never so far
// that certificates lose their meaning; and once the guest has proven itself (`attested`) at most
// an hour away from what it believes, so that a host cannot bring back what has expired.
absl::Status CheckTime(int64_t seconds, int64_t microseconds, int64_t now_seconds, bool attested);
absl::Status SetTime(int64_t seconds, int64_t microseconds);

// Mixes bytes into the kernel's pool without credit. At most kMaxRandomSeed.
absl::Status AddEntropy(std::string_view bytes);

grpc::GuestDetailsResponse GuestDetails(const grpc::GuestDetailsRequest& request);

}  // namespace nacre::guest_agent
