#include "policy/rego/builtin.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::rego {
namespace {

std::vector<std::string> Names(KindMask kinds) {
  std::vector<std::string> names;
  for (int kind = static_cast<int>(Kind::kNull); kind <= static_cast<int>(Kind::kSet); ++kind) {
    if ((MaskOf(static_cast<Kind>(kind)) & kinds) != 0) {
      names.emplace_back(KindName(static_cast<Kind>(kind)));
    }
  }
  return names;
}

}  // namespace

std::string KindsText(KindMask kinds) {
  return (kinds & kAny) == kAny ? "any" : StrJoin(Names(kinds), " or ");
}

void BuiltinRegistry::Register(Builtin builtin) {
  std::string name = builtin.name;
  builtins_.insert_or_assign(std::move(name), std::move(builtin));
}

const Builtin* BuiltinRegistry::Find(std::string_view name) const {
  auto found = builtins_.find(name);
  return found == builtins_.end() ? nullptr : &found->second;
}

// The two classes of error are two codes; nothing else a builtin returns uses them.
absl::Status TypeError(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(message));
}
absl::Status BuiltinError(std::string_view message) {
  return absl::OutOfRangeError(StrCat(message));
}
bool IsTypeError(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument;
}
bool IsBuiltinError(const absl::Status& status) {
  return status.code() == absl::StatusCode::kOutOfRange;
}

absl::Status OperandTypeError(int operand, std::string_view want, const Value& got) {
  return TypeError(
      StrCat("operand ", operand, " must be ", want, " but got ", KindName(got.kind())));
}

absl::Status WantKind(std::span<const Value> args, int operand, Kind kind) {
  const Value& got = args[static_cast<size_t>(operand) - 1];
  if (got.kind() == kind) return absl::OkStatus();
  return OperandTypeError(operand, KindName(kind), got);
}

absl::Status WantKinds(std::span<const Value> args, int operand, KindMask kinds) {
  const Value& got = args[static_cast<size_t>(operand) - 1];
  if ((MaskOf(got.kind()) & kinds) != 0) return absl::OkStatus();
  std::vector<std::string> names = Names(kinds);
  std::sort(names.begin(), names.end());
  return OperandTypeError(operand, StrCat("one of {", StrJoin(names, ", "), "}"), got);
}

}  // namespace nacre::rego
