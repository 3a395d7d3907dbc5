// SNP keeps a running digest of 48 bytes, zero at first. Every page the hypervisor adds before the
// launch is folded in: digest = SHA-384(PAGE_INFO), where PAGE_INFO holds the digest so far, the
// SHA-384 of the page's contents (zeros for pages the hardware fills), its type and its address.
// QEMU adds, in this order: the firmware image below 4 GiB; the ranges firmware metadata asks for,
// the page of kernel hashes among them; one VMSA page per vCPU. So the firmware contributes a
// prefix that depends on nothing else, and a digest can be computed again from that prefix with
// another command line: that is how a refusal is explained (attestation/verifier).
//
// SEV and SEV-ES are a single SHA-256 over firmware, hash table and (ES) VMSA pages.

#include "tee/sev/launch_digest.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/common/hex_number.h"
#include "tee/common/refusal_class.h"
#include "tee/sev/firmware.h"
#include "tee/sev/kernel_hashes.h"
#include "tee/sev/vmsa.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kPageSize = 4096;
constexpr size_t kDigestSize = 48;
constexpr uint64_t kFourGib = 0x100000000;
constexpr uint64_t kVmsaGpa = 0xfffffffff000;  // all ones, page-aligned, 48 bits
constexpr uint64_t kMaxSectionBytes = 256 << 20;

enum class PageType : uint8_t {
  kNormal = 1,
  kVmsa = 2,
  kZero = 3,
  kUnmeasured = 4,
  kSecrets = 5,
  kCpuid = 6,
};

class LaunchDigest {
 public:
  explicit LaunchDigest(ByteView start) : digest_(ToBytes(start)) {}

  void Add(PageType type, uint64_t gpa, ByteView content_hash) {
    ByteWriter info;
    info.Put(digest_).Put(content_hash).U16Le(0x70).U8(static_cast<uint8_t>(type));
    info.Zeros(5);  // not an IMI page; no permissions for VMPL 3..1; reserved
    info.U64Le(gpa);
    digest_ = crypto::Digest(crypto::HashAlgorithm::kSha384, info.bytes());
  }
  void AddPage(PageType type, uint64_t gpa, ByteView page) {
    Add(type, gpa, crypto::Digest(crypto::HashAlgorithm::kSha384, page));
  }
  // Pages whose contents are not measured, only their type and place.
  void AddRange(PageType type, uint64_t gpa, uint64_t size) {
    const Bytes zeros(kDigestSize);
    for (uint64_t offset = 0; offset < size; offset += kPageSize) Add(type, gpa + offset, zeros);
  }
  const Bytes& value() const { return digest_; }

 private:
  Bytes digest_;
};

absl::Status Refuse(std::string_view message, RefusalClass refusal_class = RefusalClass::kFormat) {
  return WithClass(absl::InvalidArgumentError(StrCat("launch measurement: ", message)),
                   refusal_class);
}

bool IsEc2(VmmProfile vmm) { return vmm == VmmProfile::kEc2 || vmm == VmmProfile::kEc2V1; }

absl::Status AddKernelHashes(const Measurement& parts, const FirmwareSection& section,
                             LaunchDigest* digest) {
  if (!parts.kernel_hashes) {
    digest->AddRange(PageType::kZero, section.gpa, section.size);
    return absl::OkStatus();
  }
  if (section.size != kPageSize) return Refuse("kernel-hashes section is not one page");
  if (!parts.firmware.hash_table_gpa) {
    return Refuse("firmware names no SEV hash table", RefusalClass::kNoKernelHashes);
  }
  ASSIGN_OR_RETURN(const Bytes page,
                   BuildHashPage(*parts.kernel_hashes, *parts.firmware.hash_table_gpa));
  digest->AddPage(PageType::kNormal, section.gpa, page);
  return absl::OkStatus();
}

absl::Status AddSection(const Measurement& parts, const FirmwareSection& section,
                        LaunchDigest* digest) {
  if (section.size % kPageSize != 0 || section.size > kMaxSectionBytes) {
    return Refuse(StrCat("firmware section of ", section.size, " bytes"));
  }
  switch (section.type) {
    case kSectionMemory:
      digest->AddRange(parts.vmm == VmmProfile::kGce ? PageType::kUnmeasured : PageType::kZero,
                       section.gpa, section.size);
      return absl::OkStatus();
    case kSectionSecrets:
      digest->AddRange(PageType::kSecrets, section.gpa, kPageSize);
      return absl::OkStatus();
    case kSectionCpuid:
      if (!IsEc2(parts.vmm)) digest->AddRange(PageType::kCpuid, section.gpa, kPageSize);
      return absl::OkStatus();
    case kSectionSvsmCaa:
      digest->AddRange(PageType::kZero, section.gpa, section.size);
      return absl::OkStatus();
    case kSectionKernelHashes:
      return AddKernelHashes(parts, section, digest);
    default:
      return Refuse(StrCat("firmware section of unknown type ", section.type));
  }
}

absl::Status AddSections(const Measurement& parts, LaunchDigest* digest) {
  bool has_hash_section = false;
  for (const FirmwareSection& section : parts.firmware.sections) {
    has_hash_section |= section.type == kSectionKernelHashes;
    RETURN_IF_ERROR(AddSection(parts, section, digest));
  }
  if (IsEc2(parts.vmm)) {  // adds its CPUID pages last
    for (const FirmwareSection& section : parts.firmware.sections) {
      if (section.type == kSectionCpuid) {
        digest->AddRange(PageType::kCpuid, section.gpa, kPageSize);
      }
    }
  }
  if (parts.kernel_hashes && !has_hash_section) {
    return Refuse("a kernel is given, but the firmware has no section for kernel hashes",
                  RefusalClass::kNoKernelHashes);
  }
  return absl::OkStatus();
}

// Page of the boot processor, and the one all others share.
absl::StatusOr<std::pair<Bytes, Bytes>> VmsaPages(const Measurement& parts, uint64_t features) {
  if (parts.vcpus > 1 && !parts.firmware.reset_eip) {
    return Refuse("more than one vCPU, but the firmware has no SEV-ES reset block");
  }
  VcpuStart start{kResetVector, parts.vcpu_signature, features, parts.vmm};
  Bytes boot = BuildVmsaPage(start);
  start.eip = parts.firmware.reset_eip.value_or(0);
  return std::pair(std::move(boot), BuildVmsaPage(start));
}

absl::Status CheckVcpus(uint32_t vcpus) {
  if (vcpus >= 1 && vcpus <= kMaxVcpus) return absl::OkStatus();
  return Refuse(StrCat(vcpus, " vCPUs is not between 1 and ", kMaxVcpus), RefusalClass::kArgument);
}

Bytes FirmwarePrefix(ByteView firmware) {
  LaunchDigest digest{Bytes(kDigestSize)};
  const uint64_t start = kFourGib - firmware.size();
  for (size_t offset = 0; offset < firmware.size(); offset += kPageSize) {
    digest.AddPage(PageType::kNormal, start + offset, firmware.subspan(offset, kPageSize));
  }
  return digest.value();
}

absl::StatusOr<Bytes> SevDigest(const Measurement& parts, ByteView firmware) {
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  hasher.Update(firmware);
  if (parts.kernel_hashes) {
    if (parts.firmware.hash_table_gpa.value_or(0) == 0) {
      return Refuse("a kernel is given, but the firmware names no SEV hash table",
                    RefusalClass::kNoKernelHashes);
    }
    ASSIGN_OR_RETURN(const Bytes table, BuildHashTable(*parts.kernel_hashes));
    hasher.Update(table);
  }
  if (parts.mode == LaunchMode::kSevEs) {
    ASSIGN_OR_RETURN(const auto pages, VmsaPages(parts, 0));
    for (uint32_t i = 0; i < parts.vcpus; ++i) hasher.Update(i == 0 ? pages.first : pages.second);
  }
  return hasher.Finish();
}

absl::StatusOr<Measurement> Measure(const LaunchInputs& inputs, ByteView firmware,
                                    std::optional<KernelHashes> kernel_hashes) {
  if (inputs.mode == LaunchMode::kTdx) return Refuse("mode tdx is not measured by AMD's rules");
  ASSIGN_OR_RETURN(FirmwareLayout layout, ParseFirmware(firmware));
  Measurement out;
  out.mode = inputs.mode;
  out.vmm = inputs.vmm;
  out.firmware.sha256 = crypto::Digest(crypto::HashAlgorithm::kSha256, firmware);
  out.firmware.sections = std::move(layout.sections);
  out.firmware.hash_table_gpa = layout.hash_table_gpa;
  out.firmware.reset_eip = layout.reset_eip;
  out.kernel_hashes = std::move(kernel_hashes);
  out.command_line = inputs.command_line;
  out.vcpus = inputs.vcpus;
  out.vcpu_type = inputs.vcpu_type;
  out.guest_features = inputs.guest_features;
  // Only QEMU's SEV-ES and SNP measure the CPU model.
  if (inputs.mode != LaunchMode::kSev && inputs.vmm == VmmProfile::kQemu) {
    ASSIGN_OR_RETURN(out.vcpu_signature, VcpuSignature(inputs.vcpu_type));
  }
  if (inputs.mode == LaunchMode::kSnp) {
    if (firmware.empty() || firmware.size() % kPageSize != 0) {
      return Refuse(StrCat("firmware of ", firmware.size(), " bytes is not whole pages"));
    }
    out.firmware.launch_prefix = FirmwarePrefix(firmware);
    ASSIGN_OR_RETURN(out.digest, ReplaySnpDigest(out));
  } else {
    ASSIGN_OR_RETURN(out.digest, SevDigest(out, firmware));
  }
  return out;
}

// SHA-256 of a file, in constant memory.
absl::StatusOr<Bytes> HashFile(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  Bytes buffer(64 * 1024);
  while (true) {
    const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ErrnoStatus(errno, StrCat("reading ", path));
    if (size == 0) return hasher.Finish();
    hasher.Update(ByteView(buffer).first(static_cast<size_t>(size)));
  }
}

}  // namespace

const std::map<std::string_view, uint32_t>& KnownVcpuModels() {
  static const auto* models = new std::map<std::string_view, uint32_t>{
      {"EPYC", 0x800f12},          {"EPYC-v1", 0x800f12},      {"EPYC-v2", 0x800f12},
      {"EPYC-IBPB", 0x800f12},     {"EPYC-v3", 0x800f12},      {"EPYC-v4", 0x800f12},
      {"EPYC-Rome", 0x830f10},     {"EPYC-Rome-v1", 0x830f10}, {"EPYC-Rome-v2", 0x830f10},
      {"EPYC-Rome-v3", 0x830f10},  {"EPYC-Milan", 0xa00f11},   {"EPYC-Milan-v1", 0xa00f11},
      {"EPYC-Milan-v2", 0xa00f11}, {"EPYC-Genoa", 0xa10f10},   {"EPYC-Genoa-v1", 0xa10f10},
      {"EPYC-Turin", 0xb00f00},
  };
  return *models;
}

absl::StatusOr<uint32_t> VcpuSignature(std::string_view vcpu_type) {
  const auto found = KnownVcpuModels().find(vcpu_type);
  if (found != KnownVcpuModels().end()) return found->second;
  const auto number = ParseHexNumber(vcpu_type, "vCPU type");
  if (number.ok() && *number <= UINT32_MAX) return static_cast<uint32_t>(*number);
  std::string known;
  for (const auto& [name, signature] : KnownVcpuModels()) {
    StrAppend(&known, known.empty() ? "" : ", ", name);
  }
  return Refuse(StrCat("vCPU type '", vcpu_type, "' is unknown (known: ", known,
                       "; or a CPUID signature such as 0x800f12)"),
                RefusalClass::kArgument);
}

absl::StatusOr<Bytes> ReplaySnpDigest(const Measurement& parts) {
  if (parts.mode != LaunchMode::kSnp) {
    return Refuse("only an SNP measurement can be replayed", RefusalClass::kArgument);
  }
  if (parts.firmware.launch_prefix.size() != kDigestSize) {
    return Refuse("firmware prefix is not 48 bytes");
  }
  RETURN_IF_ERROR(CheckVcpus(parts.vcpus));
  LaunchDigest digest(parts.firmware.launch_prefix);
  RETURN_IF_ERROR(AddSections(parts, &digest));
  ASSIGN_OR_RETURN(const auto pages, VmsaPages(parts, parts.guest_features));
  const Bytes boot = crypto::Digest(crypto::HashAlgorithm::kSha384, pages.first);
  const Bytes others = crypto::Digest(crypto::HashAlgorithm::kSha384, pages.second);
  for (uint32_t i = 0; i < parts.vcpus; ++i) {
    digest.Add(PageType::kVmsa, kVmsaGpa, i == 0 ? boot : others);
  }
  return digest.value();
}

absl::StatusOr<Measurement> MeasureLaunch(const LaunchInputs& inputs) {
  RETURN_IF_ERROR(WithClass(inputs.Validate(), RefusalClass::kArgument));
  ASSIGN_OR_RETURN(const Bytes firmware, ReadFile(inputs.firmware_path, kMaxFirmware), "firmware");
  std::optional<KernelHashes> hashes;
  if (!inputs.kernel_path.empty()) {
    hashes.emplace();
    ASSIGN_OR_RETURN(hashes->kernel, HashFile(inputs.kernel_path), "kernel");
    if (inputs.initrd_path.empty()) {
      hashes->initrd = crypto::Digest(crypto::HashAlgorithm::kSha256, {});
    } else {
      ASSIGN_OR_RETURN(hashes->initrd, HashFile(inputs.initrd_path), "initrd");
    }
    hashes->command_line = CommandLineHash(inputs.command_line);
  }
  return Measure(inputs, firmware, std::move(hashes));
}

absl::StatusOr<Measurement> MeasureLaunch(const LaunchInputs& inputs, ByteView firmware,
                                          ByteView kernel, ByteView initrd) {
  RETURN_IF_ERROR(WithClass(inputs.Validate(), RefusalClass::kArgument));
  std::optional<KernelHashes> hashes;
  if (!inputs.kernel_path.empty()) {
    hashes = KernelHashes{crypto::Digest(crypto::HashAlgorithm::kSha256, kernel),
                          crypto::Digest(crypto::HashAlgorithm::kSha256, initrd),
                          CommandLineHash(inputs.command_line)};
  }
  return Measure(inputs, firmware, std::move(hashes));
}

}  // namespace nacre::tee::sev
