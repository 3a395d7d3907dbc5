#include "tee/tpm/hcl.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "crypto/jwk.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tpm {
namespace {

constexpr std::string_view kMagic = "HCLA";
constexpr size_t kHardwareReport = 0x20;
constexpr size_t kRuntimeData = 0x4c0;
constexpr size_t kRuntimeHeader = 20;
constexpr size_t kTdReportSize = 1024;
constexpr uint32_t kSha256 = 1;
constexpr std::string_view kAkId = "HCLAkPub";

absl::Status Bad(std::string_view what) {
  return RefusedError(RefusalClass::kFormat, StrCat("HCL report: ", what));
}
absl::Status Unsupported(std::string_view what, uint32_t value) {
  return RefusedError(RefusalClass::kUnsupported, StrCat("HCL report: ", what, " ", value));
}

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

absl::Status ReadRuntimeHeader(ByteReader& reader, uint32_t* variable_size, HclReport* out) {
  ASSIGN_OR_RETURN(out->runtime_data_size, reader.U32Le("runtime data size"));
  ASSIGN_OR_RETURN(out->runtime_data_version, reader.U32Le("runtime data version"));
  ASSIGN_OR_RETURN(uint32_t type, reader.U32Le("report type"));
  ASSIGN_OR_RETURN(uint32_t hash, reader.U32Le("hash type"));
  ASSIGN_OR_RETURN(*variable_size, reader.U32Le("variable data size"));
  if (type != static_cast<uint32_t>(HclReportType::kSnp) &&
      type != static_cast<uint32_t>(HclReportType::kTdx)) {
    return Unsupported("report type", type);
  }
  out->type = static_cast<HclReportType>(type);
  if (hash != kSha256) return Unsupported("hash type", hash);
  return absl::OkStatus();
}

// Every size says the same thing.
absl::Status CheckSizes(const HclReport& report, uint32_t variable_size, size_t present) {
  if (variable_size == 0 || uint64_t{variable_size} + kRuntimeHeader != report.runtime_data_size ||
      uint64_t{report.runtime_data_size} + kRuntimeData != report.report_size ||
      report.report_size > present) {
    return Bad(StrCat("sizes do not agree: variable data ", variable_size, ", runtime data ",
                      report.runtime_data_size, ", report ", report.report_size, " of ", present,
                      " bytes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<HclReport> Read(ByteView bytes) {
  ByteReader reader(bytes);
  HclReport out;
  ASSIGN_OR_RETURN(ByteView magic, reader.Take(kMagic.size(), "signature"));
  if (AsText(magic) != kMagic) return Bad("does not begin with HCLA");
  ASSIGN_OR_RETURN(out.version, reader.U32Le("version"));
  if (out.version != 1 && out.version != 2) return Unsupported("version", out.version);
  ASSIGN_OR_RETURN(out.report_size, reader.U32Le("size"));
  ASSIGN_OR_RETURN(out.request_type, reader.U32Le("request type"));
  RETURN_IF_ERROR(reader.Skip(kHardwareReport - reader.offset(), "header"));
  ASSIGN_OR_RETURN(ByteView hardware,
                   reader.Take(kRuntimeData - kHardwareReport, "hardware report"));
  uint32_t variable_size = 0;
  RETURN_IF_ERROR(ReadRuntimeHeader(reader, &variable_size, &out));
  RETURN_IF_ERROR(CheckSizes(out, variable_size, bytes.size()));
  ASSIGN_OR_RETURN(ByteView variable, reader.Take(variable_size, "variable data"));
  if (!AllZero(bytes.subspan(reader.offset()))) return Bad("bytes after it are not zero");
  if (out.type == HclReportType::kTdx) {
    if (!AllZero(hardware.subspan(kTdReportSize))) {
      return Bad("bytes after the TDREPORT are not zero");
    }
    hardware = hardware.first(kTdReportSize);
  }
  out.hardware_report = ToBytes(hardware);
  out.variable_data = ToBytes(variable);
  return out;
}

absl::StatusOr<crypto::PublicKey> FindAttestationKey(const Json& json) {
  ASSIGN_OR_RETURN(const Json* keys, JsonArray(json, "keys", "HCL runtime data"));
  std::optional<crypto::PublicKey> found;
  for (const Json& key : *keys) {
    const auto id = JsonString(key, "kid", "HCL key");
    if (!id.ok() || *id != kAkId) continue;
    if (found) return Bad("two keys HCLAkPub");
    ASSIGN_OR_RETURN(found, crypto::PublicKeyFromJwk(key), "HCLAkPub");
  }
  if (!found) return Bad("no key HCLAkPub in the runtime data");
  return *found;
}

absl::StatusOr<HclRuntimeData> ReadRuntimeData(ByteView text) {
  ASSIGN_OR_RETURN(Json json, ParseJson(AsText(text), {.max_size = kMaxHclReport, .max_depth = 8}),
                   "HCL runtime data");
  if (!json.is_object()) return Bad("the runtime data is no JSON object");
  ASSIGN_OR_RETURN(crypto::PublicKey key, FindAttestationKey(json));
  HclRuntimeData out{std::move(key), {}, {}};
  if (json.contains("user-data")) {
    ASSIGN_OR_RETURN(out.user_data, JsonString(json, "user-data", "HCL runtime data"));
  }
  const auto configuration = json.find("vm-configuration");
  if (configuration == json.end() || !configuration->is_object()) return out;
  for (const auto& [name, value] : configuration->items()) {
    if (value.is_string()) out.vm_configuration[name] = value.get<std::string>();
    if (value.is_boolean()) out.vm_configuration[name] = value.get<bool>() ? "true" : "false";
  }
  return out;
}

}  // namespace

Bytes HclReport::ReportData() const {
  Bytes out = crypto::Digest(crypto::HashAlgorithm::kSha256, variable_data);
  out.resize(64);
  return out;
}

absl::StatusOr<HclReport> ParseHclReport(ByteView bytes) {
  if (bytes.size() > kMaxHclReport) return Bad(StrCat(bytes.size(), " bytes"));
  auto out = Read(bytes);
  if (!out.ok()) {
    return RefusedError(ClassOf(out.status(), RefusalClass::kFormat), Message(out.status()));
  }
  return out;
}

absl::StatusOr<HclRuntimeData> ParseHclRuntimeData(ByteView json) {
  auto out = ReadRuntimeData(json);
  if (!out.ok()) return WithClass(out.status(), RefusalClass::kFormat);
  return out;
}

}  // namespace nacre::tee::tpm
