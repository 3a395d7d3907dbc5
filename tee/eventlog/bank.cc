#include "tee/eventlog/bank.h"

#include "base/strings.h"
#include "crypto/sha1.h"

namespace nacre::tee::eventlog {
namespace {

constexpr Bank kBanks[] = {Bank::kSha1, Bank::kSha256, Bank::kSha384, Bank::kSha512};

}  // namespace

std::optional<Bank> BankFromId(uint16_t id) {
  for (Bank bank : kBanks) {
    if (static_cast<uint16_t>(bank) == id) return bank;
  }
  return std::nullopt;
}

size_t BankSize(Bank bank) {
  switch (bank) {
    case Bank::kSha1:
      return 20;
    case Bank::kSha256:
      return 32;
    case Bank::kSha384:
      return 48;
    case Bank::kSha512:
      return 64;
  }
  return 0;
}

std::string_view BankName(Bank bank) {
  switch (bank) {
    case Bank::kSha1:
      return "sha1";
    case Bank::kSha256:
      return "sha256";
    case Bank::kSha384:
      return "sha384";
    case Bank::kSha512:
      return "sha512";
  }
  return "";
}

absl::StatusOr<Bank> ParseBankName(std::string_view name) {
  for (Bank bank : kBanks) {
    if (name == BankName(bank)) return bank;
  }
  return absl::InvalidArgumentError(
      StrCat("bank '", name, "' is not sha1, sha256, sha384 or sha512"));
}

std::optional<crypto::HashAlgorithm> Sha2OfBank(Bank bank) {
  switch (bank) {
    case Bank::kSha256:
      return crypto::HashAlgorithm::kSha256;
    case Bank::kSha384:
      return crypto::HashAlgorithm::kSha384;
    case Bank::kSha512:
      return crypto::HashAlgorithm::kSha512;
    case Bank::kSha1:
      break;
  }
  return std::nullopt;
}

Bytes BankDigest(Bank bank, ByteView data) {
  const auto sha2 = Sha2OfBank(bank);
  return sha2 ? crypto::Digest(*sha2, data) : crypto::Sha1(data);
}

Bytes Extended(Bank bank, ByteView value, ByteView digest) {
  std::array<uint8_t, 2 * kMaxDigestSize> both;
  if (value.size() > kMaxDigestSize || digest.size() > kMaxDigestSize) {  // of no bank
    return BankDigest(bank, ByteWriter().Put(value).Put(digest).bytes());
  }
  std::copy(digest.begin(), digest.end(), std::copy(value.begin(), value.end(), both.begin()));
  return BankDigest(bank, ByteView(both).first(value.size() + digest.size()));
}

}  // namespace nacre::tee::eventlog
