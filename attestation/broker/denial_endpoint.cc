#include "attestation/broker/denial_endpoint.h"

#include "attestation/broker/release_floor.h"
#include "attestation/broker/resource_endpoint.h"
#include "attestation/protocol/denials.h"
#include "base/strings.h"
#include "crypto/jwk.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kAdminPath = "/kbs/v0/admin/denials";
constexpr int64_t kMaxPage = 100;

Answer Refused(const Call& call, int status, std::string_view variant, std::string_view code,
               std::string detail, std::string_view summary = {}) {
  return Refuse(
      {status, std::string(variant), std::string(code), std::move(detail), std::string(summary)},
      call.origin.id);
}

absl::StatusOr<std::string> RecordOf(const GuestDenial& denial, const EarSummary& guest) {
  return DumpJson({{"request", denial.request},
                   {"explanation", denial.explanation},
                   {"attestation", guest.id},
                   {"tee", guest.tee},
                   {"reference", guest.reference}});
}

absl::StatusOr<int64_t> Keep(BrokerContext& context, const Call& call, const EarSummary& guest,
                             const std::string& thumbprint,
                             const std::vector<GuestDenial>& denials) {
  std::vector<NewDenial> records;
  for (const GuestDenial& denial : denials) {
    ASSIGN_OR_RETURN(std::string record, RecordOf(denial, guest));
    records.push_back({denial.id, std::move(record)});
  }
  return context.store->PutDenials(thumbprint, records, call.origin.time);
}

Answer Report(BrokerContext& context, const Call& call, const EarSummary& guest,
              RateLimiter& limiter, int64_t steady_ms) {
  const auto key = crypto::PublicKeyFromJwk(guest.tee_pubkey);
  if (!key.ok()) {  // one of ML-KEM, which cannot sign
    return Refused(call, 400, "MalformedRequest", "guest-key", "this guest's key cannot sign",
                   Message(key.status()));
  }
  const auto thumbprint = crypto::JwkThumbprint(*key);
  if (!thumbprint.ok()) return RefuseFailure(thumbprint.status(), call.origin.id);
  if (!limiter.Take(*thumbprint, steady_ms)) {
    return Refused(call, 429, "TooManyRequests", "rate-limited", "too many reports of this guest");
  }
  if (call.request.body.size() > kMaxDenialsMessage) {
    return Refused(call, 413, "PayloadTooLarge", "too-large",
                   StrCat("a report may have at most ", kMaxDenialsMessage, " bytes"));
  }
  const auto denials = ReadDenials(call.request.body, *key);
  if (absl::IsUnauthenticated(denials.status())) {
    return Refused(call, 401, "TokenVerifierError", "denials-signature",
                   "the report is not signed by the key that was attested",
                   Message(denials.status()));
  }
  if (!denials.ok()) {
    return Refused(call, 400, "MalformedRequest", "malformed",
                   std::string(Message(denials.status())));
  }
  const auto stored = Keep(context, call, guest, *thumbprint, *denials);
  if (!stored.ok()) return RefuseFailure(stored.status(), call.origin.id);
  Answer answer = JsonAnswer(StrCat("{\"stored\":", *stored, "}"));
  answer.summary = StrCat(*stored, " denials of guest ", *thumbprint, " stored");
  return answer;
}

struct Page {
  uint64_t after = 0;
  uint64_t limit = kMaxPage;
};

absl::StatusOr<Page> ParsePage(std::string_view query) {
  Page page;
  if (query.empty()) return page;
  for (const std::string_view part : StrSplit(query, '&')) {
    const size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    uint64_t* value = name == "after" ? &page.after : name == "limit" ? &page.limit : nullptr;
    const bool good = value != nullptr && equals < part.size() &&
                      ParseNumber(part.substr(equals + 1), value) && *value <= INT64_MAX;
    if (!good) return absl::InvalidArgumentError("the query has after=N and limit=N, or less");
  }
  if (page.limit == 0 || page.limit > kMaxPage) {
    return absl::InvalidArgumentError(StrCat("limit is 1 to ", kMaxPage));
  }
  return page;
}

absl::StatusOr<Json> Shown(const StoredDenial& denial) {
  ASSIGN_OR_RETURN(Json out, ParseJson(denial.record));
  out["sequence"] = denial.sequence;
  out["guest"] = denial.guest;
  out["id"] = denial.number;
  out["time"] = denial.time;
  return out;
}

absl::StatusOr<std::string> List(BrokerContext& context, const Change& change,
                                 std::string_view guest, const Page& page) {
  const auto limit = static_cast<int64_t>(page.limit);
  // One more than asked for, to know whether there are more.
  ASSIGN_OR_RETURN(
      std::vector<StoredDenial> denials,
      context.store->ListDenials(guest, static_cast<int64_t>(page.after), limit + 1, change.time));
  Json out = {{"denials", Json::array()}};
  const bool more = std::ssize(denials) > limit;
  if (more) denials.pop_back();
  for (const StoredDenial& denial : denials) {
    ASSIGN_OR_RETURN(Json shown, Shown(denial), StrCat("denial ", denial.sequence));
    out["denials"].push_back(std::move(shown));
  }
  if (more) out["next"] = denials.back().sequence;
  ASSIGN_OR_RETURN(const std::string detail,
                   DumpJson({{"after", page.after}, {"count", denials.size()}}));
  RETURN_IF_ERROR(
      context.store->Audit(change, "denials-read", guest.empty() ? "all" : guest, detail));
  return DumpJson(out);
}

}  // namespace

Answer HandleReportDenials(BrokerContext& context, const Call& call, RateLimiter& limiter,
                           int64_t steady_ms) {
  if (call.request.method != "POST") return MethodNotAllowed("POST", call.origin.id);
  Json claims;
  const auto guest = ReadGuestToken(context, call, &claims);
  if (absl::IsUnauthenticated(guest.status())) {
    return Refused(call, 401, "TokenNotFound", "not-attested", "attest first",
                   Message(guest.status()));
  }
  if (!guest.ok()) return RefuseFailure(guest.status(), call.origin.id);
  const FloorDecision floor =
      CheckFloor(*guest, {.allow_emulated = context.config.allow_emulated,
                          .require_affirming = context.config.require_affirming});
  if (!floor.allowed) {
    return Refused(call, 403, "PolicyDeny", floor.code, "this guest's reports are not taken",
                   floor.summary);
  }
  return Report(context, call, *guest, limiter, steady_ms);
}

std::optional<Answer> HandleDenialAdmin(BrokerContext& context, const Call& call,
                                        const Change& change) {
  std::string_view path = call.request.path;
  if (!path.starts_with(kAdminPath)) return std::nullopt;
  path.remove_prefix(kAdminPath.size());
  if (!path.empty() && (path[0] != '/' || path.size() == 1)) return std::nullopt;
  const std::string_view guest = path.empty() ? path : path.substr(1);
  if (call.request.method == "DELETE" && !guest.empty()) {
    const absl::Status deleted = context.store->DeleteDenials(guest, change);
    if (!deleted.ok()) return RefuseFailure(deleted, call.origin.id);
    Answer answer = JsonAnswer("{}");
    answer.summary = StrCat("denials of guest ", guest, " deleted");
    return answer;
  }
  if (call.request.method != "GET") {
    return MethodNotAllowed(guest.empty() ? "GET" : "GET, DELETE", call.origin.id);
  }
  const auto page = ParsePage(call.request.query);
  if (!page.ok()) {
    return Refused(call, 400, "MalformedRequest", "malformed", std::string(Message(page.status())));
  }
  auto list = List(context, change, guest, *page);
  return list.ok() ? JsonAnswer(*std::move(list)) : RefuseFailure(list.status(), call.origin.id);
}

}  // namespace nacre::attestation
