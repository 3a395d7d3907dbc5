#include "tee/common/refusal_class.h"

#include <string>

#include "absl/strings/cord.h"
#include "base/strings.h"

namespace nacre::tee {
namespace {

constexpr char kPayloadUrl[] = "nacre.dev/refusal-class";

struct Name {
  RefusalClass value;
  std::string_view name;
};
constexpr Name kNames[] = {
    {RefusalClass::kNone, "NONE"},
    {RefusalClass::kUnclassified, "UNCLASSIFIED"},
    {RefusalClass::kFormat, "FORMAT"},
    {RefusalClass::kUnsupported, "UNSUPPORTED"},
    {RefusalClass::kUnsupportedVersion, "UNSUPPORTED_VERSION"},
    {RefusalClass::kTypeMismatch, "TYPE_MISMATCH"},
    {RefusalClass::kSignature, "SIGNATURE"},
    {RefusalClass::kChain, "CHAIN"},
    {RefusalClass::kExpired, "EXPIRED"},
    {RefusalClass::kNotYetValid, "NOT_YET_VALID"},
    {RefusalClass::kRevoked, "REVOKED"},
    {RefusalClass::kCrlSignature, "CRL_SIGNATURE"},
    {RefusalClass::kCrlExpired, "CRL_EXPIRED"},
    {RefusalClass::kCrlIssuerMismatch, "CRL_ISSUER_MISMATCH"},
    {RefusalClass::kCrlMissing, "CRL_MISSING"},
    {RefusalClass::kReportData, "REPORT_DATA"},
    {RefusalClass::kMeasurement, "MEASUREMENT"},
    {RefusalClass::kPolicy, "POLICY"},
    {RefusalClass::kKeyType, "KEY_TYPE"},
    {RefusalClass::kProduct, "PRODUCT"},
    {RefusalClass::kTcbMismatch, "TCB_MISMATCH"},
    {RefusalClass::kTcbTooOld, "TCB_TOO_OLD"},
    {RefusalClass::kChipId, "CHIP_ID"},
    {RefusalClass::kHostData, "HOST_DATA"},
    {RefusalClass::kPolicyDebug, "POLICY_DEBUG"},
    {RefusalClass::kVmpl, "VMPL"},
    {RefusalClass::kQuoteSignature, "QUOTE_SIGNATURE"},
    {RefusalClass::kQeReportSignature, "QE_REPORT_SIGNATURE"},
    {RefusalClass::kQeReportData, "QE_REPORT_DATA"},
    {RefusalClass::kUnsupportedCertType, "UNSUPPORTED_CERT_TYPE"},
    {RefusalClass::kCollateralMissing, "COLLATERAL_MISSING"},
    {RefusalClass::kCollateralType, "COLLATERAL_TYPE"},
    {RefusalClass::kCollateralSignature, "COLLATERAL_SIGNATURE"},
    {RefusalClass::kCollateralExpired, "COLLATERAL_EXPIRED"},
    {RefusalClass::kCollateralNotYetValid, "COLLATERAL_NOT_YET_VALID"},
    {RefusalClass::kFmspcMismatch, "FMSPC_MISMATCH"},
    {RefusalClass::kQeIdentityMismatch, "QE_IDENTITY_MISMATCH"},
    {RefusalClass::kTdxModuleMismatch, "TDX_MODULE_MISMATCH"},
    {RefusalClass::kTcbNotSupported, "TCB_NOT_SUPPORTED"},
    {RefusalClass::kTcbStatus, "TCB_STATUS"},
    {RefusalClass::kTcbEvalNumber, "TCB_EVAL_NUMBER"},
    {RefusalClass::kTdDebug, "TD_DEBUG"},
    {RefusalClass::kNonce, "NONCE"},
    {RefusalClass::kPcrDigest, "PCR_DIGEST"},
    {RefusalClass::kAkBinding, "AK_BINDING"},
    {RefusalClass::kHclBinding, "HCL_BINDING"},
    {RefusalClass::kRtmrMismatch, "RTMR_MISMATCH"},
    {RefusalClass::kEventDataMismatch, "EVENT_DATA_MISMATCH"},
    {RefusalClass::kNoBank, "NO_BANK"},
    {RefusalClass::kNoKernelHashes, "NO_KERNEL_HASHES"},
    {RefusalClass::kArgument, "ARG"},
};

bool IsAboutShape(RefusalClass value) {
  return value == RefusalClass::kFormat || value == RefusalClass::kUnsupported ||
         value == RefusalClass::kUnsupportedVersion || value == RefusalClass::kUnsupportedCertType;
}

}  // namespace

std::string_view RefusalClassName(RefusalClass value) {
  for (const Name& entry : kNames) {
    if (entry.value == value) return entry.name;
  }
  return "UNCLASSIFIED";
}

std::optional<RefusalClass> ParseRefusalClass(std::string_view name) {
  for (const Name& entry : kNames) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

absl::Status RefusedError(RefusalClass refusal_class, std::string_view message) {
  const absl::StatusCode code = IsAboutShape(refusal_class) ? absl::StatusCode::kInvalidArgument
                                                            : absl::StatusCode::kUnauthenticated;
  return WithClass(absl::Status(code, absl::string_view(message.data(), message.size())),
                   refusal_class);
}

absl::Status WithClass(absl::Status status, RefusalClass refusal_class) {
  if (status.ok() || status.GetPayload(kPayloadUrl).has_value()) return status;
  const std::string_view name = RefusalClassName(refusal_class);
  // Cord's constructor from std::string is a template, which clang and Debian's library name apart.
  status.SetPayload(kPayloadUrl, absl::Cord(absl::string_view(name.data(), name.size())));
  return status;
}

RefusalClass ClassOf(const absl::Status& status, RefusalClass otherwise) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return otherwise;
  return ParseRefusalClass(std::string(*payload)).value_or(otherwise);
}

}  // namespace nacre::tee
