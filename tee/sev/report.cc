// One table of fields, walked twice: `VisitFields` names every field in wire order once, and a
// reader and a writer are applied to it, so parse and serialise cannot drift apart.

#include "tee/sev/report.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kSignificant = 48;  // bytes of a P-384 scalar
constexpr uint32_t kMinReportVersion = 2;
constexpr uint32_t kMaxReportVersion = 5;

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : bytes_(bytes) {}
  void operator()(uint8_t& value) { value = Next(); }
  void operator()(uint32_t& value) { value = static_cast<uint32_t>(Little(4)); }
  void operator()(uint64_t& value) { value = Little(8); }
  template <size_t N>
  void operator()(std::array<uint8_t, N>& value) {
    for (uint8_t& byte : value) byte = Next();
  }

 private:
  uint8_t Next() { return bytes_[offset_++]; }  // the size was checked once, for all fields
  uint64_t Little(int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) value |= static_cast<uint64_t>(Next()) << (8 * i);
    return value;
  }
  ByteView bytes_;
  size_t offset_ = 0;
};

class FieldWriter {
 public:
  void operator()(uint8_t value) { out_.U8(value); }
  void operator()(uint32_t value) { out_.U32Le(value); }
  void operator()(uint64_t value) { out_.U64Le(value); }
  template <size_t N>
  void operator()(const std::array<uint8_t, N>& value) {
    out_.Put(ByteView(value));
  }
  Bytes Release() { return out_.Release(); }

 private:
  ByteWriter out_;
};

// AMD 56860 table "ATTESTATION_REPORT Structure", offset 0 to 0x4A0.
template <typename ReportType, typename Visitor>
void VisitFields(ReportType& report, Visitor& visit) {
  visit(report.version);
  visit(report.guest_svn);
  visit(report.policy.value);
  visit(report.family_id);
  visit(report.image_id);
  visit(report.vmpl);
  visit(report.signature_algorithm);
  visit(report.current_tcb.raw);
  visit(report.platform_info);
  visit(report.key_info);
  visit(report.reserved_4c);
  visit(report.report_data);
  visit(report.measurement);
  visit(report.host_data);
  visit(report.id_key_digest);
  visit(report.author_key_digest);
  visit(report.report_id);
  visit(report.report_id_ma);
  visit(report.reported_tcb.raw);
  visit(report.cpuid_family);
  visit(report.cpuid_model);
  visit(report.cpuid_stepping);
  visit(report.reserved_18b);
  visit(report.chip_id);
  visit(report.committed_tcb.raw);
  for (auto* firmware : {&report.current_firmware, &report.committed_firmware}) {
    visit(firmware->build);
    visit(firmware->minor);
    visit(firmware->major);
    visit(firmware == &report.current_firmware ? report.reserved_1eb : report.reserved_1ef);
  }
  visit(report.launch_tcb.raw);
  visit(report.launch_mitigations);
  visit(report.current_mitigations);
  visit(report.reserved_208);
  visit(report.signature_r);
  visit(report.signature_s);
  visit(report.signature_reserved);
}

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

std::string_view ProductName(Product product) {
  switch (product) {
    case Product::kMilan:
      return "Milan";
    case Product::kGenoa:
      return "Genoa";
    case Product::kTurin:
      return "Turin";
  }
  return "unknown";
}

absl::StatusOr<Product> ParseProductName(std::string_view name) {
  for (Product product : {Product::kMilan, Product::kGenoa, Product::kTurin}) {
    if (name == ProductName(product)) return product;
  }
  return absl::InvalidArgumentError(StrCat("product '", name, "' is not Milan, Genoa or Turin"));
}

bool TcbComponents::AtLeast(const TcbComponents& minimum) const {
  return fmc >= minimum.fmc && bootloader >= minimum.bootloader && tee >= minimum.tee &&
         snp >= minimum.snp && microcode >= minimum.microcode;
}

std::string TcbComponents::ToString() const {
  return StrCat(fmc == 0 ? "" : StrCat("fmc ", fmc, ", "), "bootloader ", bootloader, ", tee ", tee,
                ", snp ", snp, ", microcode ", microcode);
}

TcbComponents TcbVersion::Components(Product product) const {
  if (product == Product::kTurin) return {raw[0], raw[1], raw[2], raw[3], raw[7]};
  return {0, raw[0], raw[1], raw[6], raw[7]};
}

TcbVersion TcbVersion::FromComponents(Product product, const TcbComponents& tcb) {
  TcbVersion out;
  if (product == Product::kTurin) {
    out.raw = {tcb.fmc, tcb.bootloader, tcb.tee, tcb.snp, 0, 0, 0, tcb.microcode};
  } else {
    out.raw = {tcb.bootloader, tcb.tee, 0, 0, 0, 0, tcb.snp, tcb.microcode};
  }
  return out;
}

bool FirmwareVersion::AtLeast(const FirmwareVersion& minimum) const {
  return std::tie(major, minor, build) >= std::tie(minimum.major, minimum.minor, minimum.build);
}

std::string FirmwareVersion::ToString() const { return StrCat(major, ".", minor, ".", build); }

absl::StatusOr<Report> ParseReport(ByteView bytes) {
  if (bytes.size() != kReportSize) {
    return RefusedError(RefusalClass::kFormat,
                        StrCat("SNP report: ", bytes.size(), " bytes, not ", kReportSize));
  }
  Report report;
  FieldReader reader(bytes);
  VisitFields(report, reader);
  if (report.version < kMinReportVersion || report.version > kMaxReportVersion) {
    return RefusedError(RefusalClass::kUnsupportedVersion,
                        StrCat("SNP report: version ", report.version, " is not 2, 3, 4 or 5"));
  }
  return report;
}

Bytes SerializeReport(const Report& report) {
  FieldWriter writer;
  VisitFields(report, writer);
  return writer.Release();
}

absl::StatusOr<Bytes> ReportSignature(const Report& report) {
  if (report.signature_algorithm != 1) {
    return RefusedError(RefusalClass::kUnsupported,
                        StrCat("SNP report: signature algorithm ", report.signature_algorithm,
                               " is not 1 (ECDSA P-384 with SHA-384)"));
  }
  Bytes out;
  for (const auto* part : {&report.signature_r, &report.signature_s}) {
    if (!AllZero(ByteView(*part).subspan(kSignificant))) {
      return RefusedError(RefusalClass::kFormat,
                          "SNP report: a signature number is longer than 48 bytes");
    }
    out.insert(out.end(), part->rend() - kSignificant, part->rend());
  }
  if (!AllZero(report.signature_reserved)) {
    return RefusedError(RefusalClass::kFormat,
                        "SNP report: bytes after the signature are not zero");
  }
  return out;
}

absl::Status SetReportSignature(ByteView signature, Report* report) {
  if (signature.size() != 2 * kSignificant) {
    return absl::InvalidArgumentError(
        StrCat("SNP report signature: ", signature.size(), " bytes, not 96"));
  }
  const ByteView r = signature.first(kSignificant);
  const ByteView s = signature.subspan(kSignificant);
  report->signature_r = {};
  report->signature_s = {};
  report->signature_reserved = {};
  std::reverse_copy(r.begin(), r.end(), report->signature_r.begin());
  std::reverse_copy(s.begin(), s.end(), report->signature_s.begin());
  return absl::OkStatus();
}

std::optional<Product> ReportProduct(const Report& report) {
  if (report.version < 3) return std::nullopt;
  if (report.cpuid_family == 0x19) {
    if (report.cpuid_model <= 0x0f) return Product::kMilan;
    if (report.cpuid_model <= 0x1f) return Product::kGenoa;
    if (report.cpuid_model >= 0xa0 && report.cpuid_model <= 0xaf) return Product::kGenoa;
  }
  if (report.cpuid_family == 0x1a && report.cpuid_model <= 0x11) return Product::kTurin;
  return std::nullopt;
}

}  // namespace nacre::tee::sev
