#include "attestation/protocol/evidence.h"

#include "attestation/protocol/limits.h"
#include "base/strings.h"
#include "tee/tpm/evidence_json.h"
#include "tee/tpm/public_area.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kAdditional = "additional_evidence";

absl::StatusOr<TpmEvidenceMessage> TpmFromSource(ByteView report) {
  ASSIGN_OR_RETURN(tee::tpm::TpmDocument document, tee::tpm::ParseTpmDocument(AsText(report)));
  ASSIGN_OR_RETURN(tee::tpm::PublicArea key, tee::tpm::ParsePublicArea(document.ak_public));
  TpmEvidenceMessage message;
  message.evidence = std::move(document.evidence);
  ASSIGN_OR_RETURN(message.ak_public, key.key.ToSpkiDer());
  return message;
}

}  // namespace

absl::StatusOr<EvidenceMessage> EvidenceFromJson(EvidenceKind kind, const Json& json) {
  EvidenceMessage message;
  message.kind = kind;
  switch (kind) {
    case EvidenceKind::kSnp: {
      ASSIGN_OR_RETURN(message.body, SnpEvidenceFromJson(json));
      return message;
    }
    case EvidenceKind::kTdx: {
      ASSIGN_OR_RETURN(message.body, TdxEvidenceFromJson(json));
      return message;
    }
    case EvidenceKind::kAzureSnp:
    case EvidenceKind::kAzureTdx: {
      ASSIGN_OR_RETURN(message.body, AzureEvidenceFromJson(kind, json));
      return message;
    }
    case EvidenceKind::kTpm: {
      ASSIGN_OR_RETURN(message.body, TpmEvidenceFromJson(json));
      return message;
    }
    case EvidenceKind::kSample: {
      ASSIGN_OR_RETURN(message.body, SampleEvidenceFromJson(json));
      return message;
    }
  }
  return absl::InvalidArgumentError("evidence of no kind");
}

absl::StatusOr<Json> EvidenceToJson(const EvidenceMessage& message) {
  if (const auto* snp = std::get_if<SnpEvidenceMessage>(&message.body)) {
    return SnpEvidenceToJson(*snp);
  }
  if (const auto* tdx = std::get_if<TdxEvidenceMessage>(&message.body)) {
    return TdxEvidenceToJson(*tdx);
  }
  if (const auto* azure = std::get_if<tee::tpm::AzureEvidence>(&message.body)) {
    return AzureEvidenceToJson(message.kind, *azure);
  }
  if (const auto* sample = std::get_if<SampleEvidence>(&message.body)) {
    return SampleEvidenceToJson(*sample);
  }
  return TpmEvidenceToJson(std::get<TpmEvidenceMessage>(message.body));
}

absl::StatusOr<EvidenceMessage> EvidenceFromSource(const tee::Evidence& evidence,
                                                   const std::optional<LaunchHint>& hint) {
  EvidenceMessage message;
  message.kind = EvidenceKindOf(evidence.kind);
  switch (evidence.kind) {
    case tee::TeeKind::kSnp: {
      SnpEvidenceMessage snp;
      ASSIGN_OR_RETURN(snp.evidence, tee::sev::SnpEvidenceFrom(evidence));
      // A broker refuses a hint past its limit; without one it only explains less.
      if (hint && hint->command_line.size() <= kMaxCommandLineSize) snp.hint = hint;
      message.body = std::move(snp);
      return message;
    }
    case tee::TeeKind::kTdx:
      message.body = TdxEvidenceMessage{evidence.report, evidence.auxiliary};
      return message;
    case tee::TeeKind::kTpm: {
      ASSIGN_OR_RETURN(message.body, TpmFromSource(evidence.report), "TPM evidence source");
      return message;
    }
  }
  return absl::InvalidArgumentError("evidence of no kind");
}

absl::StatusOr<std::vector<EvidenceMessage>> ParseAdditionalEvidence(std::string_view text) {
  std::vector<EvidenceMessage> out;
  if (text.empty()) return out;
  ASSIGN_OR_RETURN(const Json json,
                   ParseJson(text, {.max_size = kMaxMessageSize, .max_depth = kMaxMessageDepth}),
                   kAdditional);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(StrCat(kAdditional, ": not an object"));
  }
  if (json.size() > kMaxAdditionalEvidence) {
    return absl::InvalidArgumentError(
        StrCat(kAdditional, ": more than ", kMaxAdditionalEvidence, " kinds"));
  }
  for (const auto& [name, evidence] : json.items()) {
    ASSIGN_OR_RETURN(const EvidenceKind kind, ParseEvidenceKind(name), kAdditional);
    ASSIGN_OR_RETURN(EvidenceMessage message, EvidenceFromJson(kind, evidence), kAdditional);
    out.push_back(std::move(message));
  }
  return out;
}

absl::StatusOr<std::string> SerializeAdditionalEvidence(
    const std::vector<EvidenceMessage>& evidence) {
  if (evidence.empty()) return std::string();
  Json json = Json::object();
  for (const EvidenceMessage& message : evidence) {
    const std::string name(EvidenceKindName(message.kind));
    if (json.contains(name)) {
      return absl::InvalidArgumentError(StrCat(kAdditional, ": two of kind ", name));
    }
    ASSIGN_OR_RETURN(json[name], EvidenceToJson(message));
  }
  return DumpJson(json);
}

}  // namespace nacre::attestation
