// Two requests that both change the state must not both be judged by the state before either. But a
// request is done only when its handler is, which may take as long as pulling an image, and nobody
// else should wait for that. So there is one turn: a decision with operations takes it and keeps it
// until its permit goes; another such decision waits for the turn and is then taken anew. Decisions
// that change nothing never wait; they see the state of the requests that have succeeded.

#include "policy/gate/request_policy.h"

#include <google/protobuf/message.h>

#include <utility>

#include "base/strings.h"
#include "policy/gate/request_json.h"
#include "policy/rego/explain.h"

namespace nacre::policy {
namespace {

constexpr std::string_view kPackage = "data.agent_policy";
constexpr size_t kInputBudget = size_t{96} << 20;  // the largest ttrpc message, all of it bytes
constexpr size_t kInputKept = size_t{256} << 10;

rego::EvaluateOptions Limits() {
  rego::EvaluateOptions options;
  options.budget.steps = 20'000'000;
  options.budget.memory = size_t{64} << 20;
  options.budget.depth = 1024;
  return options;
}

absl::StatusOr<std::shared_ptr<const rego::Policy>> CompileEither(std::string_view text) {
  const std::vector<rego::ModuleSource> modules = {{std::string(kPolicyKey), std::string(text)}};
  auto v1 = rego::Policy::Compile(modules);
  if (v1.ok()) return v1;
  auto v0 = rego::Policy::Compile(modules, {.v1 = false});
  return v0.ok() ? std::move(v0) : std::move(v1);
}

absl::StatusOr<std::shared_ptr<const rego::Policy>> CompileChecked(std::string_view text) {
  ASSIGN_OR_RETURN(auto policy, CompileEither(text));
  if (policy->FindEntry(kPackage) < 0)
    return absl::InvalidArgumentError(
        StrCat(kPolicyKey, ": no rule in package agent_policy, so nothing could be allowed"));
  const int32_t override_entry = policy->FindEntry(StrCat(kPackage, ".AllowRequestsFailingPolicy"));
  if (override_entry < 0) return policy;
  rego::Evaluator evaluator;
  ASSIGN_OR_RETURN(const rego::Value wanted,
                   evaluator.Evaluate(*policy, override_entry, rego::Value::EmptyObject(),
                                      PolicyState::Empty()->data(), Limits()));
  if (wanted.defined() && !wanted.is_false())
    return absl::InvalidArgumentError(StrCat(
        kPolicyKey, ": AllowRequestsFailingPolicy: this agent has no override of its policy"));
  return policy;
}

// The last place up to kMaxExplanation where a character begins.
size_t EndOfText(std::string_view explanation) {
  size_t end = kMaxExplanation;
  while (end > 0 && (explanation[end] & 0xc0) == 0x80) --end;
  return end;
}

}  // namespace

RequestPolicy::RequestPolicy() : state_(PolicyState::Empty()), input_(kInputBudget) {}
RequestPolicy::~RequestPolicy() = default;

absl::StatusOr<std::unique_ptr<RequestPolicy>> RequestPolicy::FromInitdata(
    const std::map<std::string, std::string, std::less<>>& data) {
  const auto text = data.find(kPolicyKey);
  if (text == data.end()) return std::make_unique<RequestPolicy>();
  return Compile(text->second);
}

absl::StatusOr<std::unique_ptr<RequestPolicy>> RequestPolicy::Compile(std::string_view text) {
  auto out = std::make_unique<RequestPolicy>();
  RETURN_IF_ERROR(out->Replace(text));
  return out;
}

absl::Status RequestPolicy::Replace(std::string_view text) {
  ASSIGN_OR_RETURN(auto policy, CompileChecked(text));
  const std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
  rules_.clear();
  state_ = PolicyState::Empty();
  ++generation_;
  return absl::OkStatus();
}

const RequestPolicy::Rule& RequestPolicy::RuleOf(std::string_view request_name) {
  const auto known = rules_.find(request_name);
  if (known != rules_.end()) return known->second;
  Rule rule{StrCat(kPackage, ".", request_name), -1};
  if (policy_ != nullptr) rule.entry = policy_->FindEntry(rule.path);
  return rules_.emplace(request_name, std::move(rule)).first->second;
}

bool RequestPolicy::NeverAllows(std::string_view request_name) {
  const std::lock_guard lock(mutex_);
  const Rule& rule = RuleOf(request_name);
  if (rule.entry < 0) return true;
  const rego::Group& group = policy_->program().groups[static_cast<size_t>(rule.entry)];
  if (group.kind != rego::Group::Kind::kComplete || !group.clauses.empty()) return false;
  const auto constant = evaluator_.Evaluate(*policy_, rule.entry, {}, {}, Limits());
  return !constant.ok() || !constant->defined() || constant->is_false();
}

absl::StatusOr<RequestPolicy::Permit> RequestPolicy::Check(const google::protobuf::Message& request,
                                                           const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    Outcome outcome = Decide(request);
    if (!outcome.allowed) return Deny(request.GetDescriptor()->name(), std::move(outcome.why_not));
    Permit permit;
    if (outcome.next == nullptr) return permit;
    if (!turn_taken_) {
      turn_taken_ = true;
      permit.policy_ = this;
      permit.next_ = std::move(outcome.next);
      permit.generation_ = generation_;
      return permit;
    }
    if (!turn_free_.wait(lock, stop, [&] { return !turn_taken_; }))
      return absl::CancelledError("stopped while another request changes the policy's state");
  }
}

RequestPolicy::Outcome RequestPolicy::Decide(const google::protobuf::Message& request) {
  if (policy_ == nullptr) return {false, nullptr, "initdata holds no policy.rego"};
  const Rule& rule = RuleOf(request.GetDescriptor()->name());
  if (rule.entry < 0) return {false, nullptr, StrCat("the policy has no rule ", rule.path)};
  input_.Reset(kInputKept);
  const auto input = RequestInput(input_, request);
  if (!input.ok()) return {false, nullptr, std::string(Message(input.status()))};
  const auto decision = evaluator_.Evaluate(*policy_, rule.entry, *input, state_->data(), Limits());
  if (!decision.ok()) return {false, nullptr, std::string(Message(decision.status()))};
  Outcome outcome = Judge(*decision, rule.path);
  if (!outcome.allowed && outcome.why_not.empty()) outcome.why_not = Explain(rule.path, *input);
  return outcome;
}

// Without a `why_not` of its own, a denial is the policy's regular one.
RequestPolicy::Outcome RequestPolicy::Judge(const rego::Value& decision, const std::string& rule) {
  if (!decision.defined()) return {};
  if (decision.is_bool()) return {decision.boolean(), nullptr, ""};
  const rego::Value allowed = decision.Get("allowed");
  if (!allowed.is_bool()) {
    return {false, nullptr,
            StrCat(rule, " gave ", KindName(decision.kind()),
                   ", expected a boolean or an object with the boolean 'allowed'")};
  }
  const rego::Value ops = decision.Get("ops");
  const bool changes = ops.defined() && !ops.is_null() && !(ops.is_array() && ops.size() == 0);
  if (!allowed.boolean() || !changes) return {allowed.boolean(), nullptr, ""};
  auto next = state_->Patched(ops);
  if (!next.ok()) return {false, nullptr, StrCat(rule, ": ", Message(next.status()))};
  return {true, *std::move(next), ""};
}

std::string RequestPolicy::Explain(const std::string& rule, const rego::Value& input) {
  const auto explained = rego::Explain(evaluator_, *policy_, rule, input, state_->data(), Limits());
  return explained.ok() ? explained->text : std::string(Message(explained.status()));
}

absl::Status RequestPolicy::Deny(std::string_view request_name, std::string explanation) {
  if (explanation.size() > kMaxExplanation) explanation.resize(EndOfText(explanation));
  if (denials_.size() == kKeptDenials) denials_.pop_front();
  denials_.push_back({++denials_ever_, std::string(request_name), std::move(explanation)});
  return absl::PermissionDeniedError(
      StrCat("policy denied ", request_name, " (id ", denials_ever_, ")"));
}

std::vector<Denial> RequestPolicy::Denials(uint64_t after) const {
  const std::lock_guard lock(mutex_);
  auto first = denials_.begin();  // ids count up
  while (first != denials_.end() && first->id <= after) ++first;
  return {first, denials_.end()};
}

RequestPolicy::Permit& RequestPolicy::Permit::operator=(Permit&& other) noexcept {
  std::swap(policy_, other.policy_);
  std::swap(next_, other.next_);
  std::swap(generation_, other.generation_);
  return *this;
}

RequestPolicy::Permit::~Permit() {
  if (policy_ == nullptr) return;
  const std::lock_guard lock(policy_->mutex_);
  policy_->turn_taken_ = false;
  policy_->turn_free_.notify_all();
}

void RequestPolicy::Permit::Commit() {
  if (policy_ == nullptr) return;
  const std::lock_guard lock(policy_->mutex_);
  // A new policy has begun with a state of its own.
  if (generation_ == policy_->generation_) policy_->state_ = std::move(next_);
}

}  // namespace nacre::policy
