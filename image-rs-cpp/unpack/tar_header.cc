// Tar grew in layers. The v7 header has octal numbers in fixed fields; ustar adds a prefix to the
// name; GNU writes large numbers in base 256 (first bit set) and long names as members of their
// own; pax puts "length key=value\n" records into a member before the one they describe. What pax
// says wins over GNU's long names, and both over the header.
#include "image-rs-cpp/unpack/tar_header.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kLink{157, 100}, kMagic{257, 8}, kMajor{329, 8},
    kMinor{337, 8}, kPrefix{345, 155};
constexpr size_t kType = 156;

ByteView Cut(ByteView block, Field field) { return block.subspan(field.offset, field.size); }

std::string Text(ByteView field) {
  return std::string(field.begin(), std::find(field.begin(), field.end(), 0));
}

absl::Status BadNumber(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("tar header: ", what, " is not a number we take"));
}

// Base 256: the first byte holds a mark bit, a sign bit and the top bits, big-endian.
absl::StatusOr<int64_t> Base256(ByteView field, std::string_view what) {
  const bool negative = (field[0] & 0x40) != 0;
  uint64_t value = negative ? ~0ull : 0;
  for (size_t i = 0; i < field.size(); ++i) {
    const uint8_t byte = i == 0 ? (negative ? field[0] : field[0] & 0x7f) : field[i];
    const uint64_t top = value >> 55;  // the bits that must be plain sign extension
    if (top != 0 && top != 0x1ff) return BadNumber(what);
    value = value << 8 | byte;
  }
  const int64_t number = static_cast<int64_t>(value);
  if ((number < 0) != negative) return BadNumber(what);
  return number;
}

absl::StatusOr<int64_t> Number(ByteView field, std::string_view what) {
  if (field[0] & 0x80) return Base256(field, what);
  std::string_view text = AsText(field);
  text = text.substr(0, text.find('\0'));
  text = StripSpace(text);
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '7' || value >> 60 != 0) return BadNumber(what);
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return static_cast<int64_t>(value);
}

absl::StatusOr<uint64_t> Unsigned(ByteView block, Field place, std::string_view what) {
  return ParseTarNumber(Cut(block, place), what);
}

// The sum of all bytes with the checksum field as spaces; old tars summed signed bytes.
absl::Status CheckSum(ByteView block) {
  ASSIGN_OR_RETURN(uint64_t written, Unsigned(block, kChecksum, "checksum"));
  uint64_t plain = 0;
  int64_t with_sign = 0;
  for (size_t i = 0; i < kTarBlock; ++i) {
    const bool inside = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const uint8_t byte = inside ? ' ' : block[i];
    plain += byte;
    with_sign += static_cast<int8_t>(byte);
  }
  if (written == plain || static_cast<int64_t>(written) == with_sign) return absl::OkStatus();
  return absl::InvalidArgumentError("tar header: wrong checksum");
}

absl::StatusOr<uint32_t> Id(uint64_t value, std::string_view what) {
  // The last value is chown's "leave alone".
  if (value < 0xffffffff) return static_cast<uint32_t>(value);
  return absl::InvalidArgumentError(StrCat("tar header: ", what, " ", value, " is too large"));
}

absl::StatusOr<TarType> TypeOf(const TarHeader& header, std::string_view path) {
  switch (header.type) {
    case 'S':  // GNU's sparse file
      return TarType::kFile;
    case '0':
    case '\0':
    case '7':
      // Before ustar a folder was a file whose name ends in a slash.
      return path.ends_with('/') ? TarType::kDirectory : TarType::kFile;
    case '1':
      return TarType::kHardLink;
    case '2':
      return TarType::kSymbolicLink;
    case '3':
      return TarType::kCharacter;
    case '4':
      return TarType::kBlock;
    case '5':
      return TarType::kDirectory;
    case '6':
      return TarType::kFifo;
    default:
      return absl::UnimplementedError(
          StrCat("tar header: member type '", Printable({&header.type, 1}), "' is not supported"));
  }
}

}  // namespace

absl::StatusOr<uint64_t> ParseTarNumber(ByteView field, std::string_view what) {
  ASSIGN_OR_RETURN(int64_t value, Number(field, what));
  if (value < 0) return BadNumber(what);
  return static_cast<uint64_t>(value);
}

bool IsZeroBlock(ByteView block) {
  return std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; });
}

absl::StatusOr<TarHeader> ParseTarHeader(ByteView block) {
  if (block.size() != kTarBlock) return absl::InvalidArgumentError("tar header: not 512 bytes");
  RETURN_IF_ERROR(CheckSum(block));
  TarHeader header;
  header.type = static_cast<char>(block[kType]);
  header.path = Text(Cut(block, kName));
  header.link_target = Text(Cut(block, kLink));
  ASSIGN_OR_RETURN(uint64_t mode, Unsigned(block, kMode, "mode"));
  header.mode = mode & 07777;
  ASSIGN_OR_RETURN(header.uid, Unsigned(block, kUid, "user id"));
  ASSIGN_OR_RETURN(header.gid, Unsigned(block, kGid, "group id"));
  ASSIGN_OR_RETURN(header.size, Unsigned(block, kSize, "size"));
  ASSIGN_OR_RETURN(header.mtime, Number(Cut(block, kMtime), "time"));
  const std::string_view magic = AsText(Cut(block, kMagic));
  const bool posix = magic.starts_with(std::string_view("ustar\0", 6));
  const bool gnu = magic.starts_with("ustar ");
  if (posix || gnu) {
    ASSIGN_OR_RETURN(uint64_t major, Unsigned(block, kMajor, "device major number"));
    ASSIGN_OR_RETURN(uint64_t minor, Unsigned(block, kMinor, "device minor number"));
    ASSIGN_OR_RETURN(header.device_major, Id(major, "device major number"));
    ASSIGN_OR_RETURN(header.device_minor, Id(minor, "device minor number"));
  }
  if (posix && block[kPrefix.offset] != 0) {
    header.path = StrCat(Text(Cut(block, kPrefix)), "/", header.path);
  }
  return header;
}

absl::StatusOr<TarEntry> MakeTarEntry(const TarHeader& header, const PaxRecords& pax,
                                      const std::optional<std::string>& long_path,
                                      const std::optional<std::string>& long_link) {
  TarEntry entry;
  entry.path = pax.path ? *pax.path : long_path.value_or(header.path);
  if (pax.sparse && pax.sparse->name) entry.path = *pax.sparse->name;
  entry.link_target = pax.link_target ? *pax.link_target : long_link.value_or(header.link_target);
  ASSIGN_OR_RETURN(entry.type, TypeOf(header, entry.path));
  entry.mode = header.mode;
  ASSIGN_OR_RETURN(entry.uid, Id(pax.uid.value_or(header.uid), "user id"));
  ASSIGN_OR_RETURN(entry.gid, Id(pax.gid.value_or(header.gid), "group id"));
  entry.mtime_seconds = pax.mtime_seconds.value_or(header.mtime);
  entry.mtime_nanoseconds = pax.mtime_seconds ? pax.mtime_nanoseconds : 0;
  // Only files carry bytes, whatever the header of another member says.
  if (entry.type == TarType::kFile) entry.size = pax.size.value_or(header.size);
  entry.device_major = header.device_major;
  entry.device_minor = header.device_minor;
  entry.xattrs.assign(pax.xattrs.begin(), pax.xattrs.end());
  return entry;
}

}  // namespace nacre::image
