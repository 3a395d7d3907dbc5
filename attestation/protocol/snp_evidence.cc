#include "attestation/protocol/snp_evidence.h"

#include <algorithm>
#include <limits>

#include "attestation/protocol/limits.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using tee::sev::FirmwareVersion;
using tee::sev::Product;
using tee::sev::Report;
using tee::sev::TcbVersion;

// The JSON form has no product; it shows it by `fmc`, which only Turin has.
Product LayoutOf(const Report& report) { return ReportProduct(report).value_or(Product::kMilan); }

Json TcbToJson(const TcbVersion& version, Product product) {
  tee::sev::TcbComponents tcb = version.Components(product);
  Json fmc = nullptr;
  if (product == Product::kTurin) fmc = tcb.fmc;
  return {{"fmc", fmc},
          {"bootloader", tcb.bootloader},
          {"tee", tcb.tee},
          {"snp", tcb.snp},
          {"microcode", tcb.microcode}};
}

Json VersionToJson(const FirmwareVersion& version) {
  return {{"major", version.major}, {"minor", version.minor}, {"build", version.build}};
}

Json ReportToJson(const Report& report) {
  Product product = LayoutOf(report);
  Json json = {{"version", report.version},
               {"guest_svn", report.guest_svn},
               {"policy", report.policy.value},
               {"family_id", report.family_id},
               {"image_id", report.image_id},
               {"vmpl", report.vmpl},
               {"sig_algo", report.signature_algorithm},
               {"current_tcb", TcbToJson(report.current_tcb, product)},
               {"plat_info", report.platform_info},
               {"key_info", report.key_info},
               {"report_data", report.report_data},
               {"measurement", report.measurement},
               {"host_data", report.host_data},
               {"id_key_digest", report.id_key_digest},
               {"author_key_digest", report.author_key_digest},
               {"report_id", report.report_id},
               {"report_id_ma", report.report_id_ma},
               {"reported_tcb", TcbToJson(report.reported_tcb, product)},
               {"cpuid_fam_id", nullptr},
               {"cpuid_mod_id", nullptr},
               {"cpuid_step", nullptr},
               {"chip_id", report.chip_id},
               {"committed_tcb", TcbToJson(report.committed_tcb, product)},
               {"current", VersionToJson(report.current_firmware)},
               {"committed", VersionToJson(report.committed_firmware)},
               {"launch_tcb", TcbToJson(report.launch_tcb, product)},
               {"signature", {{"r", report.signature_r}, {"s", report.signature_s}}}};
  if (report.version >= 3) {
    json["cpuid_fam_id"] = report.cpuid_family;
    json["cpuid_mod_id"] = report.cpuid_model;
    json["cpuid_step"] = report.cpuid_stepping;
  }
  if (report.version >= 5) {
    json["launch_mit_vector"] = report.launch_mitigations;
    json["current_mit_vector"] = report.current_mitigations;
  }
  return json;
}

// Takes an object apart and keeps the first error, so that a long struct reads as a list.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  template <typename T>
  Fields& Number(std::string_view key, T* out) {
    auto value = JsonUint(object_, key, where_);
    if (value.ok() && *value > std::numeric_limits<T>::max()) {
      value = absl::InvalidArgumentError(where_ + ": member '" + std::string(key) + "' is too big");
    }
    if (Keep(value.status())) *out = static_cast<T>(*value);
    return *this;
  }

  // Absent and null leave `out` as it is.
  template <typename T>
  Fields& OptionalNumber(std::string_view key, T* out) {
    auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? *this : Number(key, out);
  }

  // A list of numbers, or what ParseJsonWithBytes makes of it. `size_fault` says what is wrong with
  // its size, if anything is.
  template <typename SizeFault>
  Bytes List(std::string_view key, const SizeFault& size_fault) {
    auto value = JsonMember(object_, key, where_);
    if (value.ok() && !(*value)->is_binary()) value = JsonArray(object_, key, where_);
    if (!Keep(value.status())) return {};
    const Json& list = **value;
    const bool binary = list.is_binary();
    if (!Keep(size_fault(binary ? list.get_binary().size() : list.size()))) return {};
    if (binary) return Bytes(list.get_binary().begin(), list.get_binary().end());
    Bytes out;
    out.reserve(list.size());
    for (const Json& number : list) out.push_back(Byte(number, key));
    return out;
  }

  template <size_t N>
  Fields& Array(std::string_view key, std::array<uint8_t, N>* out) {
    const Bytes bytes = List(key, [&](size_t size) {
      if (size == N) return absl::OkStatus();
      return absl::InvalidArgumentError(
          StrCat(where_, ": member '", key, "' has ", size, " bytes, expected ", N));
    });
    if (bytes.size() == N) std::ranges::copy(bytes, out->begin());
    return *this;
  }

  Fields& Tcb(std::string_view key, TcbVersion* out) {
    auto value = JsonObject(object_, key, where_);
    if (!Keep(value.status())) return *this;
    auto fmc = (*value)->find("fmc");
    bool turin = fmc != (*value)->end() && !fmc->is_null();
    tee::sev::TcbComponents tcb;
    Fields fields(**value, std::string(key));
    fields.OptionalNumber("fmc", &tcb.fmc)
        .Number("bootloader", &tcb.bootloader)
        .Number("tee", &tcb.tee)
        .Number("snp", &tcb.snp)
        .Number("microcode", &tcb.microcode);
    Keep(fields.status());
    *out = TcbVersion::FromComponents(turin ? Product::kTurin : Product::kMilan, tcb);
    return *this;
  }

  Fields& Version(std::string_view key, FirmwareVersion* out) {
    auto value = JsonObject(object_, key, where_);
    if (!Keep(value.status())) return *this;
    Fields fields(**value, std::string(key));
    fields.Number("major", &out->major).Number("minor", &out->minor).Number("build", &out->build);
    Keep(fields.status());
    return *this;
  }

  Fields& Signature(std::string_view key, Report* out) {
    auto value = JsonObject(object_, key, where_);
    if (!Keep(value.status())) return *this;
    Fields fields(**value, std::string(key));
    fields.Array("r", &out->signature_r).Array("s", &out->signature_s);
    Keep(fields.status());
    return *this;
  }

  uint8_t Byte(const Json& value, std::string_view key) {
    if (value.is_number_unsigned()) {
      uint64_t number = value.get<uint64_t>();
      if (number <= 0xff) return static_cast<uint8_t>(number);
    }
    Keep(absl::InvalidArgumentError(where_ + ": member '" + std::string(key) +
                                    "' holds something that is no byte"));
    return 0;
  }

  const absl::Status& status() const { return status_; }

 private:
  bool Keep(const absl::Status& status) {
    if (status_.ok()) status_ = status;
    return status.ok();
  }

  const Json& object_;
  std::string where_;
  absl::Status status_;
};

absl::StatusOr<Report> ReportFromJson(const Json& json) {
  Report report;
  Fields fields(json, "attestation_report");
  fields.Number("version", &report.version)
      .Number("guest_svn", &report.guest_svn)
      .Number("policy", &report.policy.value)
      .Array("family_id", &report.family_id)
      .Array("image_id", &report.image_id)
      .Number("vmpl", &report.vmpl)
      .Number("sig_algo", &report.signature_algorithm)
      .Tcb("current_tcb", &report.current_tcb)
      .Number("plat_info", &report.platform_info)
      .Number("key_info", &report.key_info)
      .Array("report_data", &report.report_data)
      .Array("measurement", &report.measurement)
      .Array("host_data", &report.host_data)
      .Array("id_key_digest", &report.id_key_digest)
      .Array("author_key_digest", &report.author_key_digest)
      .Array("report_id", &report.report_id)
      .Array("report_id_ma", &report.report_id_ma)
      .Tcb("reported_tcb", &report.reported_tcb)
      .OptionalNumber("cpuid_fam_id", &report.cpuid_family)
      .OptionalNumber("cpuid_mod_id", &report.cpuid_model)
      .OptionalNumber("cpuid_step", &report.cpuid_stepping)
      .Array("chip_id", &report.chip_id)
      .Tcb("committed_tcb", &report.committed_tcb)
      .Version("current", &report.current_firmware)
      .Version("committed", &report.committed_firmware)
      .Tcb("launch_tcb", &report.launch_tcb)
      .OptionalNumber("launch_mit_vector", &report.launch_mitigations)
      .OptionalNumber("current_mit_vector", &report.current_mitigations)
      .Signature("signature", &report);
  RETURN_IF_ERROR(fields.status());
  return report;
}

absl::StatusOr<Bytes> CertificateBytes(const Json& certificate) {
  Fields fields(certificate, "cert_chain");
  Bytes out = fields.List("data", [](size_t size) {
    if (size <= kMaxCertificateSize) return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat("cert_chain: a certificate is larger than ", kMaxCertificateSize, " bytes"));
  });
  RETURN_IF_ERROR(fields.status());
  return out;
}

absl::StatusOr<std::vector<tee::sev::CertificateEntry>> CertificatesFromJson(const Json& json) {
  std::vector<tee::sev::CertificateEntry> out;
  auto chain = json.find("cert_chain");
  if (chain == json.end() || chain->is_null()) return out;
  if (!chain->is_array()) return absl::InvalidArgumentError("cert_chain: not an array");
  if (chain->size() > kMaxEvidenceCertificates) {
    return absl::InvalidArgumentError("cert_chain: more than " +
                                      std::to_string(kMaxEvidenceCertificates) + " certificates");
  }
  for (const Json& certificate : *chain) {
    ASSIGN_OR_RETURN(std::string type, JsonString(certificate, "cert_type", "cert_chain"));
    ASSIGN_OR_RETURN(Bytes data, CertificateBytes(certificate));
    tee::sev::CertificateKind kind = tee::sev::ParseCertificateKind(type);
    if (kind != tee::sev::CertificateKind::kUnknown) out.push_back({kind, std::move(data)});
  }
  return out;
}

absl::StatusOr<std::optional<LaunchHint>> HintFromJson(const Json& json) {
  auto found = json.find("launch_hint");
  if (found == json.end() || found->is_null()) return std::nullopt;
  LaunchHint hint;
  ASSIGN_OR_RETURN(hint.command_line, JsonString(*found, "command_line", "launch_hint"));
  ASSIGN_OR_RETURN(uint64_t vcpus, JsonUint(*found, "vcpus", "launch_hint"));
  if (hint.command_line.size() > kMaxCommandLineSize || vcpus == 0 || vcpus > kMaxVcpus) {
    return absl::InvalidArgumentError("launch_hint: command line or vCPU count out of bounds");
  }
  hint.vcpus = static_cast<uint32_t>(vcpus);
  return std::optional<LaunchHint>(std::move(hint));
}

}  // namespace

absl::StatusOr<Json> SnpEvidenceToJson(const SnpEvidenceMessage& message) {
  ASSIGN_OR_RETURN(Report report, tee::sev::ParseReport(message.evidence.report));
  Json chain = nullptr;
  for (const auto& certificate : message.evidence.certificates) {
    chain.push_back({{"cert_type", tee::sev::CertificateKindName(certificate.kind)},
                     {"data", certificate.data}});
  }
  Json json = {{"attestation_report", ReportToJson(report)}, {"cert_chain", std::move(chain)}};
  if (message.hint) {
    json["launch_hint"] = {{"command_line", message.hint->command_line},
                           {"vcpus", message.hint->vcpus}};
  }
  return json;
}

absl::StatusOr<SnpEvidenceMessage> SnpEvidenceFromJson(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("snp evidence: not an object");
  ASSIGN_OR_RETURN(const Json* report_json, JsonObject(json, "attestation_report", "snp evidence"));
  ASSIGN_OR_RETURN(Report report, ReportFromJson(*report_json));
  SnpEvidenceMessage message;
  message.evidence.report = tee::sev::SerializeReport(report);
  ASSIGN_OR_RETURN(message.evidence.certificates, CertificatesFromJson(json));
  ASSIGN_OR_RETURN(message.hint, HintFromJson(json));
  return message;
}

}  // namespace nacre::attestation
