// The guest's network as the host sets it up: addresses, routes and what is there now. Over
// rtnetlink (libnl-route); nothing is run as a program. Shapes are the agent protocol's.
#pragma once

#include <memory>

#include "api/agent.pb.h"
#include "base/status.h"

struct nl_sock;

namespace nacre::guest_agent {

// Pure checks, so that hostile values end here. kInvalidArgument naming the field.
//
// An interface is found by `hwAddr` ("aa:bb:cc:dd:ee:ff"), or by `device` when that is empty.
// Loopback and flags cannot be changed. `mask` of an address is a prefix length; `mtu` 0 leaves it
// alone.
absl::Status CheckInterface(const types::Interface& interface);
// `dest` is "" or "default" for the default route, else "address/prefix". Loopback destinations are
// refused.
absl::Status CheckRoute(const types::Route& route);

class Network {
 public:
  static absl::StatusOr<std::unique_ptr<Network>> Open();
  ~Network();

  absl::Status BringLoopbackUp();
  // Sets name, MTU and addresses, then brings it up. Addresses it had and `interface` has not are
  // removed. kNotFound when no device matches.
  absl::StatusOr<types::Interface> UpdateInterface(const types::Interface& interface);
  // Makes these the routes of the main table: others (but the kernel's own) go. Device routes
  // first, so that gateways can be reached.
  absl::StatusOr<grpc::Routes> UpdateRoutes(const grpc::Routes& routes);
  absl::StatusOr<grpc::Interfaces> ListInterfaces();
  absl::StatusOr<grpc::Routes> ListRoutes();

 private:
  explicit Network(nl_sock* socket) : socket_(socket) {}
  nl_sock* socket_;
};

// Counters of every interface but loopback, from sysfs.
google::protobuf::RepeatedPtrField<grpc::NetworkStats> ReadNetworkStats(
    const std::string& folder = "/sys/class/net");

}  // namespace nacre::guest_agent
