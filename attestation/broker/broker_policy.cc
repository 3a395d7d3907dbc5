// query_reference_value is a function of the host, and what it answers belongs to one evaluation.
// The engine knows functions by the policy they were compiled with, so the question goes through a
// pointer that is set for the length of an evaluation, on the thread that runs it.
#include "attestation/broker/broker_policy.h"

#include <cstdint>
#include <limits>

#include "attestation/broker/default_policies.h"
#include "base/strings.h"
#include "policy/rego/builtin.h"
#include "policy/rego/engine.h"
#include "policy/rego/explain.h"
#include "policy/rego/json.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kPackage = "data.policy";
constexpr size_t kMaxWhyNot = 8 << 10;
constexpr size_t kIdleWorkspaces = 16;
constexpr std::string_view kTrustNames[] = {"instance-identity", "configuration", "executables",
                                            "file-system",       "hardware",      "runtime-opaque",
                                            "storage-opaque",    "sourced-data"};

thread_local const ReferenceQuery* asked = nullptr;

class AskScope {
 public:
  explicit AskScope(const ReferenceQuery& query) { asked = &query; }
  ~AskScope() { asked = nullptr; }
};

absl::StatusOr<rego::Value> ToValue(rego::Arena& arena, const Json& json);

absl::StatusOr<rego::Value> ObjectToValue(rego::Arena& arena, const Json& json) {
  rego::ObjectBuilder builder(arena, json.size());
  for (const auto& [name, member] : json.items()) {
    ASSIGN_OR_RETURN(const rego::Value value, ToValue(arena, member));
    builder.Set(name, value);
  }
  return builder.Build();
}

absl::StatusOr<rego::Value> ArrayToValue(rego::Arena& arena, const Json& json) {
  rego::ArrayBuilder builder(arena, json.size());
  for (const Json& element : json) {
    ASSIGN_OR_RETURN(const rego::Value value, ToValue(arena, element));
    builder.Add(value);
  }
  return builder.Build();
}

// Depth is bounded where the JSON was parsed.
absl::StatusOr<rego::Value> ToValue(rego::Arena& arena, const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return rego::Value::Null();
    case Json::value_t::boolean:
      return rego::Value::Bool(json.get<bool>());
    case Json::value_t::string:
      return rego::Value::String(arena, json.get_ref<const std::string&>());
    case Json::value_t::object:
      return ObjectToValue(arena, json);
    case Json::value_t::array:
      return ArrayToValue(arena, json);
    case Json::value_t::number_integer:
      return rego::Value::Int(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX) break;
      return rego::Value::Int(json.get<int64_t>());
    default:
      break;
  }
  ASSIGN_OR_RETURN(std::string text, DumpJson(json));
  return rego::ValueFromJson(arena, text);
}

absl::StatusOr<rego::Value> TrustContext(rego::Arena& arena, const Json& trust,
                                         const rego::Value& claims) {
  rego::ObjectBuilder builder(arena, trust.size());
  for (const auto& [name, member] : trust.items()) {
    ASSIGN_OR_RETURN(rego::Value value, ToValue(arena, member));
    if (name == "attestation_summary") {
      rego::ObjectBuilder summary(arena, member.size() + 1);
      for (const rego::Member& part : value.members()) summary.Set(part.key, part.value);
      summary.Set("claims", claims);
      value = summary.Build();
    }
    builder.Set(name, value);
  }
  return builder.Build();
}

// Values do not change, so the claims need not be there twice.
absl::StatusOr<rego::Value> ResourceInput(rego::Arena& arena, const Json& token,
                                          const Json& trust) {
  ASSIGN_OR_RETURN(const rego::Value claims, ToValue(arena, token));
  if (trust.is_null() || !claims.is_object()) return claims;
  ASSIGN_OR_RETURN(const rego::Value context, TrustContext(arena, trust, claims));
  rego::ObjectBuilder builder(arena, token.size() + 1);
  for (const rego::Member& claim : claims.members()) builder.Set(claim.key, claim.value);
  builder.Set("trust_context", context);
  return builder.Build();
}

absl::StatusOr<rego::Value> QueryReferenceValue(rego::BuiltinContext& context,
                                                std::span<const rego::Value> args) {
  RETURN_IF_ERROR(rego::WantKind(args, 1, rego::Kind::kString));
  if (asked == nullptr) return rego::Value::Null();
  const Json value = (*asked)(args[0].string());
  RETURN_IF_ERROR(context.Step(1 + value.size()));
  return ToValue(context.arena(), value);
}

const rego::BuiltinRegistry& Builtins() {
  static const rego::BuiltinRegistry* const registry = [] {
    auto* all = new rego::BuiltinRegistry(rego::StandardBuiltins());
    all->Register({.name = "query_reference_value",
                   .args = {rego::kString},
                   .result = rego::kAny,
                   .function = QueryReferenceValue,
                   .relation = false,
                   .nondeterministic = true});
    return all;
  }();
  return *registry;
}

rego::EvaluateOptions Limits() {
  rego::EvaluateOptions options;
  options.budget.steps = 2'000'000;
  options.budget.memory = size_t{32} << 20;
  options.budget.depth = 512;
  return options;
}

absl::StatusOr<std::shared_ptr<const rego::Policy>> CompileEither(const std::string& name,
                                                                  std::string_view text) {
  const std::vector<rego::ModuleSource> modules = {{name, std::string(text)}};
  auto v1 = rego::Policy::Compile(modules, {.v1 = true, .builtins = &Builtins()});
  if (v1.ok()) return v1;
  auto v0 = rego::Policy::Compile(modules, {.v1 = false, .builtins = &Builtins()});
  return v0.ok() ? std::move(v0) : std::move(v1);
}

absl::StatusOr<Json> ToJsonTree(const rego::Value& value) {
  return ParseJson(rego::ToJson(value), {.max_size = 64 << 10, .max_depth = 16});
}

// All eight names; those the policy leaves out are 0, "no claim".
absl::StatusOr<Json> TrustVector(const rego::Value& claims) {
  if (!claims.is_object()) return absl::FailedPreconditionError("it gives no trust_claims");
  Json vector = Json::object();
  for (const std::string_view name : kTrustNames) vector[std::string(name)] = 0;
  for (const rego::Member& claim : claims.members()) {
    const std::string name(claim.key.is_string() ? claim.key.string() : "");
    if (!vector.contains(name)) {
      return absl::FailedPreconditionError(StrCat("trust_claims: '", name, "' is no AR4SI name"));
    }
    if (!claim.value.is_small() || claim.value.small() < -128 || claim.value.small() > 127) {
      return absl::FailedPreconditionError(
          StrCat("trust_claims: '", name, "' is no integer of -128 to 127"));
    }
    vector[name] = claim.value.small();
  }
  return vector;
}

// [{"name","key","value"}...] as members of the EAR; the numeric keys are CBOR's.
absl::StatusOr<Json> Extensions(const rego::Value& list) {
  Json out = Json::object();
  if (!list.is_array()) return out;
  ASSIGN_OR_RETURN(const Json json, ToJsonTree(list), "extensions");
  for (const Json& extension : json) {
    ASSIGN_OR_RETURN(const std::string name, JsonString(extension, "name", "extensions"));
    ASSIGN_OR_RETURN(const Json* value, JsonMember(extension, "value", "extensions"));
    const bool reserved = name == "ear.status" || name == "ear.trustworthiness-vector" ||
                          name == "ear.appraisal-policy-id" || name.starts_with("ear.veraison.");
    if (reserved) return absl::FailedPreconditionError("extensions: '" + name + "' is the EAR's");
    out[name] = *value;
  }
  return out;
}

std::string Cut(std::string text) {
  if (text.size() <= kMaxWhyNot) return text;
  size_t end = kMaxWhyNot;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace

// What one evaluation needs, kept so that its memory is allocated once.
struct BrokerPolicy::Workspace {
  rego::Arena input{size_t{32} << 20};
  rego::Evaluator evaluator;
};

class BrokerPolicy::Lease {
 public:
  explicit Lease(const BrokerPolicy& policy) : policy_(policy) {
    std::lock_guard lock(policy.mutex_);
    if (!policy.idle_.empty()) {
      workspace_ = std::move(policy.idle_.back());
      policy.idle_.pop_back();
    }
    if (workspace_ == nullptr) workspace_ = std::make_unique<Workspace>();
  }
  ~Lease() {
    workspace_->input.Reset(size_t{64} << 10);
    std::lock_guard lock(policy_.mutex_);
    if (policy_.idle_.size() < kIdleWorkspaces) policy_.idle_.push_back(std::move(workspace_));
  }
  Workspace* operator->() { return workspace_.get(); }

 private:
  const BrokerPolicy& policy_;
  std::unique_ptr<Workspace> workspace_;
};

BrokerPolicy::BrokerPolicy(std::string name, std::shared_ptr<const rego::Policy> policy)
    : name_(std::move(name)), policy_(std::move(policy)) {}
BrokerPolicy::~BrokerPolicy() = default;

absl::StatusOr<std::shared_ptr<const BrokerPolicy>> BrokerPolicy::Compile(PolicyKind kind,
                                                                          std::string name,
                                                                          std::string_view text) {
  if (text.size() > kMaxPolicySize) {
    return absl::InvalidArgumentError(
        StrCat(name, ": ", text.size(), " bytes, at most ", kMaxPolicySize));
  }
  ASSIGN_OR_RETURN(auto compiled, CompileEither(name, text));
  const std::string_view rule = kind == PolicyKind::kAttestation ? "trust_claims" : "allow";
  std::shared_ptr<BrokerPolicy> policy(new BrokerPolicy(name, std::move(compiled)));
  policy->entry_ = policy->policy_->FindEntry(StrCat(kPackage, ".", rule));
  if (policy->entry_ < 0) {
    return absl::InvalidArgumentError(
        StrCat(name, ":1:1: there is no rule '", rule, "' in package policy"));
  }
  policy->extensions_ = policy->policy_->FindEntry(StrCat(kPackage, ".extensions"));
  return policy;
}

absl::StatusOr<TrustClaims> BrokerPolicy::Judge(const Json& evidence,
                                                const ReferenceQuery& references) const {
  const AskScope scope(references);
  Lease work(*this);
  TrustClaims out;
  const std::string where = StrCat("policy '", name_, "'");
  ASSIGN_OR_RETURN(const rego::Value input, ToValue(work->input, evidence), where);
  ASSIGN_OR_RETURN(const rego::Value claims,
                   work->evaluator.Evaluate(*policy_, entry_, input, {}, Limits()), where);
  ASSIGN_OR_RETURN(out.vector, TrustVector(claims), where);
  if (extensions_ < 0) return out;
  ASSIGN_OR_RETURN(const rego::Value extensions,
                   work->evaluator.Evaluate(*policy_, extensions_, input, {}, Limits()), where);
  ASSIGN_OR_RETURN(out.extensions, Extensions(extensions), where);
  return out;
}

BrokerPolicy::Decision BrokerPolicy::Decide(const Json& token, const Json& data,
                                            const ReferenceQuery& references,
                                            const Json& trust) const {
  const AskScope scope(references);
  Lease work(*this);
  const auto input = ResourceInput(work->input, token, trust);
  if (!input.ok()) return {.allowed = false, .why_not = std::string(Message(input.status()))};
  const auto base = ToValue(work->input, data);
  if (!base.ok()) return {.allowed = false, .why_not = std::string(Message(base.status()))};
  const auto value = work->evaluator.Evaluate(*policy_, entry_, *input, *base, Limits());
  if (!value.ok()) return {.allowed = false, .why_not = std::string(Message(value.status()))};
  if (value->is_true()) return {.allowed = true, .why_not = {}};
  const auto why =
      rego::Explain(work->evaluator, *policy_, StrCat(kPackage, ".allow"), *input, *base, Limits());
  return {.allowed = false,
          .why_not = why.ok() ? Cut(why->text) : std::string(Message(why.status()))};
}

std::string_view DefaultAttestationPolicy() { return kDefaultCpuPolicy; }
std::string_view DefaultResourcePolicy() { return kDefaultResourcePolicy; }

}  // namespace nacre::attestation
