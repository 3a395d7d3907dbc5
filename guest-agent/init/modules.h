// Kernel modules of the measured image, loaded in the order its list gives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace nacre::guest_agent {

struct KernelModule {
  std::string path;        // absolute
  std::string parameters;  // "name=value name=value", may be empty
};

// One "path [parameter...]" a line; empty lines and '#' comments are skipped. kInvalidArgument with
// the line number for a path that is not absolute, kResourceExhausted past kMaxModules.
absl::StatusOr<std::vector<KernelModule>> ParseModuleList(std::string_view text);

// finit_module(2). A module that is there already is fine, and so is one that says this machine has
// nothing for it (ENODEV), as faster code for other processors does.
absl::Status LoadModule(const KernelModule& module);

// LoadModule for each line of a list. Stops at the first failure and
// names it. A missing list means no modules. `unwanted`, unless empty, is a part of the file names
// that are left out.
absl::Status LoadModules(const std::string& list_path, std::string_view unwanted);

}  // namespace nacre::guest_agent
