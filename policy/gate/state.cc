#include "policy/gate/state.h"

#include "base/strings.h"
#include "policy/rego/json.h"

namespace nacre::policy {
namespace {

constexpr std::string_view kRoot = "/pstate";

// "path" and "from" of one operation, where it has them.
absl::Status CheckPlace(const Json& operation, const char* key) {
  const auto place = operation.find(key);
  if (place == operation.end()) return absl::OkStatus();
  const std::string text = place->is_string() ? place->get<std::string>() : "";
  if (text == kRoot || text.starts_with(StrCat(kRoot, "/"))) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("ops: ", key, " '", text, "' is not in /pstate"));
}

absl::StatusOr<Json> ReadPatch(const rego::Value& ops) {
  ASSIGN_OR_RETURN(Json patch, ParseJson(rego::ToJson(ops)), "ops");
  if (!patch.is_array()) return absl::InvalidArgumentError("ops is not an array");
  if (patch.size() > kMaxPatchOperations)
    return absl::InvalidArgumentError(
        StrCat("ops has more than ", kMaxPatchOperations, " members"));
  for (const Json& operation : patch) {
    if (!operation.is_object()) return absl::InvalidArgumentError("ops holds what is no object");
    RETURN_IF_ERROR(CheckPlace(operation, "path"));
    RETURN_IF_ERROR(CheckPlace(operation, "from"));
  }
  return patch;
}

absl::StatusOr<Json> ApplyPatch(const Json& document, const Json& patch) {
  try {
    return document.patch(patch);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(StrCat("ops do not fit the state: ", error.what()));
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PolicyState>> PolicyState::FromJson(Json json) {
  std::shared_ptr<PolicyState> state(new PolicyState);
  ASSIGN_OR_RETURN(state->text_, DumpJson(json));
  if (state->text_.size() > kMaxPolicyState)
    return absl::ResourceExhaustedError(
        StrCat("the policy's state is larger than ", kMaxPolicyState, " bytes"));
  ASSIGN_OR_RETURN(state->data_, rego::ValueFromJson(state->arena_, state->text_, true));
  state->json_ = std::move(json);
  return state;
}

std::shared_ptr<const PolicyState> PolicyState::Empty() {
  return *FromJson(Json{{"pstate", Json::object()}});
}

absl::StatusOr<std::shared_ptr<const PolicyState>> PolicyState::Patched(
    const rego::Value& ops) const {
  ASSIGN_OR_RETURN(const Json patch, ReadPatch(ops));
  ASSIGN_OR_RETURN(Json patched, ApplyPatch(json_, patch));
  return FromJson(std::move(patched));
}

}  // namespace nacre::policy
