#include "attestation/service/evaluate.h"

#include "attestation/broker/judgement.h"
#include "attestation/protocol/evidence.h"
#include "attestation/protocol/limits.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "tee/common/initdata.h"

namespace nacre::attestation {
namespace {

constexpr size_t kNonceSize = 32;

absl::StatusOr<crypto::HashAlgorithm> HashOf(std::string_view name) {
  if (name.empty() || name == "sha384") return crypto::HashAlgorithm::kSha384;
  if (name == "sha256") return crypto::HashAlgorithm::kSha256;
  if (name == "sha512") return crypto::HashAlgorithm::kSha512;
  return absl::InvalidArgumentError("runtime_data_hash_algorithm: want sha256, sha384 or sha512");
}

absl::StatusOr<Bytes> Binding(const VerificationRequest& request) {
  if (request.raw_runtime_data && !request.structured_runtime_data) {
    ASSIGN_OR_RETURN(Bytes raw, Base64UrlDecode(*request.raw_runtime_data), "runtime_data");
    const bool fits = !raw.empty() && raw.size() <= tee::kReportDataSize;
    return fits ? absl::StatusOr<Bytes>(std::move(raw))
                : absl::InvalidArgumentError("runtime_data: want 1 to 64 bytes");
  }
  if (!request.structured_runtime_data || request.raw_runtime_data) {
    return absl::InvalidArgumentError("runtime_data: want raw or structured");
  }
  ASSIGN_OR_RETURN(const crypto::HashAlgorithm hash, HashOf(request.hash_algorithm));
  ASSIGN_OR_RETURN(const std::string text, CanonicalJson(*request.structured_runtime_data),
                   "runtime_data");
  return crypto::Digest(hash, AsBytes(text));
}

absl::StatusOr<std::optional<Bytes>> InitdataDigestOf(const VerificationRequest& request) {
  if (request.init_data_digest && request.init_data_toml) {
    return absl::InvalidArgumentError("init_data: want a digest or a document");
  }
  if (request.init_data_digest) {
    ASSIGN_OR_RETURN(Bytes digest, Base64UrlDecode(*request.init_data_digest), "init_data");
    return std::optional(std::move(digest));
  }
  if (!request.init_data_toml) return std::optional<Bytes>();
  if (request.init_data_toml->size() > kMaxInitDataSize) {
    return absl::InvalidArgumentError("init_data: too large");
  }
  ASSIGN_OR_RETURN(Bytes digest, tee::InitdataDigest(*request.init_data_toml), "init_data");
  return std::optional(std::move(digest));
}

absl::StatusOr<EvidenceMessage> EvidenceOf(const VerificationRequest& request) {
  ASSIGN_OR_RETURN(const EvidenceKind kind, ParseEvidenceKind(request.tee), "tee");
  ASSIGN_OR_RETURN(const Bytes text, Base64UrlDecode(request.evidence), "evidence");
  ASSIGN_OR_RETURN(
      const Json json,
      ParseJson(AsText(text), {.max_size = kMaxMessageSize, .max_depth = kMaxMessageDepth}),
      "evidence");
  return EvidenceFromJson(kind, json);
}

absl::StatusOr<AppraisalOutcome> Verify(const BrokerContext& context,
                                        const VerificationRequest& request,
                                        const ReferenceSet& references, int64_t now) {
  ASSIGN_OR_RETURN(const EvidenceMessage evidence, EvidenceOf(request));
  ASSIGN_OR_RETURN(Bytes binding, Binding(request));
  ASSIGN_OR_RETURN(std::optional<Bytes> initdata, InitdataDigestOf(request));
  return context.appraiser.Appraise({.evidence = evidence,
                                     .binding = std::move(binding),
                                     .initdata_digest = std::move(initdata),
                                     .references = references,
                                     .now = now});
}

absl::StatusOr<const BrokerPolicy*> PolicyOf(const PolicySet& policies,
                                             const std::vector<std::string>& ids) {
  if (ids.size() > 1) return absl::InvalidArgumentError("policy_ids: want at most one");
  const std::string name = StrCat(ids.empty() ? std::string_view("default") : ids[0], "_cpu");
  const BrokerPolicy* policy = policies.FindAttestation(name);
  if (policy != nullptr) return policy;
  return absl::NotFoundError(StrCat("there is no attestation policy '", name, "'"));
}

absl::Status Refused(BrokerContext& context, const RequestOrigin& origin,
                     AppraisalOutcome outcome) {
  const std::string why = outcome.appraisal.refusal;
  std::vector<AppraisalOutcome> outcomes;
  outcomes.push_back(std::move(outcome));
  RETURN_IF_ERROR(context.store->AppendLog(ExplainForgery(origin, outcomes)));
  return absl::UnauthenticatedError(why.empty() ? "nothing was checked" : why);
}

}  // namespace

absl::StatusOr<std::string> Evaluate(BrokerContext& context, const RequestOrigin& origin,
                                     const std::vector<VerificationRequest>& requests,
                                     const std::vector<std::string>& policy_ids) {
  if (requests.empty() || requests.size() > kMaxVerificationRequests) {
    return absl::InvalidArgumentError(
        StrCat("verification_requests: want 1 to ", kMaxVerificationRequests));
  }
  ASSIGN_OR_RETURN(const auto policies, context.policies->Current());
  ASSIGN_OR_RETURN(const BrokerPolicy* policy, PolicyOf(*policies, policy_ids));
  ASSIGN_OR_RETURN(const auto references, context.references->All());
  const ReferenceQuery query = [&](std::string_view id) {
    return references->Query(id, origin.time);
  };
  std::vector<Judgement> judgements;
  for (const VerificationRequest& request : requests) {
    ASSIGN_OR_RETURN(AppraisalOutcome outcome,
                     Verify(context, request, references->documents, origin.time));
    if (!outcome.genuine) return Refused(context, origin, std::move(outcome));
    const Json runtime = request.structured_runtime_data.value_or(Json(nullptr));
    ASSIGN_OR_RETURN(Judgement judgement,
                     Judge(std::move(outcome), {runtime, request.init_data_toml}, *policy, query));
    judgements.push_back(std::move(judgement));
  }
  RETURN_IF_ERROR(context.store->AppendLog(ExplainJudgements(origin, judgements, false)));
  ASSIGN_OR_RETURN(const std::string claims,
                   BuildEar({.id = origin.id,
                             .issuer = context.tokens.issuer(),
                             .issued_at = origin.time,
                             .expires_at = origin.time + context.config.token_lifetime_s,
                             .judgements = judgements}));
  return context.tokens.SignText(claims);
}

std::string NewChallenge() { return Base64Encode(crypto::RandomBytes(kNonceSize)); }

}  // namespace nacre::attestation
