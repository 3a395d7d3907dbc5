#include "tee/emulator/options.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::tee::emulator {
namespace {

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(message));
}

// Options each verb takes.
const std::map<std::string_view, std::vector<std::string_view>>& KnownOptions() {
  static const auto* known = new std::map<std::string_view, std::vector<std::string_view>>{
      {"init", {"--dir", "--product"}},
      {"firmware", {"--out"}},
      {"quote",
       {"--dir", "--report-data", "--out", "--collateral", "--tee", "--version", "--endorsement",
        "--launch", "--faults", "--faults-file", "--at"}},
      {"serve",
       {"--dir", "--launch", "--socket", "--fd", "--ready-fd", "--version", "--endorsement",
        "--faults", "--faults-file"}},
  };
  return *known;
}

}  // namespace

absl::StatusOr<std::string> CommandLine::Required(std::string_view name) const {
  const auto found = options.find(name);
  if (found == options.end()) return Refuse(StrCat(verb, ": ", name, " is required"));
  return found->second;
}

std::string CommandLine::Get(std::string_view name, std::string_view fallback) const {
  const auto found = options.find(name);
  return found == options.end() ? std::string(fallback) : found->second;
}

absl::StatusOr<int> CommandLine::Descriptor(std::string_view name) const {
  const auto found = options.find(name);
  if (found == options.end()) return -1;
  unsigned number = 0;
  if (!ParseNumber(found->second, &number) || number > 1 << 20) {
    return Refuse(StrCat(verb, ": ", name, " '", found->second, "' is no descriptor number"));
  }
  return static_cast<int>(number);
}

absl::StatusOr<uint64_t> CommandLine::Number(std::string_view name, uint64_t fallback,
                                             uint64_t maximum) const {
  const auto found = options.find(name);
  if (found == options.end()) return fallback;
  uint64_t number = 0;
  if (!ParseNumber(found->second, &number) || number > maximum) {
    return Refuse(StrCat(verb, ": ", name, " '", found->second, "' is no number up to ", maximum));
  }
  return number;
}

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return Refuse("no verb is given (init, firmware, quote, serve)");
  const auto known = KnownOptions().find(arguments[0]);
  if (known == KnownOptions().end()) {
    return Refuse(
        StrCat("unknown verb '", arguments[0], "' (known: init, firmware, quote, serve)"));
  }
  CommandLine out{arguments[0], {}};
  for (size_t i = 1; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (std::find(known->second.begin(), known->second.end(), name) == known->second.end()) {
      return Refuse(StrCat(out.verb, ": unknown option '", name,
                           "' (known: ", StrJoin(known->second, ", "), ")"));
    }
    if (i + 1 == arguments.size()) return Refuse(StrCat(out.verb, ": ", name, " needs a value"));
    if (!out.options.emplace(name, arguments[i + 1]).second) {
      return Refuse(StrCat(out.verb, ": ", name, " is given twice"));
    }
  }
  return out;
}

}  // namespace nacre::tee::emulator
