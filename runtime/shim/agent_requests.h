// A plan's first requests to its agent. Pure.
#pragma once

#include <string>

#include "api/agent.pb.h"
#include "base/status.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {

grpc::CreateSandboxRequest CreateSandboxRequestFor(const SandboxPlan& plan);
// The guest's card under QEMU user networking, and its default route. Only for NetworkMode::kUser.
grpc::UpdateInterfaceRequest UpdateInterfaceRequestFor();
grpc::UpdateRoutesRequest UpdateRoutesRequestFor();
// One container whose root filesystem is pulled in the guest. Errors of FillGuestSpec.
absl::StatusOr<grpc::CreateContainerRequest> CreateContainerRequestFor(const SandboxPlan& plan);

}  // namespace nacre::runtime
