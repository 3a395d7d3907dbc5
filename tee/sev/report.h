// The SEV-SNP ATTESTATION_REPORT (AMD 56860, "MSG_REPORT_RSP"): 1184 bytes, little-endian.
// Versions 2 to 5: 3 adds the processor's CPUID (and 4, as seen on machines, differs from 3 in
// nothing that is published), 5 the mitigation vectors. Parse and serialise are exact inverses:
// reserved bytes are kept as they came.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace nacre::tee::sev {

inline constexpr size_t kReportSize = 1184;
inline constexpr size_t kSignedSize = 0x2A0;  // bytes under the signature
inline constexpr size_t kMeasurementSize = 48;

// Siena and Bergamo are certified as Genoa.
enum class Product { kMilan, kGenoa, kTurin };
std::string_view ProductName(Product product);  // "Milan", "Genoa", "Turin"
absl::StatusOr<Product> ParseProductName(std::string_view name);

// Security patch levels. `fmc` exists on Turin only (0 elsewhere).
struct TcbComponents {
  uint8_t fmc = 0;
  uint8_t bootloader = 0;
  uint8_t tee = 0;
  uint8_t snp = 0;
  uint8_t microcode = 0;
  bool operator==(const TcbComponents&) const = default;
  // Every component at least that of `minimum`.
  bool AtLeast(const TcbComponents& minimum) const;
  std::string ToString() const;  // "bootloader 4, tee 0, snp 24, microcode 219"
};

// TCB_VERSION as it stands in the report; which byte is which depends on the product.
struct TcbVersion {
  std::array<uint8_t, 8> raw{};
  TcbComponents Components(Product product) const;
  static TcbVersion FromComponents(Product product, const TcbComponents& components);
  bool operator==(const TcbVersion&) const = default;
};

struct FirmwareVersion {
  uint8_t build = 0;
  uint8_t minor = 0;
  uint8_t major = 0;
  bool operator==(const FirmwareVersion&) const = default;
  // By major, then minor, then build.
  bool AtLeast(const FirmwareVersion& minimum) const;
  std::string ToString() const;  // "1.55.29": major, minor, build
};

// POLICY (offset 0x08).
struct GuestPolicy {
  uint64_t value = 0;
  uint8_t abi_minor() const { return value & 0xff; }
  uint8_t abi_major() const { return (value >> 8) & 0xff; }
  bool smt_allowed() const { return Bit(16); }
  bool must_be_one() const { return Bit(17); }
  bool migration_agent_allowed() const { return Bit(18); }
  bool debug_allowed() const { return Bit(19); }
  bool single_socket_required() const { return Bit(20); }
  // From here on only firmware of a newer ABI knows the bits.
  bool cxl_allowed() const { return Bit(21); }
  bool aes_256_xts_required() const { return Bit(22); }
  bool rapl_must_be_disabled() const { return Bit(23); }
  bool ciphertext_hiding_required() const { return Bit(24); }
  bool page_swap_must_be_disabled() const { return Bit(25); }
  bool operator==(const GuestPolicy&) const = default;

 private:
  bool Bit(int index) const { return ((value >> index) & 1) != 0; }
};

// PLATFORM_INFO (offset 0x40). Bits not named here are data: newer firmware sets more.
struct PlatformInfo {
  uint64_t value = 0;
  bool smt_enabled() const { return Bit(0); }
  bool tsme_enabled() const { return Bit(1); }
  bool ecc_enabled() const { return Bit(2); }
  bool rapl_disabled() const { return Bit(3); }
  bool ciphertext_hiding_enabled() const { return Bit(4); }
  bool alias_check_complete() const { return Bit(5); }
  bool tio_enabled() const { return Bit(7); }

 private:
  bool Bit(int index) const { return ((value >> index) & 1) != 0; }
};

enum class SigningKey : uint8_t { kVcek = 0, kVlek = 1, kNone = 7 };

struct Report {
  uint32_t version = 0;
  uint32_t guest_svn = 0;
  GuestPolicy policy;
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t vmpl = 0;
  uint32_t signature_algorithm = 0;  // 1 = ECDSA P-384 with SHA-384
  TcbVersion current_tcb;
  uint64_t platform_info = 0;
  uint32_t key_info = 0;  // bit 0 author key, bit 1 chip key masked, bits 4:2 signing key
  std::array<uint8_t, 4> reserved_4c{};
  std::array<uint8_t, 64> report_data{};
  std::array<uint8_t, 48> measurement{};
  std::array<uint8_t, 32> host_data{};
  std::array<uint8_t, 48> id_key_digest{};
  std::array<uint8_t, 48> author_key_digest{};
  std::array<uint8_t, 32> report_id{};
  std::array<uint8_t, 32> report_id_ma{};
  TcbVersion reported_tcb;
  uint8_t cpuid_family = 0;  // version 3 on; zero before
  uint8_t cpuid_model = 0;
  uint8_t cpuid_stepping = 0;
  std::array<uint8_t, 21> reserved_18b{};
  std::array<uint8_t, 64> chip_id{};
  TcbVersion committed_tcb;
  FirmwareVersion current_firmware;
  uint8_t reserved_1eb = 0;
  FirmwareVersion committed_firmware;
  uint8_t reserved_1ef = 0;
  TcbVersion launch_tcb;
  uint64_t launch_mitigations = 0;   // version 5
  uint64_t current_mitigations = 0;  // version 5
  std::array<uint8_t, 152> reserved_208{};
  std::array<uint8_t, 72> signature_r{};  // little-endian, zero above byte 47
  std::array<uint8_t, 72> signature_s{};
  std::array<uint8_t, 368> signature_reserved{};

  bool author_key_enabled() const { return (key_info & 1) != 0; }
  // Says nothing about CHIP_ID, which is masked (zero) by another setting.
  bool chip_key_masked() const { return (key_info & 2) != 0; }
  PlatformInfo platform() const { return {platform_info}; }
  SigningKey signing_key() const { return static_cast<SigningKey>((key_info >> 2) & 7); }
  bool operator==(const Report&) const = default;
};

// kInvalidArgument: not exactly 1184 bytes (class FORMAT), or a version other than 2 to 5 (class
// UNSUPPORTED_VERSION).
absl::StatusOr<Report> ParseReport(ByteView bytes);
Bytes SerializeReport(const Report& report);  // always kReportSize bytes

// The signature as 96 big-endian bytes r||s. kInvalidArgument when the algorithm is not 1, or a
// byte outside the 48 significant ones of R and S, or of the unsigned tail, is not zero (those
// bytes are not under the signature, so anyone could have changed them). Classes UNSUPPORTED and
// FORMAT.
absl::StatusOr<Bytes> ReportSignature(const Report& report);
// The reverse: stores 96 big-endian bytes r||s. kInvalidArgument at any other length.
absl::Status SetReportSignature(ByteView signature, Report* report);

// By CPUID family and model: nullopt for a version 2 report (it has none) and for unknown parts.
std::optional<Product> ReportProduct(const Report& report);

}  // namespace nacre::tee::sev
