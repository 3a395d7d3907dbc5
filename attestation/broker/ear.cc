#include "attestation/broker/ear.h"

#include <algorithm>

#include "base/encoding.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kProfile = "tag:github.com,2024:confidential-containers/Trustee";
constexpr std::string_view kSubmodule = "cpu0";
constexpr std::string_view kStatus = "ear.status";
constexpr std::string_view kVector = "ear.trustworthiness-vector";
constexpr std::string_view kEvidence = "ear.veraison.annotated-evidence";

// AR4SI section 2.3: what each value says.
constexpr int kGenuineHardware = 2;
constexpr int kUnrecognisedHardware = 97;
constexpr int kApprovedExecutables = 3;  // only approved ones were loaded at boot
constexpr int kApprovedConfiguration = 2;

Json TrustVector(bool emulated) {
  return {{"instance-identity", 0},
          {"configuration", kApprovedConfiguration},
          {"executables", kApprovedExecutables},
          {"file-system", 0},
          {"hardware", emulated ? kUnrecognisedHardware : kGenuineHardware},
          {"runtime-opaque", 0},
          {"storage-opaque", 0},
          {"sourced-data", 0}};
}

EarStatus Worst(const Json& vector, std::string_view except = {}) {
  EarStatus worst = EarStatus::kNone;
  for (const auto& [name, claim] : vector.items()) {
    if (name != except) worst = std::max(worst, EarTier(claim.get<int64_t>()));
  }
  return worst;
}

// The claims of the report under the names peers' policies read.
Json SnpClaims(const tee::sev::Report& report, const tee::Appraisal& appraisal) {
  tee::sev::Product product = ReportProduct(report).value_or(tee::sev::Product::kMilan);
  tee::sev::TcbComponents tcb = report.reported_tcb.Components(product);
  return {{"policy_abi_major", report.policy.abi_major()},
          {"policy_abi_minor", report.policy.abi_minor()},
          {"policy_smt_allowed", report.policy.smt_allowed()},
          {"policy_migrate_ma", report.policy.migration_agent_allowed()},
          {"policy_debug_allowed", report.policy.debug_allowed()},
          {"policy_single_socket", report.policy.single_socket_required()},
          {"reported_tcb_bootloader", tcb.bootloader},
          {"reported_tcb_tee", tcb.tee},
          {"reported_tcb_snp", tcb.snp},
          {"reported_tcb_microcode", tcb.microcode},
          {"platform_smt_enabled", (report.platform_info & 1) != 0},
          {"platform_tsme_enabled", (report.platform_info & 2) != 0},
          {"measurement", HexEncode(report.measurement)},
          {"chip_id", HexEncode(report.chip_id)},
          {"emulated", appraisal.emulated},
          {"root", appraisal.root},
          {"reference", appraisal.reference}};
}

}  // namespace

std::string_view EarStatusName(EarStatus status) {
  switch (status) {
    case EarStatus::kNone:
      return "none";
    case EarStatus::kAffirming:
      return "affirming";
    case EarStatus::kWarning:
      return "warning";
    case EarStatus::kContraindicated:
      return "contraindicated";
  }
  return "contraindicated";
}

EarStatus EarTier(int64_t claim) {
  if (claim == 0) return EarStatus::kNone;
  if (claim >= 2 && claim <= 31) return EarStatus::kAffirming;
  if (claim >= 32 && claim <= 95) return EarStatus::kWarning;
  return EarStatus::kContraindicated;  // 96..127, and whatever has no meaning
}

Json BuildEar(const EarInputs& inputs) {
  Json vector = TrustVector(inputs.appraisal.emulated);
  std::string tee(tee::TeeName(inputs.appraisal.tee));
  Json evidence = {
      {tee, SnpClaims(inputs.report, inputs.appraisal)},
      {"report_data", HexEncode(inputs.report.report_data)},
      {"init_data", HexEncode(inputs.report.host_data)},
      {"runtime_data_claims",
       {{"nonce", inputs.attestation.nonce}, {"tee-pubkey", inputs.attestation.tee_pubkey}}}};
  Json submodule = {{kStatus, EarStatusName(Worst(vector))},
                    {kVector, vector},
                    {"ear.appraisal-policy-id", "default"},
                    {kEvidence, std::move(evidence)}};
  return {{"eat_profile", kProfile},
          {"iss", inputs.issuer},
          {"iat", inputs.issued_at},
          {"exp", inputs.expires_at},
          {"jti", inputs.id},
          {"ear.verifier-id", {{"build", "nacre-kbs"}, {"developer", "Nacre"}}},
          {"submods", {{kSubmodule, std::move(submodule)}}}};
}

absl::StatusOr<EarSummary> ReadEar(const Json& claims) {
  EarSummary summary;
  ASSIGN_OR_RETURN(summary.id, JsonString(claims, "jti", "token"));
  ASSIGN_OR_RETURN(const Json* submodules, JsonObject(claims, "submods", "token"));
  ASSIGN_OR_RETURN(const Json* submodule, JsonObject(*submodules, kSubmodule, "token: submods"));
  ASSIGN_OR_RETURN(const Json* vector, JsonObject(*submodule, kVector, "token: cpu0"));
  for (const auto& [name, claim] : vector->items()) {
    if (!claim.is_number_integer()) {
      return absl::InvalidArgumentError("token: trustworthiness claim '" + name +
                                        "' is not an integer");
    }
  }
  summary.status = Worst(*vector);
  summary.status_but_hardware = Worst(*vector, "hardware");
  ASSIGN_OR_RETURN(const Json* evidence, JsonObject(*submodule, kEvidence, "token: cpu0"));
  ASSIGN_OR_RETURN(const Json* snp, JsonObject(*evidence, "snp", "token: evidence"));
  summary.tee = "snp";
  ASSIGN_OR_RETURN(summary.emulated, JsonBool(*snp, "emulated", "token: snp"));
  ASSIGN_OR_RETURN(summary.reference, JsonString(*snp, "reference", "token: snp"));
  ASSIGN_OR_RETURN(const Json* runtime,
                   JsonObject(*evidence, "runtime_data_claims", "token: evidence"));
  ASSIGN_OR_RETURN(const Json* key, JsonObject(*runtime, "tee-pubkey", "token: runtime data"));
  summary.tee_pubkey = *key;
  return summary;
}

}  // namespace nacre::attestation
