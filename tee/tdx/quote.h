// ECDSA quotes of Intel's quote generation: versions 4 and 5 (TDX) and 3 (SGX), as the Intel TDX
// DCAP Quoting Library API describes them. Little-endian; keys and signatures big-endian r || s and
// x || y. Lengths in the quote decide its size: what follows is counted, never read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace nacre::tee::tdx {

inline constexpr size_t kQuoteHeaderSize = 48;
inline constexpr size_t kTd10BodySize = 584;
inline constexpr size_t kTd15BodySize = 648;
inline constexpr size_t kEnclaveReportSize = 384;
inline constexpr size_t kMaxQuoteSize = 1 << 20;
inline constexpr uint32_t kTeeTypeSgx = 0;
inline constexpr uint32_t kTeeTypeTdx = 0x81;
inline constexpr uint16_t kKeyTypeEcdsaP256 = 2;
inline constexpr uint16_t kCertificationPckChain = 5;  // PEM: leaf, intermediate, root
inline constexpr uint16_t kCertificationQeReport = 6;
// Intel's quoting enclave.
inline constexpr std::array<uint8_t, 16> kIntelQeVendorId = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

using Digest384 = std::array<uint8_t, 48>;

struct QuoteHeader {
  uint16_t version = 0;
  uint16_t attestation_key_type = 0;
  uint32_t tee_type = 0;
  uint16_t qe_svn = 0;   // version 3; reserved in 4 and 5
  uint16_t pce_svn = 0;  // likewise
  std::array<uint8_t, 16> qe_vendor_id{};
  std::array<uint8_t, 20> user_data{};
};

// Bits of td_attributes.
inline constexpr uint64_t kTdDebug = 1ull << 0;
inline constexpr uint64_t kTdSeptVeDisable = 1ull << 28;
inline constexpr uint64_t kTdMigratable = 1ull << 29;
inline constexpr uint64_t kTdPks = 1ull << 30;
inline constexpr uint64_t kTdKl = 1ull << 31;
inline constexpr uint64_t kTdPerfmon = 1ull << 63;

// What TD 1.5 adds: the module now running (it may have been updated since the launch) and service
// TDs. (Not inside TdBody: clang takes a nested class with initialisers for incomplete there.)
struct Td15Body {
  std::array<uint8_t, 16> tee_tcb_svn_2{};
  Digest384 mrservicetd{};
  bool operator==(const Td15Body&) const = default;
};

// What a trust domain is: TDREPORT's TDINFO and the part of TEE_TCB_INFO that quotes carry.
struct TdBody {
  std::array<uint8_t, 16> tee_tcb_svn{};  // [0] module's minor SVN, [1] module's version
  Digest384 mrseam{};
  Digest384 mrsignerseam{};
  std::array<uint8_t, 8> seamattributes{};
  uint64_t td_attributes = 0;
  uint64_t xfam = 0;
  Digest384 mrtd{};
  Digest384 mrconfigid{};
  Digest384 mrowner{};
  Digest384 mrownerconfig{};
  std::array<Digest384, 4> rtmr{};
  std::array<uint8_t, 64> report_data{};
  using Td15 = Td15Body;
  std::optional<Td15> td15;

  bool debug() const { return (td_attributes & kTdDebug) != 0; }
  bool operator==(const TdBody&) const = default;
};

// An SGX report body: the quoting enclave's, and what an SGX quote is about.
struct EnclaveReport {
  std::array<uint8_t, 16> cpu_svn{};
  uint32_t miscselect = 0;
  std::array<uint8_t, 28> reserved1{};
  std::array<uint8_t, 16> attributes{};
  std::array<uint8_t, 32> mrenclave{};
  std::array<uint8_t, 32> reserved2{};
  std::array<uint8_t, 32> mrsigner{};
  std::array<uint8_t, 96> reserved3{};
  uint16_t isv_prod_id = 0;
  uint16_t isv_svn = 0;
  std::array<uint8_t, 60> reserved4{};
  std::array<uint8_t, 64> report_data{};
};

struct QuoteSignature {
  std::array<uint8_t, 64> signature{};        // by the attestation key, over the signed bytes
  std::array<uint8_t, 64> attestation_key{};  // P-256 point
  EnclaveReport qe_report;
  std::array<uint8_t, 64> qe_report_signature{};  // by the PCK
  Bytes qe_auth_data;
  uint16_t certification_type = 0;  // kCertificationPckChain in every quote seen
  Bytes certification_data;         // PEM, often with a trailing NUL
};

struct Quote {
  QuoteHeader header;
  std::optional<TdBody> td;          // exactly one of these two
  std::optional<EnclaveReport> sgx;  // version 3
  QuoteSignature signature;
  size_t signed_size = 0;  // the quote's first bytes: what the attestation key signs
  size_t size = 0;         // up to the end of the signature data
  size_t trailing = 0;     // bytes of the buffer after that
};

// kInvalidArgument for anything else, with the offending field; its class (tee/common/
// refusal_class.h) is kFormat, or kUnsupported for another version, TEE or key type.
absl::StatusOr<Quote> ParseQuote(ByteView bytes);

// The first `size` bytes that were parsed, again.
Bytes SerializeQuote(const Quote& quote);

// The pieces, for writers of quotes: header and body as they are signed; one enclave report.
Bytes SerializeSignedPart(const Quote& quote);
Bytes SerializeEnclaveReport(const EnclaveReport& report);
Bytes SerializeTdBody(const TdBody& body);

}  // namespace nacre::tee::tdx
