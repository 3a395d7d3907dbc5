#include "image-rs-cpp/signature/keyring.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr std::string_view kBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kEnd = "-----END PGP PUBLIC KEY BLOCK-----";

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("OpenPGP key: ", why));
}

// RFC 9580 section 6.1.1.
uint32_t Crc24(ByteView data) {
  uint32_t crc = 0xb704ce;
  for (uint8_t byte : data) {
    crc ^= static_cast<uint32_t>(byte) << 16;
    for (int bit = 0; bit < 8; ++bit) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

absl::Status CheckCrc(std::string_view line, ByteView data) {
  absl::StatusOr<Bytes> sum = Base64Decode(line);
  if (!sum.ok() || sum->size() != 3) return Bad("its checksum does not parse");
  const uint32_t stated = (*sum)[0] << 16 | (*sum)[1] << 8 | (*sum)[2];
  return stated == Crc24(data) ? absl::OkStatus() : Bad("its checksum is another");
}

// One block, from after its first line.
absl::StatusOr<Bytes> ReadBlock(std::string_view block) {
  bool in_headers = true;
  std::string base64, checksum;
  for (std::string_view line : StrSplit(block, '\n')) {
    line = StripSpace(line);
    if (in_headers) {
      // "Version: ...", then an empty line.
      in_headers = !line.empty();
      if (in_headers && line.find(": ") == line.npos) return Bad("its armour has a wrong header");
      continue;
    }
    if (line.empty()) continue;
    if (!checksum.empty()) return Bad("something follows its checksum");
    if (line.starts_with('=')) {
      checksum = line.substr(1);
    } else {
      base64 += line;
    }
  }
  absl::StatusOr<Bytes> data = Base64Decode(base64);
  if (!data.ok()) return Bad("its armour is not base64");
  if (!checksum.empty()) RETURN_IF_ERROR(CheckCrc(checksum, *data));
  return data;
}

absl::StatusOr<Bytes> CheckBinary(Bytes data) {
  // Packet header with tag 6, in the old format or the new one.
  const bool key = !data.empty() && ((data[0] & 0xfc) == 0x98 || data[0] == 0xc6);
  if (!key) return Bad("does not begin with a public key");
  return data;
}

}  // namespace

absl::StatusOr<Bytes> ReadKeyring(ByteView text) {
  std::string_view rest = AsText(text);
  if (rest.find("-----BEGIN ") == rest.npos) return CheckBinary(ToBytes(text));
  Bytes out;
  while (!(rest = StripSpace(rest)).empty()) {
    if (!rest.starts_with(kBegin)) return Bad("is armoured as something but public keys");
    rest.remove_prefix(kBegin.size());
    rest = rest.starts_with("\r\n") ? rest.substr(2) : rest.substr(rest.starts_with('\n') ? 1 : 0);
    const size_t end = rest.find(kEnd);
    if (end == rest.npos) return Bad("its armour has no end");
    ASSIGN_OR_RETURN(Bytes block, ReadBlock(rest.substr(0, end)));
    ASSIGN_OR_RETURN(block, CheckBinary(std::move(block)));
    out.insert(out.end(), block.begin(), block.end());
    rest.remove_prefix(end + kEnd.size());
  }
  return out;
}

}  // namespace nacre::image
