// What `nacre run` asks of containerd, as data: the options of the verb and the OCI spec they give.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace nacre::cli {

struct RunOptions {
  std::string address = "/run/containerd/containerd.sock";
  std::string name_space = "nacre";
  std::string config = "";    // runtime.toml; empty = the runtime's own default
  std::string initdata = "";  // TOML file, or empty
  std::vector<std::string> kernel_args = {};
  std::string id = "";                // made up when empty
  std::vector<std::string> env = {};  // "NAME=value"
  bool timeline = false;
  bool terminal = false;  // a terminal for the container; ours is lent to it
  std::string image = "";
  std::vector<std::string> args = {};  // empty = the image's entrypoint and command
  std::string runtime = "io.containerd.nacre.v2";
  std::string rootfs = "";  // a folder of this host; only for runtimes that want one
};

// The OCI runtime spec (version 1.0.2) as JSON: containerd's defaults for a Linux container, less
// what a VM replaces (network namespace, host cgroup). `initdata` is the text of the document, or
// empty. The image, the initdata and the kernel arguments travel as annotations.
// kInvalidArgument naming an environment entry or a kernel argument that cannot be passed on.
absl::StatusOr<std::string> MakeRunSpec(const RunOptions& options, const std::string& initdata);

}  // namespace nacre::cli
