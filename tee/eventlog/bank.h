// The digests of TPM register banks and event logs, by their numbers in the TCG Algorithm Registry.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace nacre::tee::eventlog {

enum class Bank : uint16_t { kSha1 = 0x0004, kSha256 = 0x000b, kSha384 = 0x000c, kSha512 = 0x000d };

inline constexpr size_t kMaxBanks = 4;
inline constexpr size_t kMaxDigestSize = 64;

// nullopt for an algorithm that is none of these.
std::optional<Bank> BankFromId(uint16_t id);
size_t BankSize(Bank bank);            // of a digest: 20, 32, 48 or 64 bytes
std::string_view BankName(Bank bank);  // "sha1", "sha256", "sha384", "sha512"
// kInvalidArgument for any other name.
absl::StatusOr<Bank> ParseBankName(std::string_view name);

// nullopt for SHA-1, which proves nothing today.
std::optional<crypto::HashAlgorithm> Sha2OfBank(Bank bank);
Bytes BankDigest(Bank bank, ByteView data);
// What a register that holds `value` holds after an extend with `digest`: H(value || digest). Both
// are BankSize() bytes in a real register.
Bytes Extended(Bank bank, ByteView value, ByteView digest);

}  // namespace nacre::tee::eventlog
