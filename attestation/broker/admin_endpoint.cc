#include "attestation/broker/admin_endpoint.h"

#include "attestation/broker/denial_endpoint.h"
#include "attestation/broker/policy_endpoint.h"
#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "crypto/x509.h"
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

Change ChangeOf(const Call& call) {
  return {.actor = call.actor,
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
  return Done(call,
              context.store->PutResource(path->Text(), AsBytes(call.request.body), ChangeOf(call)),
              "resource " + path->Text() + " set");
}

Answer DeleteResource(BrokerContext& context, const Call& call, std::string_view path_text) {
  auto path = ParseResourcePath(path_text);
  if (!path.ok()) return BadRequest(call, "bad-path", path.status());
  return Done(call, context.store->DeleteResource(path->Text(), ChangeOf(call)),
              "resource " + path->Text() + " deleted");
}

Answer ListResources(BrokerContext& context, const Call& call) {
  auto paths = context.store->ListResources();
  if (!paths.ok()) return Failed(call, paths.status());
  return Dump(call, {{"resources", *paths}});
}

Answer RegisterReference(BrokerContext& context, const Call& call) {
  auto names = context.references->Register(call.request.body, ChangeOf(call));
  if (absl::IsInvalidArgument(names.status())) {
    return BadRequest(call, "bad-reference", names.status());
  }
  if (absl::IsUnauthenticated(names.status())) {
    return BadRequest(call, "reference-signature", names.status());
  }
  if (!names.ok()) return Failed(call, names.status());
  Answer answer = Dump(call, {{"name", names->front()}, {"names", *names}});
  answer.summary = "reference value " + names->front() + " registered" +
                   (names->size() > 1 ? " and others" : "");
  return answer;
}

// "" while it counts.
std::string WhyNotCounted(const ReferenceView& view, const StoredReference& reference,
                          int64_t now) {
  const auto found = view.not_counted.find(reference.name);
  if (found != view.not_counted.end()) return found->second;
  if (reference.expires_at == 0 || now < reference.expires_at) return "";
  return "expired " + crypto::FormatTime(reference.expires_at);
}

Answer ListReferences(BrokerContext& context, const Call& call) {
  auto references = context.store->ListReferences();
  if (!references.ok()) return Failed(call, references.status());
  const auto view = context.references->All();
  if (!view.ok()) return Failed(call, view.status());
  Json list = Json::array();
  for (const StoredReference& reference : *references) {
    list.push_back({{"name", reference.name},
                    {"registered_at", reference.registered_at},
                    {"registered_by", reference.registered_by},
                    {"source_digest", reference.source_digest},
                    {"signer", reference.signer},
                    {"expires_at", reference.expires_at},
                    {"why_not_counted", WhyNotCounted(**view, reference, call.origin.time)}});
  }
  return Dump(call, {{"reference-values", std::move(list)}});
}

Answer OneReference(BrokerContext& context, const Call& call, std::string_view encoded_name) {
  auto name = net::PercentDecode(encoded_name);
  if (!name.ok()) return BadRequest(call, "bad-path", name.status());
  if (call.request.method == "DELETE") {
    return Done(call, context.references->Remove(*name, ChangeOf(call)),
                "reference value " + *name + " deleted");
  }
  auto reference = context.store->GetReference(*name);
  if (!reference.ok()) return Failed(call, reference.status());
  const auto view = context.references->All();
  if (!view.ok()) return Failed(call, view.status());
  // A document says itself until when it counts; a plain value could not.
  if (const auto expired = (*view)->ExpiredAt(*name, call.origin.time)) {
    return Failed(call, absl::NotFoundError("reference value " + *name + " expired " +
                                            crypto::FormatTime(*expired)));
  }
  auto shown = ReferenceCatalogue::Shown(*reference);
  return shown.ok() ? JsonAnswer(*std::move(shown)) : Failed(call, shown.status());
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
    return MethodNotAllowed("GET, POST, DELETE", call.origin.id);
  }
  if (path == "/kbs/v0/reference-value") {
    if (method == "POST") return RegisterReference(context, call);
    if (method == "GET") return ListReferences(context, call);
    return MethodNotAllowed("GET, POST", call.origin.id);
  }
  if (auto name = After(path, "/kbs/v0/reference-value/")) {
    if (method == "GET" || method == "DELETE") return OneReference(context, call, *name);
    return MethodNotAllowed("GET, DELETE", call.origin.id);
  }
  if (auto answer = HandlePolicies(context, call, ChangeOf(call))) return answer;
  if (auto answer = HandleDenialAdmin(context, call, ChangeOf(call))) return answer;
  const auto id = After(path, "/kbs/v0/admin/attestations/");
  if (path != "/kbs/v0/admin/resources" && !id) return std::nullopt;
  if (method != "GET") return MethodNotAllowed("GET", call.origin.id);
  return id ? GetAttestation(context, call, *id) : ListResources(context, call);
}

bool IsAdminPath(const net::HttpServerRequest& request) {
  std::string_view path = request.path;
  for (const char* prefix : {"/kbs/v0/admin/", "/kbs/v0/reference-value",
                             "/kbs/v0/attestation-policy", "/kbs/v0/resource-policy"}) {
    if (path.starts_with(prefix)) return true;
  }
  return path.starts_with("/kbs/v0/resource/") && request.method != "GET";
}

}  // namespace

std::optional<Answer> HandleAdmin(BrokerContext& context, const Call& call) {
  if (!IsAdminPath(call.request)) return std::nullopt;
  const net::HttpServerRequest& request = call.request;
  const std::string target =
      request.query.empty() ? request.path : request.path + "?" + request.query;
  auto identity = context.admins.Check({.bearer = BearerToken(request.Header("Authorization")),
                                        .certificate = request.client_certificate_sha256,
                                        .subject = request.client_subject},
                                       request.method, target, call.origin.time);
  if (!identity.ok()) {
    bool genuine = absl::IsPermissionDenied(identity.status());
    return Refuse({genuine ? 403 : 401, "AdminAuthAccess", "not-admin",
                   genuine ? "your role does not allow this" : "this needs an admin's credentials",
                   std::string(identity.status().message())},
                  call.origin.id);
  }
  return Dispatch(context, {call.request, call.origin, identity->name});
}

}  // namespace nacre::attestation
