#include "attestation/reference/reference_value.h"

#include "attestation/reference/reference_json.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "tee/common/hex_number.h"
#include "tee/sev/firmware.h"
#include "tee/sev/kernel_hashes.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation {
namespace {

using tee::FormatHexNumber;
using tee::ParseHexNumber;

constexpr std::string_view kSchema = "nacre.reference/1";
constexpr std::string_view kWhere = "reference";

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat(kWhere, ": ", message));
}

absl::StatusOr<uint64_t> NumberMember(const Json& object, std::string_view key, uint64_t maximum,
                                      std::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, where));
  ASSIGN_OR_RETURN(const uint64_t value, ParseHexNumber(text, StrCat(where, ": ", key)));
  if (value > maximum) {
    return absl::InvalidArgumentError(StrCat(where, ": ", key, " ", text, " is too large"));
  }
  return value;
}

absl::StatusOr<std::optional<uint32_t>> OptionalWord(const Json& object, std::string_view key,
                                                     std::string_view where) {
  if (!object.contains(std::string(key))) return std::optional<uint32_t>();
  ASSIGN_OR_RETURN(const uint64_t value, NumberMember(object, key, UINT32_MAX, where));
  return std::optional<uint32_t>(static_cast<uint32_t>(value));
}

absl::StatusOr<std::vector<tee::FirmwareSection>> ParseSections(const Json& firmware,
                                                                std::string_view where) {
  ASSIGN_OR_RETURN(const Json* list, JsonArray(firmware, "sections", where));
  if (list->size() > tee::sev::kMaxMetadataSections) return Refuse("too many firmware sections");
  std::vector<tee::FirmwareSection> out;
  for (const Json& item : *list) {
    constexpr std::string_view kItem = "reference: firmware section";
    RETURN_IF_ERROR(JsonOnlyMembers(item, {"gpa", "size", "type"}, kItem));
    tee::FirmwareSection section;
    ASSIGN_OR_RETURN(section.gpa, NumberMember(item, "gpa", UINT32_MAX, kItem));
    ASSIGN_OR_RETURN(const uint64_t size, NumberMember(item, "size", UINT32_MAX, kItem));
    ASSIGN_OR_RETURN(const uint64_t type, NumberMember(item, "type", UINT32_MAX, kItem));
    section.size = static_cast<uint32_t>(size);
    section.type = static_cast<uint32_t>(type);
    out.push_back(section);
  }
  return out;
}

absl::StatusOr<tee::MeasuredFirmware> ParseFirmware(const Json& document) {
  constexpr std::string_view kFirmware = "reference: firmware";
  ASSIGN_OR_RETURN(const Json* object, JsonObject(document, "firmware", kWhere));
  RETURN_IF_ERROR(JsonOnlyMembers(
      *object, {"sha256", "launch_prefix", "sections", "hash_table_gpa", "reset_eip"}, kFirmware));
  tee::MeasuredFirmware out;
  ASSIGN_OR_RETURN(out.sha256, ReferenceHex(*object, "sha256", 32, kFirmware));
  ASSIGN_OR_RETURN(out.launch_prefix, ReferenceHex(*object, "launch_prefix", 48, kFirmware));
  ASSIGN_OR_RETURN(out.sections, ParseSections(*object, kFirmware));
  ASSIGN_OR_RETURN(out.hash_table_gpa, OptionalWord(*object, "hash_table_gpa", kFirmware));
  ASSIGN_OR_RETURN(out.reset_eip, OptionalWord(*object, "reset_eip", kFirmware));
  return out;
}

// "kernel" is absent when the guest boots from firmware alone.
absl::Status ParseKernel(const Json& document, tee::Measurement* out) {
  if (!document.contains("kernel")) return absl::OkStatus();
  constexpr std::string_view kKernel = "reference: kernel";
  ASSIGN_OR_RETURN(const Json* object, JsonObject(document, "kernel", kWhere));
  RETURN_IF_ERROR(
      JsonOnlyMembers(*object, {"kernel_sha256", "initrd_sha256", "command_line"}, kKernel));
  tee::KernelHashes hashes;
  ASSIGN_OR_RETURN(hashes.kernel, ReferenceHex(*object, "kernel_sha256", 32, kKernel));
  ASSIGN_OR_RETURN(hashes.initrd, ReferenceHex(*object, "initrd_sha256", 32, kKernel));
  ASSIGN_OR_RETURN(out->command_line, JsonString(*object, "command_line", kKernel));
  if (out->command_line.size() > tee::kMaxCommandLine ||
      out->command_line.find('\0') != std::string::npos) {
    return Refuse("the command line is too long or holds a NUL");
  }
  hashes.command_line = tee::sev::CommandLineHash(out->command_line);
  out->kernel_hashes = std::move(hashes);
  return absl::OkStatus();
}

absl::StatusOr<tee::Measurement> ParseMeasurement(const Json& document) {
  tee::Measurement out;
  ASSIGN_OR_RETURN(const std::string mode, JsonString(document, "mode", kWhere));
  ASSIGN_OR_RETURN(out.mode, tee::ParseLaunchMode(mode), kWhere);
  if (out.mode != tee::LaunchMode::kSnp) return Refuse("only mode snp has reference values");
  ASSIGN_OR_RETURN(const std::string vmm, JsonString(document, "vmm", kWhere));
  ASSIGN_OR_RETURN(out.vmm, tee::ParseVmmProfile(vmm), kWhere);
  ASSIGN_OR_RETURN(out.digest, ReferenceHex(document, "digest", 48, kWhere));
  ASSIGN_OR_RETURN(out.firmware, ParseFirmware(document));
  RETURN_IF_ERROR(ParseKernel(document, &out));
  ASSIGN_OR_RETURN(const uint64_t vcpus, JsonUint(document, "vcpus", kWhere));
  if (vcpus == 0 || vcpus > tee::kMaxVcpus) return Refuse(StrCat("vcpus ", vcpus));
  out.vcpus = static_cast<uint32_t>(vcpus);
  ASSIGN_OR_RETURN(out.vcpu_type, JsonString(document, "vcpu_type", kWhere));
  ASSIGN_OR_RETURN(const uint64_t signature,
                   NumberMember(document, "vcpu_signature", UINT32_MAX, kWhere));
  out.vcpu_signature = static_cast<uint32_t>(signature);
  ASSIGN_OR_RETURN(out.guest_features,
                   NumberMember(document, "guest_features", UINT64_MAX, kWhere));
  ASSIGN_OR_RETURN(const Bytes replayed, tee::sev::ReplaySnpDigest(out), kWhere);
  if (replayed != out.digest) return Refuse("the digest does not follow from the parts");
  return out;
}

Json FirmwareJson(const tee::MeasuredFirmware& firmware) {
  Json sections = Json::array();
  for (const tee::FirmwareSection& section : firmware.sections) {
    sections.push_back({{"gpa", FormatHexNumber(section.gpa)},
                        {"size", FormatHexNumber(section.size)},
                        {"type", FormatHexNumber(section.type)}});
  }
  Json out = {{"sha256", HexEncode(firmware.sha256)},
              {"launch_prefix", HexEncode(firmware.launch_prefix)},
              {"sections", std::move(sections)}};
  if (firmware.hash_table_gpa) out["hash_table_gpa"] = FormatHexNumber(*firmware.hash_table_gpa);
  if (firmware.reset_eip) out["reset_eip"] = FormatHexNumber(*firmware.reset_eip);
  return out;
}

}  // namespace

absl::StatusOr<ReferenceValue> ParseReferenceValue(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document,
                   ParseJson(json, {.max_size = kMaxReferenceDocument, .max_depth = 8}), kWhere);
  RETURN_IF_ERROR(
      JsonOnlyMembers(document,
                      {"schema", "name", "mode", "vmm", "digest", "firmware", "kernel", "vcpus",
                       "vcpu_type", "vcpu_signature", "guest_features", "created", "expires"},
                      kWhere));
  ASSIGN_OR_RETURN(const std::string schema, JsonString(document, "schema", kWhere));
  if (schema != kSchema) return Refuse(StrCat("schema '", schema, "' is not ", kSchema));
  ReferenceValue out;
  ASSIGN_OR_RETURN(out.name, JsonString(document, "name", kWhere));
  if (out.name.size() > kMaxReferenceName) return Refuse("the name is too long");
  ASSIGN_OR_RETURN(out.created, ReferenceTime(document, "created", kWhere));
  ASSIGN_OR_RETURN(out.expires, OptionalReferenceTime(document, "expires", kWhere));
  ASSIGN_OR_RETURN(out.measurement, ParseMeasurement(document));
  return out;
}

absl::StatusOr<std::string> SerializeReferenceValue(const ReferenceValue& reference) {
  const tee::Measurement& parts = reference.measurement;
  if (parts.mode != tee::LaunchMode::kSnp) return Refuse("only mode snp has reference values");
  Json document = {{"schema", kSchema},
                   {"name", reference.name},
                   {"mode", tee::LaunchModeName(parts.mode)},
                   {"vmm", tee::VmmProfileName(parts.vmm)},
                   {"digest", HexEncode(parts.digest)},
                   {"firmware", FirmwareJson(parts.firmware)},
                   {"vcpus", parts.vcpus},
                   {"vcpu_type", parts.vcpu_type},
                   {"vcpu_signature", FormatHexNumber(parts.vcpu_signature)},
                   {"guest_features", FormatHexNumber(parts.guest_features)},
                   {"created", crypto::FormatTime(reference.created)}};
  if (parts.kernel_hashes) {
    document["kernel"] = {{"kernel_sha256", HexEncode(parts.kernel_hashes->kernel)},
                          {"initrd_sha256", HexEncode(parts.kernel_hashes->initrd)},
                          {"command_line", parts.command_line}};
  }
  if (reference.expires) document["expires"] = crypto::FormatTime(*reference.expires);
  return DumpJson(document, 2);
}

}  // namespace nacre::attestation
