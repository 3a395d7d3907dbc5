// The files of policy/generate/rules, in the binary.
#pragma once

#include <span>
#include <string_view>

namespace nacre::policy {

struct RulesFile {
  std::string_view name;
  std::string_view text;
};

std::span<const RulesFile> RulesFiles();

}  // namespace nacre::policy
