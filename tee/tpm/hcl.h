// What Azure's paravisor (HCL, "host compatibility layer") keeps in TPM NV index 0x01400001: the
// hardware's own report about the virtual machine, and the runtime data whose digest is in it,
// among it the attestation key of the vTPM. Offsets, all little-endian:
//
//   0x000  "HCLA", u32 version (1 or 2), u32 size of all, u32 request type, reserved
//   0x020  1184 bytes: an SNP report, or a TDREPORT of 1024 bytes and zeros
//   0x4C0  u32 size of the runtime data, u32 its version, u32 report type (2 SNP, 4 TDX), u32 hash
//          type (1 SHA-256), u32 size of the variable data
//   0x4D4  variable data: JSON with "keys" (JWKs), "vm-configuration", "user-data"
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"
#include "crypto/key.h"

namespace nacre::tee::tpm {

enum class HclReportType : uint32_t { kSnp = 2, kTdx = 4 };

inline constexpr size_t kMaxHclReport = 64 << 10;

struct HclReport {
  uint32_t version = 0;
  uint32_t report_size = 0;
  uint32_t request_type = 0;
  uint32_t runtime_data_size = 0;
  uint32_t runtime_data_version = 0;
  HclReportType type = HclReportType::kSnp;
  Bytes hardware_report;  // 1184 bytes of SNP report, or 1024 of TDREPORT
  Bytes variable_data;    // the JSON, as it was hashed

  // What a hardware report that vouches for the variable data has as report data: its SHA-256 and
  // 32 zeros.
  Bytes ReportData() const;
};

// kInvalidArgument (class FORMAT): wrong magic, sizes that do not agree or pass the end, non-zero
// padding; class UNSUPPORTED for another version, report type or hash type.
absl::StatusOr<HclReport> ParseHclReport(ByteView bytes);

// What the variable data says. To be read only once a hardware report has vouched for it.
struct HclRuntimeData {
  crypto::PublicKey attestation_key;                    // kid "HCLAkPub"
  std::string user_data;                                // hex, as written; empty when absent
  std::map<std::string, std::string> vm_configuration;  // booleans as "true" and "false"
};
absl::StatusOr<HclRuntimeData> ParseHclRuntimeData(ByteView json);

}  // namespace nacre::tee::tpm
