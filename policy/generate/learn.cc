// Each request is judged as the guest would, with the state that earlier ones left. What is refused
// is taken apart: the rules themselves say which of its variables, mounts, annotations and sysctls
// they do not know; without those the request is judged again, and what is still refused is told,
// not proposed.
#include "policy/generate/learn.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "policy/gate/state.h"
#include "policy/generate/generate.h"
#include "policy/generate/learn_proposals.h"
#include "policy/rego/engine.h"
#include "policy/rego/explain.h"
#include "policy/rego/json.h"

namespace nacre::policy {
namespace {

class Learner {
 public:
  Learner(std::shared_ptr<const rego::Policy> policy, Json data)
      : policy_(std::move(policy)), data_(std::move(data)), state_(PolicyState::Empty()) {}

  absl::Status Take(const std::string& kind, const Json& request);
  bool empty() const { return learned_.allowed + learned_.refused == 0; }
  Learned Result() const {
    Learned out = learned_;
    out.toml = proposals_.Toml();
    return out;
  }

 private:
  const Json& Containers() const { return MemberOf(data_, "containers"); }
  absl::StatusOr<bool> Judge(const std::string& kind, const Json& request);
  absl::StatusOr<bool> Holds(const std::string& call, const Json& request);
  absl::Status Tell(const std::string& kind, const Json& request, std::string_view about);
  absl::Status TakeContainer(Json request);
  absl::StatusOr<Json> Without(const Json& request, const std::string& want,
                               const std::string& name);

  std::shared_ptr<const rego::Policy> policy_;
  const Json data_;
  std::shared_ptr<const PolicyState> state_;
  rego::Evaluator evaluator_;
  Learned learned_;
  Proposals proposals_;
};

absl::StatusOr<bool> Learner::Judge(const std::string& kind, const Json& request) {
  const std::string path = StrCat("data.agent_policy.", kind);
  if (policy_->FindEntry(path) < 0) return false;
  rego::Arena arena;
  ASSIGN_OR_RETURN(const std::string text, DumpJson(request));
  ASSIGN_OR_RETURN(const rego::Value input, rego::ValueFromJson(arena, text));
  ASSIGN_OR_RETURN(const rego::Value decision,
                   evaluator_.Evaluate(*policy_, path, input, state_->data()));
  if (!decision.defined() || decision.is_false()) return false;
  if (decision.is_true()) return true;
  ASSIGN_OR_RETURN(const Json said, ParseJson(rego::ToJson(decision)));
  if (!said.is_object() || said.value("allowed", Json()) != Json(true)) return false;
  if (!said.contains("ops")) return true;
  ASSIGN_OR_RETURN(const rego::Value ops, rego::ValueFromJson(arena, said.at("ops").dump()));
  ASSIGN_OR_RETURN(state_, state_->Patched(ops));
  return true;
}

absl::StatusOr<bool> Learner::Holds(const std::string& call, const Json& request) {
  ASSIGN_OR_RETURN(const auto query, policy_->Prepare(StrCat("data.agent_policy.", call)));
  rego::Arena arena;
  ASSIGN_OR_RETURN(const std::string text, DumpJson(request));
  ASSIGN_OR_RETURN(const rego::Value input, rego::ValueFromJson(arena, text));
  ASSIGN_OR_RETURN(const auto solutions, evaluator_.Evaluate(*query, input, state_->data()));
  return !solutions.empty();
}

absl::Status Learner::Tell(const std::string& kind, const Json& request, std::string_view about) {
  rego::Arena arena;
  ASSIGN_OR_RETURN(const std::string text, DumpJson(request));
  ASSIGN_OR_RETURN(const rego::Value input, rego::ValueFromJson(arena, text));
  ASSIGN_OR_RETURN(const rego::Explanation why,
                   rego::Explain(evaluator_, *policy_, StrCat("data.agent_policy.", kind), input,
                                 state_->data()));
  proposals_.Tell(about, why.text);
  return absl::OkStatus();
}

// The request without the parts the rules do not know, which are proposed.
absl::StatusOr<Json> Learner::Without(const Json& request, const std::string& want,
                                      const std::string& name) {
  Json out = request;
  Json& oci = out["OCI"];
  auto filter = [&](Json& list, auto holds, auto propose) -> absl::Status {
    Json kept = Json::array();
    for (const Json& one : list) {
      ASSIGN_OR_RETURN(const std::string text, DumpJson(one));
      ASSIGN_OR_RETURN(const bool known, Holds(holds(text), request));
      if (known) {
        kept.push_back(one);
      } else {
        propose(one);
      }
    }
    list = kept;
    return absl::OkStatus();
  };
  if (oci["Process"].contains("Env")) {
    RETURN_IF_ERROR(filter(
        oci["Process"]["Env"],
        [&](const std::string& text) { return StrCat("allow_variable(", want, ", ", text, ")"); },
        [&](const Json& entry) {
          const std::string text = TextOf(entry);
          const size_t equals = std::min(text.find('='), text.size());
          const std::string_view value =
              std::string_view(text).substr(std::min(equals + 1, text.size()));
          const std::string variable = text.substr(0, equals);
          if (MemberOf(MemberOf(Containers(), name), "env").contains(variable)) {
            proposals_.Tell(StrCat("container ", name, ": variable ", variable,
                                   " had another value than the workload's"));
          } else {
            proposals_.AddVariable(name, variable, value);
          }
        }));
  }
  if (oci.contains("Mounts")) {
    RETURN_IF_ERROR(filter(
        oci["Mounts"],
        [&](const std::string& text) { return StrCat("allow_mount(", want, ", ", text, ")"); },
        [&](const Json& mount) { proposals_.AddMount(name, mount); }));
  }
  Json annotations = Json::object();
  const Json given = MemberOf(oci, "Annotations");
  for (const auto& [key, value] : given.items()) {
    const std::string call =
        StrCat("allow_annotation(", want, ", ", Quoted(key), ", ", Quoted(TextOf(value)), ")");
    ASSIGN_OR_RETURN(const bool known, Holds(call, request));
    if (known) annotations[key] = value;
    if (!known && !key.starts_with("io.kubernetes.cri.")) proposals_.AddAnnotation(key);
  }
  oci["Annotations"] = annotations;
  if (oci.contains("Linux") && oci["Linux"].is_object()) {
    Json sysctls = Json::object();
    const Json asked = MemberOf(oci["Linux"], "Sysctl");
    for (const auto& [key, value] : asked.items()) {
      if (MemberOf(MemberOf(data_, "sysctls"), key) == value) {
        sysctls[key] = value;
      } else {
        proposals_.AddSysctl(name, key, TextOf(value));
      }
    }
    oci["Linux"]["Sysctl"] = sysctls;
  }
  return out;
}

absl::Status Learner::TakeContainer(Json request) {
  const std::string kind = "CreateContainerRequest";
  const Json& annotations = MemberOf(MemberOf(request, "OCI"), "Annotations");
  const bool pause = TextOf(MemberOf(annotations, "io.kubernetes.cri.container-type")) == "sandbox";
  const Json& named = MemberOf(annotations, "io.kubernetes.cri.container-name");
  const std::string name = TextOf(named.is_null() ? MemberOf(data_, "only") : named);
  if (!pause && !Containers().contains(name)) {
    proposals_.Tell(StrCat("a container '", name, "', which the workload does not have"));
    return absl::OkStatus();
  }
  const std::string want =
      pause ? "data.agent_policy.policy_data.pause"
            : StrCat("data.agent_policy.policy_data.containers[", Quoted(name), "]");
  ASSIGN_OR_RETURN(const Json rest, Without(request, want, pause ? "(pause)" : name));
  ASSIGN_OR_RETURN(const bool allowed, Judge(kind, rest));
  if (allowed) return absl::OkStatus();
  return Tell(kind, rest, StrCat("container ", pause ? "(pause)" : name, " is another one"));
}

absl::Status Learner::Take(const std::string& kind, const Json& request) {
  ASSIGN_OR_RETURN(const bool allowed, Judge(kind, request), kind);
  ++(allowed ? learned_.allowed : learned_.refused);
  if (allowed) return absl::OkStatus();
  const auto& switched = SwitchedRequests();
  if (std::find(switched.begin(), switched.end(), kind) != switched.end()) {
    proposals_.AddRequest(kind);
    return absl::OkStatus();
  }
  if (kind == "CreateContainerRequest" && request.contains("OCI") && request["OCI"].is_object() &&
      request["OCI"].contains("Process") && request["OCI"]["Process"].is_object()) {
    return TakeContainer(request);
  }
  if (kind == "ExecProcessRequest" && request.contains("process") &&
      request["process"].is_object()) {
    const Json& command = MemberOf(request["process"], "Args");
    bool ours = false;
    for (const Json& container : Containers()) {
      for (const Json& known : MemberOf(container, "exec")) ours |= known == command;
    }
    if (!ours && command.is_array() && !command.empty()) {
      proposals_.AddCommand(command);
      return absl::OkStatus();
    }
  }
  return Tell(kind, request, StrCat(kind, " does not fit its rule"));
}

}  // namespace

absl::StatusOr<Learned> LearnSettings(std::string_view policy, std::string_view log) {
  ASSIGN_OR_RETURN(Json data, ReadPolicyData(policy));
  if (!data.contains("containers") || !data["containers"].is_object())
    return absl::InvalidArgumentError("policy_data has no containers");
  ASSIGN_OR_RETURN(auto compiled, rego::Policy::Compile({{"policy.rego", std::string(policy)}}));
  Learner learner(std::move(compiled), std::move(data));
  for (std::string_view line : StrSplit(log, '\n')) {
    const size_t brace = line.find('{');
    if (brace == line.npos) continue;
    const auto json = ParseJson(StripSpace(line.substr(brace)));
    if (!json.ok() || !json->is_object() || !json->contains("kind") || !json->contains("request") ||
        !json->at("kind").is_string()) {
      continue;
    }
    Json request = json->at("request");
    if (request.is_string()) {
      auto inner = ParseJson(request.get<std::string>());
      if (!inner.ok()) continue;
      request = *std::move(inner);
    }
    RETURN_IF_ERROR(learner.Take(json->at("kind").get<std::string>(), request));
  }
  if (learner.empty())
    return absl::InvalidArgumentError("the log holds no requests ({\"kind\", \"request\"} a line)");
  return learner.Result();
}

}  // namespace nacre::policy
