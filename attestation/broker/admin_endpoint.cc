#include "attestation/broker/admin_endpoint.h"

#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "net/url.h"

namespace nacre::attestation {
namespace {

Answer BadRequest(const Call& call, std::string_view code, const absl::Status& status) {
  return Refuse({400, "MalformedRequest", std::string(code), std::string(status.message()), ""},
                call.origin.id);
}

// Unlike a guest, the owner is told what it was.
Answer Failed(const Call& call, const absl::Status& status) {
  if (!absl::IsNotFound(status)) return RefuseFailure(status, call.origin.id);
  return Refuse({404, "NotFound", "not-found", std::string(status.message()), ""}, call.origin.id);
}

// OK and owner's mistakes become answers; what is neither is a failure of ours.
Answer Done(const Call& call, const absl::Status& status, std::string summary) {
  if (!status.ok()) return Failed(call, status);
  Answer answer = JsonAnswer("{}");
  answer.summary = std::move(summary);
  return answer;
}

Answer Dump(const Call& call, const Json& json) {
  auto text = DumpJson(json);
  return text.ok() ? JsonAnswer(*std::move(text)) : Failed(call, text.status());
}

Change ChangeOf(const BrokerContext& context, const Call& call) {
  return {.actor = context.config.admin_issuer,
          .peer = call.origin.peer,
          .request = call.origin.id,
          .time = call.origin.time};
}

Answer PutResource(BrokerContext& context, const Call& call, std::string_view path_text) {
  auto path = ParseResourcePath(path_text);
  if (!path.ok()) return BadRequest(call, "bad-path", path.status());
  if (call.request.body.size() > context.config.max_resource_size) {
    return Refuse({413, "PayloadTooLarge", "too-large",
                   "a resource may have at most " +
                       std::to_string(context.config.max_resource_size) + " bytes",
                   ""},
                  call.origin.id);
  }
  return Done(
      call,
      context.store->PutResource(path->Text(), AsBytes(call.request.body), ChangeOf(context, call)),
      "resource " + path->Text() + " set");
}

Answer DeleteResource(BrokerContext& context, const Call& call, std::string_view path_text) {
  auto path = ParseResourcePath(path_text);
  if (!path.ok()) return BadRequest(call, "bad-path", path.status());
  return Done(call, context.store->DeleteResource(path->Text(), ChangeOf(context, call)),
              "resource " + path->Text() + " deleted");
}

Answer ListResources(BrokerContext& context, const Call& call) {
  auto paths = context.store->ListResources();
  if (!paths.ok()) return Failed(call, paths.status());
  return Dump(call, {{"resources", *paths}});
}

Answer RegisterReference(BrokerContext& context, const Call& call) {
  auto name = context.references->Register(call.request.body, ChangeOf(context, call));
  if (absl::IsInvalidArgument(name.status())) {
    return BadRequest(call, "bad-reference", name.status());
  }
  if (!name.ok()) return Failed(call, name.status());
  Answer answer = Dump(call, {{"name", *name}});
  answer.summary = "reference value " + *name + " registered";
  return answer;
}

Answer ListReferences(BrokerContext& context, const Call& call) {
  auto references = context.store->ListReferences();
  if (!references.ok()) return Failed(call, references.status());
  Json list = Json::array();
  for (const StoredReference& reference : *references) {
    list.push_back({{"name", reference.name}, {"registered_at", reference.registered_at}});
  }
  return Dump(call, {{"reference-values", std::move(list)}});
}

Answer OneReference(BrokerContext& context, const Call& call, std::string_view encoded_name) {
  auto name = net::PercentDecode(encoded_name);
  if (!name.ok()) return BadRequest(call, "bad-path", name.status());
  if (call.request.method == "DELETE") {
    return Done(call, context.references->Remove(*name, ChangeOf(context, call)),
                "reference value " + *name + " deleted");
  }
  auto reference = context.store->GetReference(*name);
  if (!reference.ok()) return Failed(call, reference.status());
  return JsonAnswer(std::move(reference->document));
}

Answer GetAttestation(BrokerContext& context, const Call& call, std::string_view id) {
  auto row = id == "last" ? context.store->LastLog() : context.store->GetLog(id);
  if (!row.ok()) return Failed(call, row.status());
  auto detail = ParseJson(row->detail);
  if (!detail.ok()) return Failed(call, detail.status());
  (*detail)["code"] = row->code;
  (*detail)["summary"] = row->summary;
  return Dump(call, *detail);
}

// What follows `prefix` in `path`, when it starts with it.
std::optional<std::string_view> After(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return std::nullopt;
  return path.substr(prefix.size());
}

std::optional<Answer> Dispatch(BrokerContext& context, const Call& call) {
  const std::string& method = call.request.method;
  const std::string& path = call.request.path;
  if (auto resource = After(path, "/kbs/v0/resource/")) {
    if (method == "POST") return PutResource(context, call, *resource);
    if (method == "DELETE") return DeleteResource(context, call, *resource);
    return std::nullopt;
  }
  if (path == "/kbs/v0/reference-value") {
    if (method == "POST") return RegisterReference(context, call);
    if (method == "GET") return ListReferences(context, call);
    return std::nullopt;
  }
  if (auto name = After(path, "/kbs/v0/reference-value/")) {
    if (method == "GET" || method == "DELETE") return OneReference(context, call, *name);
    return std::nullopt;
  }
  if (method != "GET") return std::nullopt;
  if (path == "/kbs/v0/admin/resources") return ListResources(context, call);
  if (auto id = After(path, "/kbs/v0/admin/attestations/")) {
    return GetAttestation(context, call, *id);
  }
  return std::nullopt;
}

bool IsAdminPath(const net::HttpServerRequest& request) {
  std::string_view path = request.path;
  return path.starts_with("/kbs/v0/admin/") || path.starts_with("/kbs/v0/reference-value") ||
         (path.starts_with("/kbs/v0/resource/") && request.method != "GET");
}

}  // namespace

std::optional<Answer> HandleAdmin(BrokerContext& context, const Call& call) {
  if (!IsAdminPath(call.request)) return std::nullopt;
  absl::Status allowed =
      VerifyAdminToken(BearerToken(call.request.Header("Authorization")), context.admin_key,
                       context.config.admin_issuer, call.origin.time);
  if (!allowed.ok()) {
    bool genuine = absl::IsPermissionDenied(allowed);
    return Refuse({genuine ? 403 : 401, "AdminAuthAccess", "not-admin", "this needs an admin token",
                   std::string(allowed.message())},
                  call.origin.id);
  }
  return Dispatch(context, call);
}

}  // namespace nacre::attestation
