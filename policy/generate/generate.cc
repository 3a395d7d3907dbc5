#include "policy/generate/generate.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/digest.h"
#include "policy/gate/request_policy.h"
#include "policy/generate/rules.h"
#include "tee/common/initdata.h"

namespace nacre::policy {
namespace {

constexpr std::string_view kPackageLine = "package agent_policy";
constexpr std::string_view kImportLine = "import rego.v1";
constexpr std::string_view kDataLine = "policy_data := ";
constexpr std::string_view kDefault = "default ";

// Requests that are harmless: about what already runs, or about ending it.
constexpr std::string_view kAllowed[] = {
    "CloseStdinRequest",    "DestroySandboxRequest", "GetOOMEventRequest",
    "GuestDetailsRequest",  "OnlineCPUMemRequest",   "RemoveStaleVirtiofsShareMountsRequest",
    "SignalProcessRequest", "StatsContainerRequest", "WaitProcessRequest"};

bool IsAllowed(std::string_view request, const Workload& workload, const Settings& settings) {
  const auto asked = [&](bool WorkloadContainer::*what) {
    return std::any_of(workload.containers.begin(), workload.containers.end(),
                       [&](const WorkloadContainer& container) { return container.*what; });
  };
  if (request == "WriteStreamRequest" && asked(&WorkloadContainer::stdin_open)) return true;
  if (request == "TtyWinResizeRequest" && asked(&WorkloadContainer::terminal)) return true;
  return std::find(std::begin(kAllowed), std::end(kAllowed), request) != std::end(kAllowed) ||
         std::find(settings.allow.begin(), settings.allow.end(), request) != settings.allow.end();
}

std::string MakeRulesText() {
  std::string out;
  for (const RulesFile& file : RulesFiles()) {
    for (std::string_view line : StrSplit(file.text, '\n')) {
      const bool comment = StripSpace(line).starts_with('#');
      if (comment || line == kPackageLine || line == kImportLine) continue;
      if (line.empty() && (out.empty() || out.ends_with("\n\n"))) continue;
      StrAppend(&out, line, "\n");
    }
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace

const std::string& RulesText() {
  static const std::string text = MakeRulesText();
  return text;
}

const std::string& RulesDigest() {
  static const std::string digest = crypto::OciDigest(AsBytes(RulesText()));
  return digest;
}

absl::StatusOr<std::string> FormatPolicy(const Json& data, const Workload& workload,
                                         const Settings& settings) {
  std::string out =
      StrCat("# Made by nacre policy generate from ", workload.kind, " ", workload.name, ". Rules ",
             kRulesVersion, ", ", RulesDigest(), "\n", kPackageLine, "\n\n", kImportLine, "\n\n");
  for (const std::string& request : SwitchedRequests()) {
    StrAppend(&out, kDefault, request,
              IsAllowed(request, workload, settings) ? " := true\n" : " := false\n");
  }
  ASSIGN_OR_RETURN(const std::string text, DumpJson(data, 1));
  StrAppend(&out, "\n", kDataLine, text, "\n\n", RulesText());
  auto compiled = RequestPolicy::Compile(out);
  if (!compiled.ok()) {
    return absl::InternalError(
        StrCat("the policy made does not compile: ", Message(compiled.status())));
  }
  return out;
}

absl::StatusOr<Json> ReadPolicyData(std::string_view policy) {
  Json requests = Json::object();
  std::string text;
  bool inside = false;
  for (std::string_view line : StrSplit(policy, '\n')) {
    if (line.starts_with(kDefault)) {
      line.remove_prefix(kDefault.size());
      const std::string name(line.substr(0, line.find(' ')));
      const auto& known = SwitchedRequests();
      if (std::find(known.begin(), known.end(), name) != known.end())
        requests[name] = line.ends_with(":= true");
    } else if (line.starts_with(kDataLine)) {
      inside = true;
      text = line.substr(kDataLine.size());
    } else if (inside && !line.empty()) {
      StrAppend(&text, "\n", line);
    } else if (inside) {
      break;
    }
  }
  if (!inside) {
    return absl::InvalidArgumentError("no policy_data: not a policy of nacre policy generate");
  }
  ASSIGN_OR_RETURN(Json data, ParseJson(text), "policy_data");
  if (!data.is_object()) return absl::InvalidArgumentError("policy_data is no object");
  data["requests"] = requests;
  return data;
}

absl::StatusOr<std::string> FormatPolicyInitdata(const std::string& policy, std::string_view base) {
  tee::Initdata initdata;
  if (!base.empty()) {
    ASSIGN_OR_RETURN(initdata, tee::ParseInitdata(base));
  }
  initdata.data[std::string(kPolicyKey)] = policy;
  return tee::FormatInitdata(initdata);
}

}  // namespace nacre::policy
