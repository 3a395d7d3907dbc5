// The shim's command line, as containerd 1.6 and later write it (docs/runtime-v2.md, "Commands"):
// Go's flag syntax, "-name value" or "--name=value", then at most one action.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace nacre::runtime {

enum class ShimAction { kServe, kStart, kDelete, kVersion };

struct ShimFlags {
  ShimAction action = ShimAction::kServe;
  std::string ns;              // -namespace
  std::string id;              // -id
  std::string address;         // -address: containerd's gRPC socket
  std::string publish_binary;  // -publish-binary
  std::string bundle;          // -bundle: given to delete; elsewhere the working directory
  std::string socket;          // -socket: accepted, the shim chooses its own
  bool debug = false;          // -debug
};

// `arguments` without the program's name. kInvalidArgument names what is unknown, missing or not a
// containerd identifier.
absl::StatusOr<ShimFlags> ParseShimFlags(const std::vector<std::string>& arguments);

}  // namespace nacre::runtime
