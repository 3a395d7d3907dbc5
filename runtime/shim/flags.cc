#include "runtime/shim/flags.h"

#include <map>

#include "base/strings.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {
namespace {

absl::Status ReadAction(std::string_view word, ShimFlags* out) {
  if (word == "start") {
    out->action = ShimAction::kStart;
  } else if (word == "delete") {
    out->action = ShimAction::kDelete;
  } else {
    return absl::InvalidArgumentError(
        StrCat("unknown action '", word, "'; expected start or delete"));
  }
  return absl::OkStatus();
}

absl::Status Check(const ShimFlags& flags) {
  if (flags.action == ShimAction::kVersion) return absl::OkStatus();
  RETURN_IF_ERROR(CheckIdentifier("-namespace", flags.ns));
  return CheckIdentifier("-id", flags.id);
}

}  // namespace

absl::StatusOr<ShimFlags> ParseShimFlags(const std::vector<std::string>& arguments) {
  ShimFlags flags;
  const std::map<std::string_view, std::string*> values = {
      {"namespace", &flags.ns},    {"id", &flags.id},
      {"address", &flags.address}, {"publish-binary", &flags.publish_binary},
      {"bundle", &flags.bundle},   {"socket", &flags.socket}};
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with('-')) {
      RETURN_IF_ERROR(ReadAction(word, &flags));
      if (i + 1 != arguments.size()) {
        return absl::InvalidArgumentError(StrCat("unexpected '", arguments[i + 1], "'"));
      }
      break;
    }
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    if (name == "debug" || name == "v") {
      if (name == "v") flags.action = ShimAction::kVersion;
      flags.debug |= name == "debug";
      continue;
    }
    const auto target = values.find(name);
    if (target == values.end()) {
      return absl::InvalidArgumentError(StrCat("unknown flag '", arguments[i], "'"));
    }
    if (equals != std::string_view::npos) {
      *target->second = word.substr(equals + 1);
    } else if (++i < arguments.size()) {
      *target->second = arguments[i];
    } else {
      return absl::InvalidArgumentError(StrCat("flag '-", name, "' needs a value"));
    }
  }
  RETURN_IF_ERROR(Check(flags));
  return flags;
}

}  // namespace nacre::runtime
