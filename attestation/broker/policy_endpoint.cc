#include "attestation/broker/policy_endpoint.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kAttestation = "/kbs/v0/attestation-policy";
constexpr std::string_view kResource = "/kbs/v0/resource-policy";

Answer BadPolicy(const Call& call, std::string_view why) {
  return Refuse({400, "ParsePolicyError", "bad-policy", std::string(why), ""}, call.origin.id);
}

Answer Failed(const Call& call, const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) return BadPolicy(call, Message(status));
  if (!absl::IsNotFound(status)) return RefuseFailure(status, call.origin.id);
  return Refuse({404, "NotFound", "not-found", std::string(Message(status)), ""}, call.origin.id);
}

struct Upload {
  std::string id;
  std::string text;
};

absl::StatusOr<Upload> ReadUpload(std::string_view body) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(body, {.max_size = 2 << 20, .max_depth = 4}));
  Upload upload;
  ASSIGN_OR_RETURN(std::string encoded, JsonString(json, "policy", "policy upload"));
  while (encoded.ends_with('=')) encoded.pop_back();
  ASSIGN_OR_RETURN(const Bytes text, Base64UrlDecode(encoded), "policy upload: policy");
  upload.text = AsText(text);
  if (json.contains("type")) {
    ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", "policy upload"));
    if (type != "rego") return absl::InvalidArgumentError("policy upload: type is not rego");
  }
  if (json.contains("policy_id")) {
    ASSIGN_OR_RETURN(upload.id, JsonString(json, "policy_id", "policy upload"));
  }
  return upload;
}

Answer Set(BrokerContext& context, const Call& call, PolicyKind kind, std::string_view name,
           const Change& change) {
  auto upload = ReadUpload(call.request.body);
  if (!upload.ok()) return BadPolicy(call, Message(upload.status()));
  const bool attestation = kind == PolicyKind::kAttestation;
  const std::string_view id = attestation ? std::string_view(upload->id) : name;
  const absl::Status set = context.policies->Set(kind, id, upload->text, change);
  if (!set.ok()) return Failed(call, set);
  Answer answer = JsonAnswer("{}");
  answer.summary = StrCat(attestation ? "attestation" : "resource", " policy '", id, "' set");
  return answer;
}

Answer List(BrokerContext& context, const Call& call, PolicyKind kind) {
  const auto policies = context.policies->List(kind);
  if (!policies.ok()) return Failed(call, policies.status());
  Json list = Json::array();
  for (const StoredPolicy& policy : *policies) {
    list.push_back({{"id", policy.name}, {"updated_at", policy.updated_at}});
  }
  auto text = DumpJson({{"policies", std::move(list)}});
  return text.ok() ? JsonAnswer(*std::move(text)) : Failed(call, text.status());
}

Answer One(BrokerContext& context, const Call& call, PolicyKind kind, std::string_view name,
           const Change& change) {
  if (call.request.method == "DELETE") {
    const absl::Status removed = context.policies->Remove(kind, name, change);
    if (!removed.ok()) return Failed(call, removed);
    Answer answer = JsonAnswer("{}");
    answer.summary = StrCat("policy '", name, "' deleted");
    return answer;
  }
  auto text = context.policies->Text(kind, name);
  if (!text.ok()) return Failed(call, text.status());
  return {.response = net::MakeResponse(200, "text/plain; charset=utf-8", *std::move(text)),
          .code = {},
          .summary = {}};
}

}  // namespace

std::optional<Answer> HandlePolicies(BrokerContext& context, const Call& call,
                                     const Change& change) {
  const std::string_view path = call.request.path;
  const bool attestation = path.starts_with(kAttestation);
  if (!attestation && !path.starts_with(kResource)) return std::nullopt;
  const PolicyKind kind = attestation ? PolicyKind::kAttestation : PolicyKind::kResource;
  std::string_view rest = path.substr((attestation ? kAttestation : kResource).size());
  if (!rest.empty() && !rest.starts_with('/')) return std::nullopt;
  const bool all = rest.empty();
  if (!all) rest.remove_prefix(1);
  const std::string& method = call.request.method;
  const bool whole_resource = all && !attestation;
  if (method == "POST" && (all || !attestation)) return Set(context, call, kind, rest, change);
  if (method == "GET" && all) return List(context, call, kind);
  if (method == "DELETE" && whole_resource) return One(context, call, kind, "", change);
  if (!all && (method == "GET" || method == "DELETE")) {
    return One(context, call, kind, rest, change);
  }
  return MethodNotAllowed(attestation && !all ? "GET, DELETE" : "GET, POST, DELETE",
                          call.origin.id);
}

}  // namespace nacre::attestation
