// What a TPM 2.0 signs when it quotes PCRs: TPMS_ATTEST with TPMS_QUOTE_INFO (TPM 2.0 Library, part
// 2, section 10.12). Numbers are big-endian. Parsing takes every byte; serialising gives the same
// bytes back.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "tee/eventlog/bank.h"

namespace nacre::tee::tpm {

using eventlog::Bank;

inline constexpr uint32_t kGeneratedMagic = 0xff544347;  // TPM_GENERATED_VALUE: "\xffTCG"
inline constexpr uint16_t kAttestQuote = 0x8018;         // TPM_ST_ATTEST_QUOTE
inline constexpr size_t kMaxNonceSize = 66;              // TPM2B_DATA: a TPMT_HA of SHA-512
inline constexpr size_t kMaxNameSize = 66;               // TPM2B_NAME: algorithm and digest
inline constexpr size_t kMaxSelections = 16;             // banks in one list
inline constexpr size_t kMaxSelectBytes = 4;             // PCRs 0 to 31

// PCRs of one bank: bit i%8 of byte i/8 is PCR i.
struct PcrSelection {
  Bank bank = Bank::kSha256;
  Bytes bits = {0, 0, 0};

  bool Has(uint32_t pcr) const;
  std::vector<uint32_t> Pcrs() const;                                    // in order
  static PcrSelection Of(Bank bank, const std::vector<uint32_t>& pcrs);  // below 24
  bool operator==(const PcrSelection&) const = default;
};

struct Attest {
  Bytes qualified_signer;
  Bytes extra_data;          // the nonce
  uint64_t clock = 0;        // milliseconds the TPM was powered
  uint32_t reset_count = 0;  // TPM resets: a reboot counts
  uint32_t restart_count = 0;
  bool safe = false;  // no larger clock was ever reported
  uint64_t firmware_version = 0;
  std::vector<PcrSelection> selections;
  Bytes pcr_digest;  // over the selected PCRs, in order
};

// kInvalidArgument (class FORMAT): another magic or type, a size past the end, bytes left over.
// Class UNSUPPORTED for a selection of an unknown bank.
absl::StatusOr<Attest> ParseAttest(ByteView bytes);
Bytes SerializeAttest(const Attest& attest);

}  // namespace nacre::tee::tpm
