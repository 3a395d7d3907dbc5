#include "runtime/shim/agent_requests.h"

#include "base/strings.h"
#include "runtime/hypervisor/qemu_command.h"
#include "runtime/sandbox/guest_spec.h"

namespace nacre::runtime {
namespace {

constexpr uint64_t kMtu = 1500;
constexpr char kInterface[] = "eth0";

}  // namespace

grpc::CreateSandboxRequest CreateSandboxRequestFor(const SandboxPlan& plan) {
  grpc::CreateSandboxRequest request;
  request.set_sandbox_id(plan.sandbox_id);
  request.set_hostname(plan.hostname);
  if (plan.network == NetworkMode::kUser) request.add_dns(StrCat("nameserver ", kGuestDns));
  return request;
}

grpc::UpdateInterfaceRequest UpdateInterfaceRequestFor() {
  grpc::UpdateInterfaceRequest request;
  types::Interface* interface = request.mutable_interface();
  interface->set_device(kInterface);
  interface->set_name(kInterface);
  interface->set_hwaddr(std::string(kGuestMac));
  interface->set_mtu(kMtu);
  types::IPAddress* address = interface->add_ipaddresses();
  address->set_family(types::v4);
  address->set_address(std::string(kGuestAddress));
  address->set_mask(std::string(kGuestPrefix));
  return request;
}

grpc::UpdateRoutesRequest UpdateRoutesRequestFor() {
  grpc::UpdateRoutesRequest request;
  types::Route* route = request.mutable_routes()->add_routes();
  route->set_gateway(std::string(kGuestGateway));
  route->set_device(kInterface);
  route->set_family(types::v4);
  return request;
}

absl::StatusOr<grpc::CreateContainerRequest> CreateContainerRequestFor(const SandboxPlan& plan) {
  // Kata's place for a container's root filesystem in the guest.
  const std::string rootfs = StrCat("/run/kata-containers/", plan.sandbox_id, "/rootfs");
  grpc::CreateContainerRequest request;
  request.set_container_id(plan.sandbox_id);
  request.set_exec_id(plan.sandbox_id);
  grpc::Storage* storage = request.add_storages();
  storage->set_driver("image_guest_pull");
  storage->set_source(plan.image_reference);
  storage->set_fstype("overlay");
  storage->set_mount_point(rootfs);
  RETURN_IF_ERROR(FillGuestSpec(plan.spec, rootfs, request.mutable_oci()));
  return request;
}

}  // namespace nacre::runtime
